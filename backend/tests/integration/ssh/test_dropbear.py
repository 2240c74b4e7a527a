"""組み込み機器の dropbear でも、OpenSSH と同じに走る。"""

import asyncio
import itertools
import random
from dataclasses import replace

import pytest

from harness.dropbear import dropbear
from harness.processes import sleeping
from harness.remote_runs import follow, greeted, order, read_until, run
from harness.sshd import KEY_LOGIN, PASSWORD_LOGIN, Sshd
from harness.waiting import eventually
from tsubame.business.credentials.entities import Login
from tsubame.business.executions.remote_run import Cut, Exited, Guard, Hello
from tsubame.business.servers.entities import SshOptions
from tsubame.business.servers.errors import JumpForbiddenError, ShellUnusableError
from tsubame.data_access.ssh.gateway import SshGateway

_numbers = itertools.count(random.randrange(10**7, 10**8))


@pytest.mark.parametrize("login", [KEY_LOGIN, PASSWORD_LOGIN], ids=["key", "password"])
@pytest.mark.parametrize("algorithm", ["ed25519", "rsa", "ecdsa"])
async def test_whole_run(ssh: SshGateway, login: Login, algorithm: str) -> None:
    """鍵でもパスワードでも、どのホスト鍵でも、一バイトも失わずに走り、接続試験が通る。"""
    async with dropbear(algorithm=algorithm) as server:
        endpoint = server.endpoint(login)
        followed = await run(ssh, endpoint, "seq 300000; exit 5\n", environment=(("V", "it's"),))
        assert followed.log == "".join(f"{number}\n" for number in range(1, 300001)).encode()
        assert followed.exited.exit_code == 5
        assert all(step.reason is None for step in await ssh.tester.test(endpoint))
        assert await ssh.scanner.scan(endpoint.route) == server.host_key


async def test_cut_and_attached_again(ssh: SshGateway) -> None:
    """つながりを殺しても走りは続き、つなぎ直すと続きから届く。中止すると木ごと止まる。"""
    async with dropbear() as server:
        endpoint, wanted = server.endpoint(), order("echo one; sleep 1; echo two; sleep 300 & sleep 300\n")
        first = await ssh.runs.start(endpoint, wanted)
        await read_until(first, b"one\n")
        server.kill_connections()
        assert isinstance((await follow(first)).outcome, Cut)
        again = await ssh.runs.attach(endpoint, wanted.run_id, 4)
        await greeted(again)
        assert await read_until(again, b"two\n") == b"two\n"
        report = await ssh.runs.cancel(endpoint, wanted.run_id, 1)
        assert (report.ended, report.survivors) == (True, ())
        outcome = (await follow(again)).outcome
        assert isinstance(outcome, Exited)
        assert outcome.cancelled
        await ssh.runs.remove(endpoint, wanted.run_id)


async def test_guarded_run(ssh: SshGateway) -> None:
    """見張りの付いた走りも始められ、上限のうちに終われば、終わりはそのまま届く。"""
    async with dropbear() as server:
        guard = Guard(86_400, 3600, 5.0)
        followed = await run(ssh, server.endpoint(), "echo hi; exit 3\n", guard=guard)
        assert (followed.log, followed.exited.exit_code, followed.exited.guarded_by) == (b"hi\n", 3, None)


async def test_guard_stops_it_with_nobody_attached(ssh: SshGateway) -> None:
    """つながりを殺されたままでも、上限で木ごと止まり、つなぎ直した者に、わけが伝わる。"""
    number = next(_numbers)
    async with dropbear() as server:
        endpoint = server.endpoint()
        wanted = order(f"echo up; setsid sleep {number} & sleep {number}\n", guard=Guard(2, None, 1.0))
        first = await ssh.runs.start(endpoint, wanted)
        assert await read_until(first, b"up\n") == b"up\n"
        await eventually(lambda: len(sleeping(number)) == 2, "眠り始める")
        server.kill_connections()
        assert isinstance((await follow(first)).outcome, Cut)
        await eventually(lambda: not sleeping(number), "だれも見ていないところで止まる")
        followed = await follow(await ssh.runs.attach(endpoint, wanted.run_id, 0))
        assert (followed.log, followed.exited.guarded_by) == (b"up\n", "timed_out")
        await ssh.runs.remove(endpoint, wanted.run_id)


async def test_many_at_once(ssh: SshGateway) -> None:
    """一つの相手からの、認証前の接続を五つまでしか許さない dropbear でも、一つも断られない。"""
    async with dropbear() as server:
        endpoint = server.endpoint()

        async def one(number: int) -> bytes:
            wanted = order(f"echo {number}; sleep .2\n")
            followed = await follow(await ssh.runs.start(endpoint, wanted))
            log = followed.log
            # dropbear は、混むとつながりごと落ちることがある。走りは続くので、製品と同じく続きを追う
            began = isinstance(followed.hello, Hello)
            while isinstance(followed.outcome, Cut):
                attachment = (
                    await ssh.runs.attach(endpoint, wanted.run_id, len(log))
                    if began
                    else await ssh.runs.start(endpoint, wanted)
                )
                followed = await follow(attachment)
                began = began or isinstance(followed.hello, Hello)
                log += followed.log
            return log

        logs = await asyncio.gather(*(one(number) for number in range(40)))
    assert logs == [b"%d\n" % number for number in range(40)]


async def test_compressed(ssh: SshGateway) -> None:
    """圧縮しても、同じバイトが届く。"""
    async with dropbear() as server:
        endpoint = replace(server.endpoint(), options=SshOptions(compression=True))
        assert (await run(ssh, endpoint, "seq 50000\n")).log == "".join(
            f"{n}\n" for n in range(1, 50001)
        ).encode()


async def test_as_a_jump_server(ssh: SshGateway, sshd: Sshd) -> None:
    """dropbear も踏み台になれる。中継を断る設定なら、そう言う。"""
    async with dropbear() as bastion:
        inner = replace(sshd.endpoint(), via=bastion.endpoint())
        assert (await run(ssh, inner, "echo inner\n")).log == b"inner\n"
    async with dropbear("-j") as closed:
        refused = replace(sshd.endpoint(), revision="refused", via=closed.endpoint())
        with pytest.raises(JumpForbiddenError):
            await ssh.runs.start(refused, order("echo hi\n"))


async def test_forced_command(ssh: SshGateway) -> None:
    """命令を決めてある dropbear では走れず、何が答えたかが見える。"""
    async with dropbear("-c", "echo only backups here") as server:
        attachment = await ssh.runs.start(server.endpoint(), order("echo hi\n"))
        with pytest.raises(ShellUnusableError, match="only backups here"):
            await attachment.hello()
