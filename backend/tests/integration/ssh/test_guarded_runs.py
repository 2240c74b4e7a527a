"""見張りの付いた走り: だれもつながっていなくても止まり、あとで来た者に、わけが伝わる。"""

import asyncio
import itertools
import random
import subprocess
from pathlib import Path

from harness.processes import listed, sleeping
from harness.remote_runs import follow, greeted, order, read_until, run
from harness.waiting import eventually
from tsubame.business.executions.remote_run import CancelReport, Guard
from tsubame.business.servers.entities import Endpoint
from tsubame.data_access.ssh.gateway import SshGateway

_numbers = itertools.count(random.randrange(10**7, 10**8))


async def test_stops_with_nobody_attached(ssh: SshGateway, endpoint: Endpoint) -> None:
    """つながりを全部切っても上限で止まり、つなぎ直した者は「時間切れ」とログの全部を受け取る。"""
    number = next(_numbers)
    wanted = order(f"echo up; setsid sleep {number} & sleep {number}\n", guard=Guard(1, None, 1.0))
    attachment = await ssh.runs.start(endpoint, wanted)
    assert await read_until(attachment, b"up\n") == b"up\n"
    await ssh.close()
    await eventually(lambda: not sleeping(number), "だれも見ていないところで止まる")
    later = SshGateway()
    try:
        followed = await follow(await later.runs.attach(endpoint, wanted.run_id, 0))
    finally:
        await later.close()
    assert followed.log == b"up\n"
    assert (followed.exited.guarded_by, followed.exited.cancelled) == ("timed_out", False)


async def test_follower_hears_of_it(ssh: SshGateway, endpoint: Endpoint) -> None:
    """つながっている者には、止まったその場で伝わる。"""
    followed = await run(ssh, endpoint, "echo up; sleep 600\n", guard=Guard(1, None, 1.0))
    assert (followed.log, followed.exited.guarded_by) == (b"up\n", "timed_out")


async def test_contact_over_ssh(ssh: SshGateway, plain: Endpoint) -> None:
    """「まだ見ている」は、つながりが切れていても届き、途絶えたら止まる。"""
    wanted = order("echo up; sleep 600\n", guard=Guard(None, 2, 1.0))
    attachment = await ssh.runs.start(plain, wanted)
    hello = await greeted(attachment)
    await attachment.close()
    mark = Path(hello.directory) / f"{wanted.run_id}.con"
    for _ in range(4):
        await ssh.runs.keep_contact(plain, wanted.run_id)
        await eventually(lambda: not mark.exists(), "印を見て消す")
    exited = (await follow(await ssh.runs.attach(plain, wanted.run_id, 0))).exited
    assert exited.guarded_by == "contact_lost"
    assert exited.duration_s is not None
    assert exited.duration_s > 4


async def test_cancel_of_a_guarded_run(ssh: SshGateway, endpoint: Endpoint) -> None:
    """見張りは中止の邪魔をしない: 猶予を待たせず、生き残りにも数えられず、終わりは中止。"""
    number = next(_numbers)
    wanted = order(f"sleep {number} & sleep {number}\n", guard=Guard(86_400, 3600, 5.0))
    attachment = await ssh.runs.start(endpoint, wanted)
    await greeted(attachment)
    await eventually(lambda: len(sleeping(number)) == 2, "眠り始める")
    async with asyncio.timeout(4):
        assert await ssh.runs.cancel(endpoint, wanted.run_id, 5.0) == CancelReport(True, ())
    exited = (await follow(attachment)).exited
    assert (exited.cancelled, exited.guarded_by) == (True, None)
    assert not sleeping(number)


async def test_survivors_of_the_guard(ssh: SshGateway, plain: Endpoint) -> None:
    """見張りが止めても消えないものは、番号で伝わる。"""
    number = next(_numbers)
    helper = Path(f"/usr/local/bin/tsb-become-root-{number}")
    subprocess.run(["cp", "/usr/bin/setpriv", str(helper)], check=True)
    helper.chmod(0o4755)
    try:
        script = f"{helper} --reuid=0 sleep {number} & wait\n"
        followed = await run(ssh, plain, script, guard=Guard(1, None, 0.2))
        assert followed.exited.survivors == tuple(sleeping(number))
        assert (len(followed.exited.survivors), followed.exited.guarded_by) == (1, "timed_out")
    finally:
        subprocess.run(["kill", "-9", *map(str, sleeping(number))], check=True)
        helper.unlink()


async def test_guard_of_a_short_run_leaves_at_once(ssh: SshGateway, plain: Endpoint) -> None:
    """始まってすぐ終わる走りでも、終わりがすぐ伝わり、見張りも眠りも残らない(生まれかけへのシグナルは失われる)。"""
    limit = next(_numbers)
    crowd = asyncio.Semaphore(8)

    async def short() -> None:
        async with crowd, asyncio.timeout(30):
            followed = await run(ssh, plain, "exit 3\n", guard=Guard(limit, None, 1.0))
            assert (followed.exited.exit_code, followed.exited.guarded_by) == (3, None)

    await asyncio.gather(*(short() for _ in range(200)))
    await eventually(lambda: not [each for each in listed() if str(limit) in each.args], "見張りがいなくなる")
