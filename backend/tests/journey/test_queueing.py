"""順番の旅: 本物のワーカーの上で、待ち、入れ替わり、やり直す。"""

import itertools
import secrets
from datetime import datetime

from harness.journey import Journey
from harness.product import Product
from harness.sshd import ME, Sshd, start_sshd
from harness.waiting import eventually

RUNS = 4


async def test_one_at_a_time_without_a_pause_between(product: Product, sshd: Sshd) -> None:
    """一つずつしか動かさないジョブを続けて押すと、重ならず、前が終わるとすぐ次が始まる。"""
    async with product.client() as client:
        journey = Journey(client)
        server = await journey.add_server(sshd, ME)
        job = await journey.add_job("sleep 0.3", [server], queueing={"concurrency_limit": 1})
        started = [await journey.start(job) for _ in range(RUNS)]
        ended = [await journey.ended(execution["id"]) for execution in started]
    spans = [
        (datetime.fromisoformat(each["started_at"]), datetime.fromisoformat(each["finished_at"]))
        for each in ended
    ]
    gaps = [(after[0] - before[1]).total_seconds() for before, after in itertools.pairwise(spans)]
    assert all(gap >= 0 for gap in gaps)
    # 合図で進む。見回りを待っていたら、どれも一秒近くになる
    assert min(gaps) < 0.5


async def test_server_that_comes_back_is_tried_again(product: Product) -> None:
    """つながらないサーバは、間をおいてやり直し、直れば成功で終わる。前の試みも残る。"""
    sshd = await start_sshd()
    try:
        async with product.client() as client:
            journey = Journey(client)
            server = await journey.add_server(sshd, ME)
            await sshd.stop()
            retry = {"max_attempts": 20, "delay_s": 1, "factor": 1, "jitter": 0}
            execution = await journey.start(await journey.add_job("echo back", [server], retry=retry))
            await eventually(lambda: _attempt(journey, execution["id"]), "二度目の試みになる", 30)
            await sshd.start()
            ended = await journey.ended(execution["id"])
            (target,) = ended["targets"]
            assert ended["state"] == "succeeded"
            assert target["earlier_attempts"][0]["reason"] == "connect_refused"
            assert await journey.log(target["id"]) == b"back\n"
    finally:
        await sshd.stop()


async def _attempt(journey: Journey, execution_id: int) -> bool:
    execution = await journey.call("GET", f"/executions/{execution_id}")
    return bool(execution["targets"][0]["attempt"] > 1)


async def test_command_on_tagged_servers(product: Product, sshd: Sshd) -> None:
    """札で選んだサーバの全部で命令が動く。除いたサーバでは動かない。"""
    async with product.client() as client:
        journey = Journey(client)
        tag = f"fleet-{secrets.token_hex(4)}"
        for number in range(3):
            await journey.add_server(sshd, ME, name=f"fleet{number}", tags=[tag])
        command = {"command": "echo $((6 * 7))", "selector": f"{tag} and not name:fleet1-*"}
        started = await journey.call("POST", "/commands", status=201, **command)
        ended = await journey.ended(started["id"])
        assert (ended["state"], ended["kind"]) == ("succeeded", "ad_hoc")
        assert [target["server_name"].split("-")[0] for target in ended["targets"]] == ["fleet0", "fleet2"]
        assert [await journey.log(target["id"]) for target in ended["targets"]] == [b"42\n"] * 2
