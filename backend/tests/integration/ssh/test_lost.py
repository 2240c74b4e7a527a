"""サーバが走りを知らなくなったとき: 殺された、再起動した、記録が消えた、始まっていない。"""

import asyncio
import subprocess
from pathlib import Path

import pytest

from harness.remote_runs import follow, greeted, new_id, order, read_until
from harness.sshd import Sshd
from harness.waiting import eventually
from tsubame.business.executions.errors import RunStillRunningError
from tsubame.business.executions.remote_run import Cut, Exited, Hello, Lost
from tsubame.business.servers.entities import Endpoint
from tsubame.data_access.ssh.attachment import SshAttachment
from tsubame.data_access.ssh.gateway import SshGateway

SCRIPT = "echo before; sleep 987654\n"


def _runner(hello: Hello, run_id: str) -> str:
    return (Path(hello.directory) / f"{run_id}.run").read_text().split()[1]


async def test_runner_killed_while_attached(ssh: SshGateway, endpoint: Endpoint) -> None:
    """走り手が kill -9 されると、それまでのログを届けてから killed になる。"""
    wanted = order(SCRIPT)
    attachment = await ssh.runs.start(endpoint, wanted)
    hello = await greeted(attachment)
    log_file = Path(hello.directory) / f"{wanted.run_id}.out"
    await eventually(lambda: log_file.read_bytes() == b"before\n", "書く")
    subprocess.run(["kill", "-9", _runner(hello, wanted.run_id)], check=True)
    async with asyncio.timeout(5):
        followed = await follow(attachment)
    assert (followed.log, followed.outcome) == (b"before\n", Lost("killed"))
    await ssh.runs.cancel(endpoint, wanted.run_id, 0)


async def test_runner_killed_after_reattach(ssh: SshGateway, endpoint: Endpoint) -> None:
    """つなぎ直したあとでも、走り手が kill -9 されたことにすぐ気づく。"""
    wanted = order(SCRIPT)
    await read_until(await ssh.runs.start(endpoint, wanted), b"before\n")
    attachment = await ssh.runs.attach(endpoint, wanted.run_id, 7)
    hello = await greeted(attachment)
    subprocess.run(["kill", "-9", _runner(hello, wanted.run_id)], check=True)
    async with asyncio.timeout(5):
        assert (await follow(attachment)).outcome == Lost("killed")
    assert (await follow(await ssh.runs.attach(endpoint, wanted.run_id, 0))).outcome == Lost("killed")
    await ssh.runs.cancel(endpoint, wanted.run_id, 0)


async def test_reboot(ssh: SshGateway, plain: Endpoint) -> None:
    """サーバの起動の番号が変わっていたら reboot になる。"""
    wanted = order(SCRIPT)
    attachment = await ssh.runs.start(plain, wanted)
    hello = await greeted(attachment)
    claim = Path(hello.directory) / f"{wanted.run_id}.run"
    text = claim.read_text()
    words = text.split()
    claim.write_text(text.replace(words[3], "0" * 36))
    again = await follow(await ssh.runs.attach(plain, wanted.run_id, 7))
    assert again.outcome == Lost("reboot")
    claim.write_text(text)
    await ssh.runs.cancel(plain, wanted.run_id, 0)


async def test_records_wiped(ssh: SshGateway, plain: Endpoint) -> None:
    """記録が消えていたら nodir になり、二度目は始まらない。"""
    assert (await follow(await ssh.runs.attach(plain, new_id(), 0))).outcome == Lost("nodir")


async def test_never_started(ssh: SshGateway, plain: Endpoint) -> None:
    """場所だけ作られて名乗りがなければ neverstarted になる。"""
    wanted = order("true\n")
    followed = await follow(await ssh.runs.start(plain, wanted))
    (followed.directory / f"{wanted.run_id}.run").unlink()
    end = followed.directory / f"{wanted.run_id}.fin"
    end.write_bytes(end.read_bytes()[:100])
    again = await follow(await ssh.runs.attach(plain, wanted.run_id, 0))
    assert again.outcome == Lost("neverstarted")


async def test_torn_records_are_not_believed(ssh: SshGateway, plain: Endpoint) -> None:
    """最後の点まで書かれていない終わりの記録は、信じない。"""
    wanted = order("exit 0\n")
    followed = await follow(await ssh.runs.start(plain, wanted))
    end = followed.directory / f"{wanted.run_id}.fin"
    end.write_bytes(end.read_bytes()[:-3])
    assert (await follow(await ssh.runs.attach(plain, wanted.run_id, 0))).outcome == Lost("killed")


async def test_running_record_is_not_removed(ssh: SshGateway, plain: Endpoint) -> None:
    """走っているものの記録は、片付けを頼まれても消さない。"""
    wanted = order(SCRIPT)
    attachment = await ssh.runs.start(plain, wanted)
    hello = await greeted(attachment)
    with pytest.raises(RunStillRunningError):
        await ssh.runs.remove(plain, wanted.run_id)
    assert (Path(hello.directory) / f"{wanted.run_id}.run").exists()
    await ssh.runs.cancel(plain, wanted.run_id, 0)
    assert isinstance((await follow(attachment)).outcome, Exited)


async def test_silent_run_is_probed(ssh: SshGateway, sshd: Sshd, plain: Endpoint) -> None:
    """黙っている走りは別の接続で尋ね、追い手だけが固まっていたら切って、つなぎ直させる。"""
    wanted = order(SCRIPT)
    channel = (await ssh.runs.start(plain, wanted)).channel
    asked = []

    async def still_running() -> bool:
        asked.append(await ssh.runs.still_running(plain, wanted.run_id))
        if len(asked) == 2:
            await ssh.runs.cancel(plain, wanted.run_id, 0)
        return asked[-1] and len(asked) < 3

    attachment = SshAttachment(channel, still_running, silence_s=0.05)
    await read_until(attachment, b"before\n")
    followed = await follow(attachment)
    assert asked[:2] == [True, True]
    assert isinstance(followed.outcome, Cut | Exited)
