"""踏み台: 何段でも通り、接続を分け合い、どの踏み台でつまずいたかが分かる。"""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest

from harness.remote_runs import follow, new_id, order, read_until, run
from harness.sshd import KEY_LOGIN, ME, Sshd, SshdOptions, free_port, start_sshd
from harness.waiting import eventually
from tsubame.business.credentials.entities import PasswordLogin
from tsubame.business.executions.remote_run import Cut
from tsubame.business.servers import entities
from tsubame.business.servers.entities import Endpoint
from tsubame.business.servers.errors import (
    AuthFailedError,
    ConnectionProblem,
    ConnectRefusedError,
    HostKeyChangedError,
    HostKeyUnknownError,
    JumpForbiddenError,
    NameNotResolvedError,
)
from tsubame.business.shared.ids import ServerId
from tsubame.business.shared.secret import Secret
from tsubame.data_access.ssh.dialer import Tunnels
from tsubame.data_access.ssh.gateway import SshGateway

Step = entities.TestStepName
Start = Callable[[SshdOptions | None], Coroutine[Any, Any, Sshd]]


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """sshd を好きなだけ立て、終わりに全部止める。"""
    started: list[Sshd] = []

    async def one(options: SshdOptions | None = None) -> Sshd:
        started.append(await start_sshd(options))
        return started[-1]

    yield one
    for sshd in started:
        await sshd.stop()


def through(*chain: Sshd) -> Endpoint:
    """こちらに近い順に通る。最後が相手。"""
    via: Endpoint | None = None
    for sshd in chain:
        path = "" if via is None else via.revision
        endpoint = sshd.endpoint()
        via = replace(endpoint, via=via, revision=f"{path}/{endpoint.revision}")
    assert via is not None
    return via


async def _refused(ssh: SshGateway, endpoint: Endpoint, kind: type[ConnectionProblem]) -> ConnectionProblem:
    with pytest.raises(kind) as caught:
        await ssh.runs.start(endpoint, order("echo hi\n"))
    return caught.value


async def test_three_jumps(ssh: SshGateway, start: Start) -> None:
    """三段の踏み台の先で、始めから終わりまで一バイトも失わずに走る。"""
    chain = [await start(None) for _ in range(4)]
    followed = await run(ssh, through(*chain), "echo $SSH_CONNECTION; seq 200000; exit 3\n")
    first, _, rest = followed.log.partition(b"\n")
    assert first.split()[-1] == str(chain[-1].port).encode()
    assert rest == "".join(f"{number}\n" for number in range(1, 200001)).encode()
    assert followed.exited.exit_code == 3


async def test_one_connection_is_shared(ssh: SshGateway, start: Start) -> None:
    """踏み台の先の二台へ何十本走らせても、踏み台までの接続は一本。使い終われば閉じる。"""
    bastion, left, right = await start(None), await start(None), await start(None)
    ends = [through(bastion, left), through(bastion, right)]

    async def one(number: int) -> bytes:
        return (await run(ssh, ends[number % 2], f"sleep .2; echo {number}\n")).log

    assert await asyncio.gather(*(one(number) for number in range(40))) == [b"%d\n" % n for n in range(40)]
    assert len(bastion.connections()) == 1
    await ssh.connections.forget(bastion.server_id)
    for endpoint in ends:
        await ssh.connections.forget(endpoint.server_id)
    await eventually(lambda: not bastion.connections(), "だれも使わなくなれば閉じる")


async def test_idle_jump_is_closed(sshd: Sshd) -> None:
    """だれも使わない踏み台への接続は、しばらくして閉じる。"""
    tunnels = Tunnels(idle_s=0.1)
    await tunnels.check(sshd.endpoint())
    await eventually(lambda: not sshd.connections(), "閉じる")
    await tunnels.close()


async def test_changed_settings_of_a_jump(ssh: SshGateway, start: Start) -> None:
    """踏み台の設定が変わると張り直し、古いほうは、使っている走りを見届けてから閉じる。"""
    bastion, target = await start(None), await start(None)
    old = through(bastion, target)
    gate = f"/tmp/{new_id()}"
    waiting = order(f"echo one; while [ ! -e {gate} ]; do sleep .1; done; rm {gate}; echo two\n")
    attachment = await ssh.runs.start(old, waiting)
    await read_until(attachment, b"one\n")
    assert old.via is not None
    new = replace(old, revision="newer", via=replace(old.via, revision="newer"))
    assert (await run(ssh, new, "echo new\n")).log == b"new\n"
    assert len(bastion.connections()) == 2
    await run(ssh, new, f"touch {gate}\n")
    assert (await follow(attachment)).log == b"two\n"
    await eventually(lambda: len(bastion.connections()) == 1, "古いほうが閉じる")


async def test_jump_restarts_during_a_run(ssh: SshGateway, start: Start) -> None:
    """踏み台が落ちても走りは続き、戻れば、張り直して続きが届く。"""
    bastion, target = await start(None), await start(None)
    endpoint, wanted = through(bastion, target), order("echo one; sleep 1; echo two\n")
    attachment = await ssh.runs.start(endpoint, wanted)
    await read_until(attachment, b"one\n")
    await bastion.stop()
    assert isinstance((await follow(attachment)).outcome, Cut)
    problem = await _refused(ssh, endpoint, ConnectRefusedError)
    assert problem.hop == bastion.server_id
    await bastion.start()
    assert (await follow(await ssh.runs.attach(endpoint, wanted.run_id, 4))).log == b"two\n"


