"""WebSocket: 生きたログと状態。"""

import json

import pytest
import websockets

from harness.journey import Journey
from harness.product import Product
from harness.sshd import ME, Sshd
from harness.stream import open_stream


async def test_log_arrives_byte_for_byte_and_ends(product: Product, sshd: Sshd) -> None:
    """購読すると、始めからの全バイトが順に届き、終わりが知らされる。"""
    async with product.client() as client, open_stream(client) as stream:
        journey = Journey(client)
        server = await journey.add_server(sshd, ME)
        execution = await journey.start(
            await journey.add_job("for n in 1 2 3; do echo $n; sleep 0.2; done", [server])
        )
        number = await stream.subscribe_log(execution["targets"][0]["id"])
        assert await stream.log_until_end(number) == b"1\n2\n3\n"


async def test_reconnect_continues_at_the_byte(product: Product, sshd: Sshd) -> None:
    """つなぎ直すとき持っている位置を言えば、その続きだけが届く。"""
    async with product.client() as client:
        journey = Journey(client)
        server = await journey.add_server(sshd, ME)
        execution = await journey.run(await journey.add_job("printf 'abcdef'", [server]))
        async with open_stream(client) as stream:
            number = await stream.subscribe_log(execution["targets"][0]["id"], from_byte=4)
            assert await stream.log_until_end(number) == b"ef"


async def test_viewer_far_behind_is_moved_to_the_end(product: Product, sshd: Sshd) -> None:
    """遅れすぎた読み手には、中身の代わりに今の位置を送る(頼まれたときだけ)。"""
    async with product.client() as client:
        journey = Journey(client)
        server = await journey.add_server(sshd, ME)
        execution = await journey.run(await journey.add_job("seq 100000", [server]))
        target = execution["targets"][0]
        async with open_stream(client) as stream:
            number = await stream.subscribe_log(target["id"], max_behind=65_536)
            moved = await stream.wait_for(lambda message: message["type"] == "log_position")
            assert (moved["log_bytes"], moved["log_lines"]) == (target["log_bytes"], 100_000)
            assert await stream.log_until_end(number) == b""


async def test_states_are_told_as_they_change(product: Product, sshd: Sshd) -> None:
    """実行の購読は、購読したときの全部と、その後の変わりだけを知らせ、重ねると今の姿になる。"""
    async with product.client() as client, open_stream(client) as stream:
        journey = Journey(client)
        server = await journey.add_server(sshd, ME)
        execution = await journey.start(await journey.add_job("sleep 0.5", [server]))
        number = await stream.subscribe("execution", execution_id=execution["id"])
        ended = await stream.execution_when(number, lambda held: held["state"] == "succeeded")
        assert ended["targets"][0]["exit_code"] == 0
        kinds = [message["type"] for message in stream.messages]
        assert kinds.count("execution") == 1
        assert ended == (await client.get(f"/executions/{execution['id']}")).json()


async def test_line_counts_grow_while_running(product: Product, sshd: Sshd) -> None:
    """走っているあいだも、対象の行の数が新しくなって届く。"""
    async with product.client() as client, open_stream(client) as stream:
        journey = Journey(client)
        server = await journey.add_server(sshd, ME)
        script = "echo 1; sleep 0.6; echo 2; echo 3; while :; do sleep 0.1; done"
        execution = await journey.start(await journey.add_job(script, [server]))
        number = await stream.subscribe("execution", execution_id=execution["id"])
        told = await stream.execution_when(number, lambda held: held["targets"][0]["log_lines"] == 3)
        assert told["state"] == "running"
        await client.post(f"/executions/{execution['id']}/cancel")


async def test_lists_hear_of_new_executions_and_changed_rooms(product: Product, sshd: Sshd) -> None:
    """一覧の購読は、新しい実行の行と、部屋の変化を知らせる。"""
    async with product.client() as client, open_stream(client) as stream:
        journey = Journey(client)
        await stream.subscribe("executions")
        await stream.subscribe("changes")
        server = await journey.add_server(sshd, ME)
        changed = await stream.wait_for(lambda message: message.get("room") == "servers")
        assert changed["entity_id"] == server
        execution = await journey.start(await journey.add_job("true", [server]))
        told = await stream.wait_for(
            lambda message: (
                message["type"] == "executions"
                and any(
                    row["id"] == execution["id"] and row["state"] == "succeeded" for row in message["items"]
                )
            )
        )
        assert told["type"] == "executions"


async def test_stranger_is_closed_out(product: Product) -> None:
    """通行証のない客は、何も購読できずに閉じられる。"""
    url = f"{product.base_url.replace('http', 'ws', 1)}/api/v1/stream"
    async with websockets.connect(url) as socket:
        await socket.send(json.dumps({"type": "authenticate", "token": "x.y.z"}))
        assert json.loads(await socket.recv())["code"] == "token_invalid"
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4401


async def test_other_sites_cannot_open_the_stream(product: Product) -> None:
    """よその頁のブラウザからは開けない。"""
    url = f"{product.base_url.replace('http', 'ws', 1)}/api/v1/stream"
    async with websockets.connect(url, origin=websockets.Origin("https://evil.example")) as socket:
        with pytest.raises(websockets.ConnectionClosed) as closed:
            await socket.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4403


async def test_unknown_target_is_an_error_not_a_hangup(product: Product) -> None:
    """ない対象を購読しても、その購読だけが断られ、つながりは続く。"""
    async with product.client() as client, open_stream(client) as stream:
        await stream.send(type="subscribe", id=9, topic="log", target_id=999)
        refused = await stream.wait_for(lambda message: message["type"] == "error")
        assert (refused["id"], refused["code"]) == (9, "target_not_found")
        await stream.send(type="ping")
        assert (await stream.wait_for(lambda message: message["type"] == "pong"))["type"] == "pong"
