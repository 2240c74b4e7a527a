"""中止: プロセスの木が丸ごと消える。消えないものは番号で分かる。"""

import asyncio
import itertools
import random
import subprocess
from pathlib import Path

import pytest

from harness.remote_runs import follow, greeted, order, read_until
from harness.sshd import SshdOptions, start_sshd
from harness.waiting import eventually
from tsubame.business.executions.remote_run import CancelReport
from tsubame.business.servers.entities import Endpoint
from tsubame.data_access.ssh.gateway import SshGateway

# 眠る秒数を目印にして、あとで数える。試験ごとに違う値にする。
_numbers = itertools.count(random.randrange(10**7, 10**8))
TREES = {
    "children": "sleep N & sleep N\n",
    "grandchild with nohup": '(nohup sh -c "sleep N; :" >/dev/null 2>&1 &); sleep N\n',
    "own session": "setsid sleep N & setsid -f sleep N; sleep N\n",
    "clean environment": "env -i sleep N & sleep N\n",
    "clean environment, own session, parent alive": 'env -i setsid sh -c "sleep N; :" & sleep N\n',
    "daemon that keeps the environment": '(setsid sh -c "sleep N & exit" &); sleep N\n',
    "job control": 'exec bash -c "set -m; sleep N & sleep N & wait"\n',
    "stopped": "sleep N & sleep 0.1; kill -STOP $!; sleep N\n",
}
DEAF = "trap '' TERM INT HUP; sleep N & while :; do sleep N; done\n"
STORM = "f() { while :; do sleep N & sleep 0.01; done; }; f & f & f\n"


def _sleeping(number: int) -> list[str]:
    found = subprocess.run(["ps", "-eo", "stat,args"], check=True, capture_output=True, text=True).stdout
    return [line for line in found.splitlines() if line.endswith(f"sleep {number}") and line[0] != "Z"]


async def _cancel(
    ssh: SshGateway, endpoint: Endpoint, tree: str, grace_s: float, at_least: int = 1
) -> tuple[CancelReport, int]:
    number = next(_numbers)
    wanted = order(tree.replace("sleep N", f"sleep {number}"))
    attachment = await ssh.runs.start(endpoint, wanted)
    await greeted(attachment)
    await eventually(lambda: len(_sleeping(number)) >= at_least, "眠り始める")
    async with asyncio.timeout(10):
        report = await ssh.runs.cancel(endpoint, wanted.run_id, grace_s)
        exited = (await follow(attachment)).exited
    assert exited.cancelled
    await ssh.runs.remove(endpoint, wanted.run_id)
    return report, len(_sleeping(number))


@pytest.mark.parametrize("tree", TREES.values(), ids=TREES.keys())
async def test_every_tree_is_gone(ssh: SshGateway, endpoint: Endpoint, tree: str) -> None:
    """どう枝分かれしていても、答えが返ったときには一つも残っていない。"""
    assert await _cancel(ssh, endpoint, tree, 2.0, tree.count("sleep N")) == (CancelReport(True, ()), 0)


async def test_deaf_tree_is_killed_after_the_grace(ssh: SshGateway, plain: Endpoint) -> None:
    """TERM を無視するものも、猶予のあとで消える。"""
    assert await _cancel(ssh, plain, DEAF, 0.5, 2) == (CancelReport(True, ()), 0)


async def test_fork_storm_is_killed(ssh: SshGateway, plain: Endpoint) -> None:
    """増え続けるものも、止めてから殺すので消え切る。"""
    assert await _cancel(ssh, plain, f"trap '' TERM; {STORM}", 0.2, 40) == (CancelReport(True, ()), 0)


async def test_grace_lets_the_script_clean_up(ssh: SshGateway, endpoint: Endpoint) -> None:
    """TERM を受けたスクリプトは、猶予のあいだに後始末をして、自分の終了コードで終われる。"""
    wanted = order("trap 'echo cleaning; exit 5' TERM; echo ready; while :; do sleep 0.05; done\n")
    attachment = await ssh.runs.start(endpoint, wanted)
    await read_until(attachment, b"ready\n")
    report = await ssh.runs.cancel(endpoint, wanted.run_id, 5.0)
    followed = await follow(attachment)
    assert report == CancelReport(True, ())
    # 眠る子がちょうどいれば、dash はその死を「Terminated」と先に書く
    assert followed.log.endswith(b"cleaning\n")
    assert (followed.exited.exit_code, followed.exited.cancelled) == (5, True)


async def test_similar_name_is_left_alone(ssh: SshGateway, plain: Endpoint) -> None:
    """名前の頭が同じ別の走りには触れない。"""
    number = next(_numbers)
    first = order(f"sleep {number}\n")
    others = [order(f"sleep {number}\n", run_id=first.run_id + tail) for tail in ("0", "-1")]
    for wanted in (first, *others):
        await greeted(await ssh.runs.start(plain, wanted))
    await eventually(lambda: len(_sleeping(number)) == 3, "三つとも眠る")
    await ssh.runs.cancel(plain, first.run_id, 1.0)
    assert len(_sleeping(number)) == 2
    for wanted in others:
        await ssh.runs.cancel(plain, wanted.run_id, 0)
    assert _sleeping(number) == []