async def test_failure_names_the_jump(ssh: SshGateway, start: Start) -> None:
    """どの踏み台でつまずいても、その踏み台の名前と番号が分かり、その先へは進まない。"""
    outer, inner, target = await start(None), await start(None), await start(None)
    whole = through(outer, inner, target)
    assert whole.via is not None
    wrong = PasswordLogin(Secret("no"))
    cases: list[tuple[dict[str, Any], type[ConnectionProblem]]] = [
        ({"login": wrong}, AuthFailedError),
        ({"host_key": target.host_key}, HostKeyChangedError),
        ({"host_key": None}, HostKeyUnknownError),
        ({"port": free_port()}, ConnectRefusedError),
        ({"host": "no-such-host.invalid"}, NameNotResolvedError),
    ]
    for changes, kind in cases:
        broken = replace(whole, via=replace(whole.via, revision=f"{kind.code}", **changes))
        problem = await _refused(ssh, replace(broken, revision=kind.code), kind)
        assert problem.hop == inner.server_id
        assert problem.params["hop"] == whole.via.name
        assert f"{whole.via.name!r}" in problem.detail
        if isinstance(problem, HostKeyChangedError):
            assert problem.offered == inner.host_key
    assert not target.connections()


async def test_jump_cannot_reach_the_server(ssh: SshGateway, start: Start) -> None:
    """踏み台の先が聞いていなければ、相手のせいとして、踏み台の名前とともに言う。"""
    bastion, target = await start(None), await start(None)
    endpoint = replace(through(bastion, target), port=free_port())
    problem = await _refused(ssh, endpoint, ConnectRefusedError)
    assert problem.hop is None
    assert endpoint.via is not None
    assert endpoint.via.name in problem.detail


async def test_forwarding_not_allowed(ssh: SshGateway, start: Start) -> None:
    """中継を許さない踏み台は jump_forbidden。"""
    bastion, target = await start(SshdOptions(extra=("AllowTcpForwarding no",))), await start(None)
    problem = await _refused(ssh, through(bastion, target), JumpForbiddenError)
    assert problem.hop == bastion.server_id


async def test_scan_through_jumps(ssh: SshGateway, start: Start) -> None:
    """踏み台の先のホスト鍵を読める。相手には、ログインを試みない。"""
    bastion, target = await start(None), await start(None)
    assert await ssh.scanner.scan(through(bastion, target).route) == target.host_key
    changed = through(bastion, target)
    assert changed.via is not None
    stranger = replace(changed.via, revision="stranger", host_key=target.host_key)
    with pytest.raises(HostKeyChangedError) as caught:
        await ssh.scanner.scan(replace(changed.route, via=stranger))
    assert caught.value.offered == bastion.host_key
    await target.stop()
    assert not any("Accepted" in line or "Failed" in line for line in target.log)


async def test_connection_test_shows_the_jumps(ssh: SshGateway, start: Start) -> None:
    """接続試験は踏み台を一段ずつ見せ、失敗した踏み台で止まる。"""
    outer, inner, target = await start(None), await start(None), await start(None)
    whole = through(outer, inner, target)
    steps = await ssh.tester.test(whole)
    assert [step.name for step in steps] == [
        *(Step.JUMP, Step.JUMP, Step.TCP, Step.HOST_KEY, Step.LOGIN, Step.SHELL, Step.RUN_DIRECTORY)
    ]
    assert all(step.reason is None for step in steps)
    assert [step.hop for step in steps[:3]] == [outer.server_id, inner.server_id, None]
    assert steps[1].facts == {"server": whole.hops[1].name, "address": "127.0.0.1", "port": inner.port}
    await inner.stop()
    *passed, failed = await ssh.tester.test(whole)
    assert [step.hop for step in passed] == [outer.server_id]
    assert (failed.name, failed.reason, failed.hop) == (Step.JUMP, "connect_refused", inner.server_id)
    await inner.start()
    *passed, failed = await ssh.tester.test(replace(whole, host_key=None))
    assert [step.name for step in passed] == [Step.JUMP, Step.JUMP]
    assert (failed.name, failed.reason) == (Step.HOST_KEY, "host_key_unknown")
    assert failed.facts["fingerprint"] == target.host_key.fingerprint
    *passed, failed = await ssh.tester.test(replace(whole, port=free_port()))
    assert (failed.name, failed.reason, failed.hop) == (Step.TCP, "connect_refused", None)


async def test_busy_jump_is_waited_for(ssh: SshGateway, start: Start) -> None:
    """混んでいる踏み台(MaxStartups)も、断られた失敗にせず、待って通る。"""
    bastion = await start(SshdOptions(max_startups="2:50:4"))
    targets = [await start(None) for _ in range(3)]

    async def one(number: int) -> bytes:
        chain = through(bastion, targets[number % 3])
        # 版を変えて、踏み台への接続を分け合わせない
        assert chain.via is not None
        via = replace(chain.via, server_id=ServerId(10_000 + number), revision=str(number))
        end = replace(chain, via=via, server_id=ServerId(20_000 + number))
        return (await run(ssh, end, f"echo {number}\n")).log

    assert await asyncio.gather(*(one(number) for number in range(24))) == [b"%d\n" % n for n in range(24)]


def test_route_of_an_endpoint() -> None:
    """道は、こちらに近い順の踏み台として読める。"""
    one = Endpoint(ServerId(1), "a", "1", "a", 22, ME, KEY_LOGIN, None, None)
    two = replace(one, name="b", via=one)
    three = replace(one, name="c", via=two)
    assert [hop.name for hop in three.hops] == ["a", "b"]
    assert three.route.via is two
