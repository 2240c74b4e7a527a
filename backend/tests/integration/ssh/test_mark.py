"""脱げない印: 親・セッション・環境変数のすべてから離れた子まで止まり、わざと残した子には触れない。"""

import itertools
import random
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from harness.processes import listed, sleeping
from harness.remote_runs import follow, greeted, order, run
from harness.sshd import SshdOptions, ensure_user, start_sshd
from harness.waiting import eventually
from tsubame.business.executions.remote_run import CancelReport, Guard
from tsubame.business.servers.entities import Endpoint
from tsubame.business.servers.entities import TestStepName as StepName
from tsubame.data_access.ssh.gateway import SshGateway

_numbers = itertools.count(random.randrange(10**7, 10**8))
_LOCKS = 10
"""RLIMIT_LOCKS。Python の ``resource`` は名前を知らない(Linux の asm-generic/resource.h)。"""
# 親を離れ、セッションを変え、環境変数を捨てる。
DAEMON = '(env -i setsid sh -c "sleep N >/dev/null 2>&1 & exit" &)\n'
# 離れながら増え、TERM も聞かない。
STORM = (
    '(env -i setsid sh -c \'trap "" TERM; f() { n=0;'
    " while [ $n -lt 200 ]; do n=$((n + 1)); sleep N & sleep .01; done; }; f & f & exit' &)\n"
)


@pytest.fixture
def number() -> Iterator[int]:
    """眠る秒数の目印。残ったものは、あとで消す。"""
    made = next(_numbers)
    yield made
    for pid in sleeping(made):
        psutil.Process(pid).kill()


@pytest.fixture(params=["/bin/dash", "/bin/bash", "/usr/bin/busybox ash"])
async def shells(request: pytest.FixtureRequest) -> SshGateway:
    """サーバの /bin/sh が何であっても成り立つはずの事実に使う。"""
    return SshGateway(shell=request.param)


def _lock_limit(pid: int) -> str:
    limits = Path(f"/proc/{pid}/limits").read_text().splitlines()
    return next(line for line in limits if line.startswith("Max file locks"))[len("Max file locks") :].strip()


@pytest.mark.parametrize("tree", [DAEMON, STORM], ids=["daemon", "storm"])
async def test_cancel_reaches_a_daemon(ssh: SshGateway, endpoint: Endpoint, number: int, tree: str) -> None:
    """離れた子も、離れて増え続けるものも、中止の答えが返ったときには一つも残っていない。"""
    wanted = order(f"{tree}sleep N\n".replace("sleep N", f"sleep {number}"))
    attachment = await ssh.runs.start(endpoint, wanted)
    await greeted(attachment)
    await eventually(lambda: len(sleeping(number)) >= (2 if tree == DAEMON else 20), "眠り始める")
    assert await ssh.runs.cancel(endpoint, wanted.run_id, 0.2) == CancelReport(True, ())
    assert (await follow(attachment)).exited.cancelled
    assert sleeping(number) == []
    await ssh.runs.remove(endpoint, wanted.run_id)


async def test_guard_reaches_a_daemon(shells: SshGateway, plain: Endpoint, number: int) -> None:
    """時間切れで止めるときも同じで、終わりには「時間切れ」と残る。"""
    script = f"{DAEMON}sleep N\n".replace("N", str(number))
    try:
        exited = (await run(shells, plain, script, guard=Guard(1, None, 1.0))).exited
    finally:
        await shells.close()
    assert (exited.guarded_by, exited.survivors) == ("timed_out", ())
    assert sleeping(number) == []


async def test_daemon_outlives_a_good_end(ssh: SshGateway, endpoint: Endpoint, number: int) -> None:
    """わざと残した子は、終わっても、あとから中止されても、記録を消しても生きている。"""
    wanted = order(f"{DAEMON}exit 3\n".replace("N", str(number)), guard=Guard(3600, 3600, 1.0))
    assert (await follow(await ssh.runs.start(endpoint, wanted))).exited.exit_code == 3
    await eventually(lambda: sleeping(number), "離れて眠る")
    assert await ssh.runs.cancel(endpoint, wanted.run_id, 0.2) == CancelReport(True, ())
    await ssh.runs.remove(endpoint, wanted.run_id)
    await ssh.runs.survey(endpoint)
    assert len(sleeping(number)) == 1


async def test_other_runs_wear_other_marks(ssh: SshGateway, plain: Endpoint, number: int) -> None:
    """同じサーバの別の走りから離れた子には触れない。"""
    first, second = (order(f"{DAEMON}sleep N\n".replace("N", str(number))) for _ in range(2))
    for wanted in (first, second):
        await greeted(await ssh.runs.start(plain, wanted))
    await eventually(lambda: len(sleeping(number)) == 4, "どちらも眠る")
    await ssh.runs.cancel(plain, first.run_id, 0.2)
    assert len(sleeping(number)) == 2
    await ssh.runs.cancel(plain, second.run_id, 0.2)
    assert sleeping(number) == []


async def test_runner_and_guard_wear_none(ssh: SshGateway, plain: Endpoint, number: int) -> None:
    """印を付けるのは木だけ。終わりを書く走り手にも、見張りにも付けない。"""
    wanted = order(f"exec sleep {number}\n", guard=Guard(3600, None, 1.0))
    attachment = await ssh.runs.start(plain, wanted)
    hello = await greeted(attachment)
    await eventually(lambda: sleeping(number), "眠り始める")
    runner = int((Path(hello.directory) / f"{wanted.run_id}.run").read_text().split()[1])
    family = [process.pid for process in listed() if process.session == runner]
    marked = [pid for pid in family if not _lock_limit(pid).startswith("unlimited")]
    assert (len(family), marked) == (4, sleeping(number))
    await ssh.runs.cancel(plain, wanted.run_id, 1.0)
    await follow(attachment)
    await ssh.runs.remove(plain, wanted.run_id)


async def test_connection_test_tells(ssh: SshGateway, shells: SshGateway, endpoint: Endpoint) -> None:
    """接続試験は、どの利用者でも、どのシェルでも、離れた子まで止められると言う。"""
    try:
        for gateway in (ssh, shells):
            steps = {step.name: step for step in await gateway.tester.test(endpoint)}
            assert steps[StepName.SHELL].facts["detached"] == "caught"
    finally:
        await shells.close()


async def test_server_where_the_mark_does_not_stick(ssh: SshGateway, number: int) -> None:
    """印を付けられないサーバでは、接続試験がそう言い、走りと中止は印のない頃と同じに動く。"""
    sshd = await start_sshd(SshdOptions())
    ensure_user("tsbdash")
    endpoint, wanted = sshd.endpoint("tsbdash"), order(f"setsid sleep {number} & echo up; sleep {number}\n")
    try:
        sshd.limit(_LOCKS, 5)
        steps = {step.name: step for step in await ssh.tester.test(endpoint)}
        assert steps[StepName.SHELL].facts["detached"] == "escapes"
        attachment = await ssh.runs.start(endpoint, wanted)
        await greeted(attachment)
        await eventually(lambda: len(sleeping(number)) == 2, "眠り始める")
        assert await ssh.runs.cancel(endpoint, wanted.run_id, 0.2) == CancelReport(True, ())
        followed = await follow(attachment)
        assert (followed.log.splitlines()[0], followed.exited.cancelled) == (b"up", True)
        assert sleeping(number) == []
    finally:
        await sshd.stop()