async def test_after_the_end(ssh: SshGateway, plain: Endpoint) -> None:
    """終わった走りを止めても、終わり方は変わらない。"""
    wanted = order("exit 3\n")
    await follow(await ssh.runs.start(plain, wanted))
    assert await ssh.runs.cancel(plain, wanted.run_id, 1.0) == CancelReport(True, ())
    exited = (await follow(await ssh.runs.attach(plain, wanted.run_id, 0))).exited
    assert (exited.exit_code, exited.cancelled) == (3, False)


async def test_before_the_start(ssh: SshGateway, plain: Endpoint) -> None:
    """始まる前に止めた走りは、あとから届いた「始めろ」でも走らない。"""
    wanted = order("echo started\n")
    assert await ssh.runs.cancel(plain, wanted.run_id, 1.0) == CancelReport(True, ())
    followed = await follow(await ssh.runs.start(plain, wanted))
    assert (followed.log, followed.exited.cancelled) == (b"", True)
    assert followed.exited.exit_code != 0


async def test_runner_killed_first(ssh: SshGateway, plain: Endpoint) -> None:
    """走り手がもういなくても、残された木を止め、終わりを書く。"""
    number = next(_numbers)
    wanted = order(f"sleep {number} & sleep {number}\n")
    attachment = await ssh.runs.start(plain, wanted)
    hello = await greeted(attachment)
    await eventually(lambda: len(_sleeping(number)) == 2, "眠り始める")
    _kill_runner(Path(hello.directory), wanted.run_id)
    await follow(attachment)
    assert await ssh.runs.cancel(plain, wanted.run_id, 1.0) == CancelReport(True, ())
    assert _sleeping(number) == []
    exited = (await follow(await ssh.runs.attach(plain, wanted.run_id, 0))).exited
    assert (exited.exit_code, exited.cancelled) == (137, True)


async def test_directory_wiped_first(ssh: SshGateway, plain: Endpoint) -> None:
    """記録が消されていても、印を頼りに木を止める。"""
    number = next(_numbers)
    wanted = order(f"sleep {number} & sleep {number}\n")
    attachment = await ssh.runs.start(plain, wanted)
    hello = await greeted(attachment)
    await eventually(lambda: len(_sleeping(number)) == 2, "眠り始める")
    for path in Path(hello.directory).glob(f"{wanted.run_id}.*"):
        path.unlink()
    assert await ssh.runs.cancel(plain, wanted.run_id, 1.0) == CancelReport(True, ())
    assert _sleeping(number) == []


async def test_survivors_are_reported(ssh: SshGateway, plain: Endpoint) -> None:
    """権限がなく止められないものは、番号で知らせる。"""
    number = next(_numbers)
    helper = Path(f"/usr/local/bin/tsb-become-root-{number}")
    subprocess.run(["cp", "/usr/bin/setpriv", str(helper)], check=True)
    helper.chmod(0o4755)
    wanted = order(f"{helper} --reuid=0 sleep {number} & wait\n")
    attachment = await ssh.runs.start(plain, wanted)
    await greeted(attachment)
    await eventually(lambda: _sleeping(number), "別人として眠る")
    try:
        report = await ssh.runs.cancel(plain, wanted.run_id, 0.2)
        assert report.survivors == _pids_of(number)
        assert (await follow(attachment)).exited.cancelled
    finally:
        subprocess.run(["kill", "-9", *map(str, _pids_of(number))], check=True)
        helper.unlink()


async def test_not_behind_the_queue(ssh: SshGateway) -> None:
    """席が一つしかないサーバで走りが埋まっていても、中止はすぐ届く。"""
    sshd = await start_sshd(SshdOptions(max_sessions=1))
    number = next(_numbers)
    wanted = order(f"sleep {number}\n")
    attachment = await ssh.runs.start(sshd.endpoint(), wanted)
    await greeted(attachment)
    async with asyncio.timeout(5):
        assert await ssh.runs.cancel(sshd.endpoint(), wanted.run_id, 1.0) == CancelReport(True, ())
    await follow(attachment)
    await sshd.stop()


def _kill_runner(directory: Path, run_id: str) -> None:
    pid = (directory / f"{run_id}.run").read_text().split()[1]
    subprocess.run(["kill", "-9", pid], check=True)


def _pids_of(number: int) -> tuple[int, ...]:
    found = subprocess.run(["ps", "-eo", "pid,args"], check=True, capture_output=True, text=True).stdout
    return tuple(int(line.split()[0]) for line in found.splitlines() if line.endswith(f"sleep {number}"))
