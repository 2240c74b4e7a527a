"""coreutils のない、busybox だけのサーバ。追い手は自前の輪になる。"""

import subprocess
from collections.abc import AsyncIterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from harness.remote_runs import follow, greeted, order, read_until, run
from harness.sshd import Sshd, SshdOptions, ensure_user, start_sshd
from harness.waiting import eventually
from tsubame.business.executions.remote_run import Cut, Lost
from tsubame.business.servers.entities import Endpoint
from tsubame.data_access.ssh.gateway import SshGateway

TOOLS = Path("/usr/local/lib/tsb-busybox")


@pytest.fixture
async def small() -> AsyncIterator[Endpoint]:
    """PATH に busybox しかないサーバ。"""
    TOOLS.mkdir(exist_ok=True)
    subprocess.run(["/usr/bin/busybox", "--install", "-s", str(TOOLS)], check=True, capture_output=True)
    sshd = await start_sshd(SshdOptions(extra=(f"SetEnv PATH={TOOLS}",)))
    ensure_user("tsbdash")
    yield sshd.endpoint("tsbdash")
    await sshd.stop()


@pytest.fixture
async def ash() -> AsyncIterator[SshGateway]:
    gateway = SshGateway(shell="/usr/bin/busybox ash")
    yield gateway
    await gateway.close()


async def test_runs(ash: SshGateway, small: Endpoint) -> None:
    """始めから終わりまで、一バイトも失わずに届く。"""
    script = "dd if=/dev/zero bs=1000000 count=20 2>/dev/null | tr '\\000' x; echo \"$V\"; exit 5\n"
    followed = await run(ash, small, script, environment=(("V", "日本 '\n"),))
    assert followed.log == b"x" * 20_000_000 + "日本 '\n\n".encode()
    assert followed.exited.exit_code == 5


async def test_secret_files(ash: SshGateway, small: Endpoint) -> None:
    """ファイルの秘密も、busybox の道具だけで切り分けられる。"""
    files = (("FIRST", bytes(range(256)) * 100), ("SECOND", b"two\n"))
    script = 'sha256sum <"$FIRST"; cat "$SECOND"; stat -c %a "$SECOND"; wc -c <"$0"\n'
    followed = await run(ash, small, script, files=files)
    digest = sha256(files[0][1]).hexdigest()
    assert followed.log.decode() == f"{digest}  -\ntwo\n600\n{len(script)}\n"


async def test_follower_is_our_own(ash: SshGateway, small: Endpoint) -> None:
    """GNU tail がないことに気づき、自前の輪で追う。二度目からは調べない。"""
    for _ in range(2):
        attachment = await ash.runs.start(small, order("echo hi\n"))
        assert (await greeted(attachment)).follower == "l"
        await follow(attachment)


async def test_attaches_again(ash: SshGateway, small: Endpoint) -> None:
    """つなぎ直すと、続きから届く。"""
    wanted = order("echo one; while [ ! -e /tmp/$TSUBAME_RUN_ID ]; do sleep .05; done; echo two; exit 6\n")
    first = await ash.runs.start(small, wanted)
    assert await read_until(first, b"one\n") == b"one\n"
    await first.close()
    again = await ash.runs.attach(small, wanted.run_id, 4)
    await greeted(again)
    Path(f"/tmp/{wanted.run_id}").touch()
    followed = await follow(again)
    assert (followed.log, followed.exited.exit_code) == (b"two\n", 6)
    Path(f"/tmp/{wanted.run_id}").unlink()


async def test_cancels_the_tree(ash: SshGateway, small: Endpoint) -> None:
    """木ごと止まり、終了コードと「中止」が届く。"""
    wanted = order("(setsid sleep 98761 &) ; sh -c 'sleep 98761; :' & sleep 98761\n")
    attachment = await ash.runs.start(small, wanted)
    await greeted(attachment)
    await eventually(lambda: len(_sleeping("98761")) == 3, "子がそろう")
    report = await ash.runs.cancel(small, wanted.run_id, 1.0)
    assert (report.ended, report.survivors) == (True, ())
    assert _sleeping("98761") == []
    assert (await follow(attachment)).exited.cancelled


async def test_runner_killed(ash: SshGateway, small: Endpoint) -> None:
    """走り手が殺されたことに、自前の輪でも気づく。"""
    wanted = order("echo here; sleep 98762\n")
    attachment = await ash.runs.start(small, wanted)
    hello = await greeted(attachment)
    await read_until(attachment, b"here\n")
    pid = int((Path(hello.directory) / f"{wanted.run_id}.run").read_text().split()[1])
    subprocess.run(["kill", "-9", str(pid)], check=True)
    assert (await follow(attachment)).outcome == Lost("killed")
    await ash.runs.cancel(small, wanted.run_id, 0)
    assert _sleeping("98762") == []


def _sleeping(seconds: str) -> list[str]:
    found = subprocess.run(["ps", "-eo", "pid,args"], check=True, capture_output=True, text=True).stdout
    return [line for line in found.splitlines() if line.endswith(f"sleep {seconds}")]


async def test_without_setsid(ash: SshGateway, sshd: Sshd) -> None:
    """setsid のない busybox でも、つながりを切られて走りは続き、続きが届く。"""
    bare = Path("/usr/local/lib/tsb-busybox-bare")
    bare.mkdir(exist_ok=True)
    for name in ("cat", "dd", "df", "grep", "head", "id", "mkdir", "rm", "sleep", "tail", "uname", "wc"):
        (bare / name).unlink(missing_ok=True)
        (bare / name).symlink_to("/usr/bin/busybox")
    sshd.options = replace(sshd.options, extra=(f"SetEnv PATH={bare}",))
    await sshd.stop()
    await sshd.start()
    ensure_user("tsbdash")
    endpoint = sshd.endpoint("tsbdash")
    wanted = order("command -v setsid; echo one; sleep 1; echo two\n")
    attachment = await ash.runs.start(endpoint, wanted)
    assert await read_until(attachment, b"one\n") == b"one\n"
    sshd.kill_sessions()
    assert isinstance((await follow(attachment)).outcome, Cut)
    assert (await follow(await ash.runs.attach(endpoint, wanted.run_id, 4))).log == b"two\n"
