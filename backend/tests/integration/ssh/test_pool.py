"""接続の使い回し: MaxSessions と MaxStartups を学び、断られる代わりに待つ。"""

import asyncio
from contextlib import suppress
from dataclasses import replace

import pytest

from harness.remote_runs import follow, greeted, order, read_until, run
from harness.sshd import Sshd, SshdOptions, start_sshd
from harness.waiting import eventually
from tsubame.business.executions.remote_run import Cut, Exited
from tsubame.business.servers.entities import Endpoint
from tsubame.business.servers.errors import ConnectionLostError, ShellUnusableError
from tsubame.data_access.ssh.gateway import SshGateway
from tsubame.data_access.ssh.pool import PoolLimits


async def _many(ssh: SshGateway, endpoint: Endpoint, count: int) -> list[bytes]:
    async def one(number: int) -> bytes:
        wanted = order(f"echo {number}; sleep 0.2; exit 3\n")
        followed = await follow(await ssh.runs.start(endpoint, wanted))
        assert followed.exited.exit_code == 3
        await ssh.runs.remove(endpoint, wanted.run_id)
        return followed.log

    return await asyncio.gather(*(one(number) for number in range(count)))


@pytest.mark.parametrize(
    ("max_sessions", "max_startups"), [(10, "10:30:100"), (1, "10:30:100"), (10, "2:50:4"), (3, "2:50:4")]
)
async def test_a_hundred_at_once(ssh: SshGateway, max_sessions: int, max_startups: str) -> None:
    """上限がどうであれ、百本を同時に頼んで一つも断られない。"""
    sshd = await start_sshd(SshdOptions(max_sessions=max_sessions, max_startups=max_startups))
    logs = await _many(ssh, sshd.endpoint(), 100)
    assert logs == [f"{number}\n".encode() for number in range(100)]
    assert len(sshd.connections()) <= 100 // max_sessions + 5 + 1
    await sshd.stop()


async def test_connections_are_reused(sshd: Sshd, ssh: SshGateway) -> None:
    """続けて走らせても、張る接続は走りに一本、片付けに一本だけ。"""
    for _ in range(5):
        await run(ssh, sshd.endpoint(), "true\n")
    assert len(sshd.connections()) == 2


async def test_no_session_allowed(ssh: SshGateway) -> None:
    """一つも載せられない接続(MaxSessions 0)は、待ち続けずに断る。"""
    sshd = await start_sshd(SshdOptions(max_sessions=0))
    with pytest.raises(ShellUnusableError):
        await ssh.runs.start(sshd.endpoint(), order("echo hi\n"))
    await sshd.stop()


async def test_dead_idle_connection_is_replaced(sshd: Sshd, ssh: SshGateway) -> None:
    """使っていないあいだに切れた接続は、黙って張り直す。"""
    await run(ssh, sshd.endpoint(), "true\n")
    sshd.kill_sessions()
    assert (await run(ssh, sshd.endpoint(), "echo hi\n")).log == b"hi\n"


async def test_idle_connections_are_closed(sshd: Sshd) -> None:
    """しばらく使わない接続は閉じる。"""
    ssh = SshGateway(PoolLimits(idle_s=0.2))
    await follow(await ssh.runs.start(sshd.endpoint(), order("true\n")))
    assert sshd.connections()
    await eventually(lambda: not sshd.connections(), "閉じる")
    await ssh.close()


async def test_changed_settings_use_new_connections(sshd: Sshd, ssh: SshGateway) -> None:
    """設定が変わると新しく張り、使っている古い接続は、終わりまで見届けてから閉じる。"""
    endpoint = sshd.endpoint()
    wanted = order("echo one; sleep 0.5; echo two\n")
    attachment = await ssh.runs.start(endpoint, wanted)
    await read_until(attachment, b"one\n")
    newer = replace(endpoint, revision="newer")
    await follow(await ssh.runs.start(newer, order("true\n")))
    assert len(sshd.connections()) == 2
    assert (await follow(attachment)).log == b"two\n"
    await eventually(lambda: len(sshd.connections()) == 1, "古いほうが閉じる")
    await ssh.connections.forget(endpoint.server_id)
    await eventually(lambda: not sshd.connections(), "忘れると閉じる")


async def test_close_leaves_the_run_alone(sshd: Sshd, ssh: SshGateway) -> None:
    """こちらを閉じても走りは続き、別の者が続きを受け取れる。"""
    wanted = order("echo one; sleep 0.5; echo two\n")
    attachment = await ssh.runs.start(sshd.endpoint(), wanted)
    await read_until(attachment, b"one\n")
    await ssh.close()
    assert isinstance((await follow(attachment)).outcome, Cut)
    other = SshGateway()
    assert (await follow(await other.runs.attach(sshd.endpoint(), wanted.run_id, 4))).log == b"two\n"
    await other.close()


async def test_close_while_starting(sshd: Sshd) -> None:
    """始めている途中でこちらを閉じても、待つ者は固まらず、つながらなかったと知る。"""
    for turns in range(1, 40, 3):
        ssh = SshGateway()
        task = asyncio.create_task(ssh.runs.start(sshd.endpoint(), order("echo hi\n")))
        for _ in range(turns):
            await asyncio.sleep(0)
        await ssh.close()
        with suppress(ConnectionLostError):
            async with asyncio.timeout(5):
                assert isinstance((await follow(await task)).outcome, Cut)


async def test_cancelled_start_gives_its_seat_back(sshd: Sshd, ssh: SshGateway) -> None:
    """始めている途中で待つのをやめても、席は戻り、名前はもう一度使える。"""
    wanted = order("echo hi\n")
    endpoint = sshd.endpoint()
    for turns in range(1, 30, 4):
        task = asyncio.create_task(ssh.runs.start(endpoint, wanted))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait({task})
    assert (await follow(await ssh.runs.start(endpoint, wanted))).log == b"hi\n"
    assert all(log for log in await _many(ssh, endpoint, 20))


async def test_many_reattach_at_once(sshd: Sshd, ssh: SshGateway) -> None:
    """こちらが立ち直ったとき、走っている 50 本に一度につなぎ直せる。"""
    gate = f"/tmp/{order('').run_id}"
    orders = [order(f"echo one; while [ ! -e {gate} ]; do sleep .1; done; echo two\n") for _ in range(50)]

    async def begin(number: int) -> None:
        await greeted(await ssh.runs.start(sshd.endpoint(), orders[number]))

    await asyncio.gather(*(begin(number) for number in range(50)))
    await ssh.close()
    again = SshGateway()
    attachments = await asyncio.gather(
        *(again.runs.attach(sshd.endpoint(), wanted.run_id, 0) for wanted in orders)
    )
    await asyncio.gather(*(greeted(attachment) for attachment in attachments))
    await run(again, sshd.endpoint(), f"touch {gate}\n")
    ends = await asyncio.gather(*(follow(attachment) for attachment in attachments))
    assert {end.log for end in ends} == {b"one\ntwo\n"}
    assert all(isinstance(end.outcome, Exited) for end in ends)
    await run(again, sshd.endpoint(), f"rm {gate}\n")
    await again.close()
