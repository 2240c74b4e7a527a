"""遠隔の走りの速さ。素の asyncssh の exec と、同じ一回の中で交互に測って比べる。

使い方: python bench/remote_run.py [回数]
"""

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import asyncssh

sys.path.insert(0, str(Path(__file__).parents[1] / "backend" / "tests"))

from harness.remote_runs import order
from harness.sshd import IS_ROOT, ME, PRIVATE_KEY, ensure_user, start_sshd
from tsubame.business.executions.remote_run import Exited, Hello
from tsubame.business.servers.entities import Endpoint
from tsubame.data_access.ssh.dialer import Dialer, Tunnels
from tsubame.data_access.ssh.gateway import SshGateway

BIG = 200_000_000
# 行ごとに、書いた時刻を入れる。
LINES = """
import sys, time
for number in range(200):
    sys.stdout.write(f"{time.time()}\\n"); sys.stdout.flush(); time.sleep(0.01)
"""

Heard = Callable[[bytes], None]
Run = Callable[[str, Heard], Awaitable[None]]


@dataclass(frozen=True)
class Bench:
    """``plain`` は素の exec、``durable`` は遠隔の走り。どちらも温まった接続の上。"""

    plain: Run
    durable: Run
    cold_exec: Callable[[], Awaitable[None]]
    cold_ssh: Callable[[], Awaitable[None]]


class PlainSession(asyncssh.SSHClientSession[bytes]):
    def __init__(self, heard: Heard) -> None:
        self.heard = heard
        self.done = asyncio.Event()

    def data_received(self, data: bytes, datatype: int | None) -> None:
        del datatype
        self.heard(data)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self.done.set()


async def plain_run(connection: asyncssh.SSHClientConnection, command: str, heard: Heard) -> None:
    session = PlainSession(heard)
    await connection.create_session(lambda: session, command, encoding=None)
    await session.done.wait()


async def durable_run(where: tuple[SshGateway, Endpoint, list[str]], command: str, heard: Heard) -> None:
    ssh, endpoint, finished = where
    wanted = order(f"{command}\n")
    attachment = await ssh.runs.start(endpoint, wanted)
    assert isinstance(await attachment.hello(), Hello)
    while data := await attachment.read():
        heard(data)
    assert isinstance(await attachment.outcome(), Exited)
    finished.append(wanted.run_id)


@asynccontextmanager
async def bench(folder: Path) -> AsyncIterator[Bench]:
    user = "tsbdash" if IS_ROOT else ME
    if IS_ROOT:
        ensure_user(user)
    sshd, ssh, finished = await start_sshd(), SshGateway(), list[str]()
    endpoint = sshd.endpoint(user)
    dialer = Dialer(endpoint, Tunnels())
    connection = await dialer.dial()
    options = [
        "-F",
        "none",
        "-i",
        str(folder / "key"),
        "-p",
        str(sshd.port),
        "-o",
        "StrictHostKeyChecking=no",
    ]
    options += ["-o", f"UserKnownHostsFile={folder}/hosts", "-o", "LogLevel=ERROR"]

    async def cold_exec() -> None:
        fresh = await dialer.dial()
        await plain_run(fresh, "true", lambda _: None)
        fresh.close()

    async def cold_ssh() -> None:
        process = await asyncio.create_subprocess_exec("ssh", *options, f"{user}@127.0.0.1", "true")
        assert await process.wait() == 0

    yield Bench(
        plain=lambda command, heard: plain_run(connection, command, heard),
        durable=lambda command, heard: durable_run((ssh, endpoint, finished), command, heard),
        cold_exec=cold_exec,
        cold_ssh=cold_ssh,
    )
    # 片付けは測らない。
    await asyncio.gather(*(ssh.runs.remove(endpoint, run_id) for run_id in finished))
    connection.close()
    await ssh.close()
    await sshd.stop()


async def first_byte(run: Run) -> float:
    started, seen = time.perf_counter(), list[float]()
    await run("echo hello", lambda _: seen.append(time.perf_counter()))
    return seen[0] - started


async def after_last_byte(run: Run) -> float:
    """最後のバイトから、終わったと分かるまで。"""
    seen = list[float]()
    await run("sleep 0.05; echo bye", lambda _: seen.append(time.perf_counter()))
    return time.perf_counter() - seen[-1]


async def seconds(work: Callable[[], Awaitable[None]]) -> float:
    started = time.perf_counter()
    await work()
    return time.perf_counter() - started


async def whole(run: Run, command: str) -> float:
    return await seconds(lambda: run(command, lambda _: None))


async def line_delays(run: Run, script: Path) -> list[float]:
    delays = list[float]()

    def heard(data: bytes) -> None:
        now = time.time()
        delays.extend(now - float(line) for line in data.split(b"\n") if line)

    await run(f"exec /usr/bin/python3 -S {script}", heard)
    return delays


def compare(what: str, ours: list[float], theirs: list[float], budget: str) -> None:
    a, b = statistics.median(ours), statistics.median(theirs)
    columns = f"{a * 1e3:9.2f} ms  {b * 1e3:9.2f} ms  ×{a / b:5.2f}  {(a - b) * 1e3:+8.2f} ms"
    print(f"{what:28s} {columns}  ({budget})")


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


Measure = Callable[[], Awaitable[float]]


async def alternate(rounds: int, ours: Measure, theirs: Measure) -> tuple[list[float], list[float]]:
    """交互に測る。一度目は温めるだけ。"""
    a, b = list[float](), list[float]()
    for _ in range(rounds + 1):
        for measure, results in ((theirs, b), (ours, a)):
            results.append(await measure())
            # 前の後始末が、次の測りに重ならないように。
            await asyncio.sleep(0.05)
    return a[1:], b[1:]


async def main(rounds: int, folder: Path) -> None:
    big, script = folder / "big", folder / "lines.py"
    async with bench(folder) as b:
        print(f"{'':28s} {'tsubame':>12s} {'plain':>13s}")
        pair = await alternate(rounds * 10, lambda: first_byte(b.durable), lambda: first_byte(b.plain))
        compare("first byte, warm", *pair, "≤ +8 ms, ≤ ×3.5")
        pair = await alternate(
            rounds * 5, lambda: after_last_byte(b.durable), lambda: after_last_byte(b.plain)
        )
        compare("end of job", *pair, "≤ +3 ms")
        for command, budget in ((f"cat {big}", "≤ ×1.43"), ("seq 10000000", "≤ ×1.0")):
            pair = await alternate(
                rounds, partial(whole, b.durable, command), partial(whole, b.plain, command)
            )
            compare(command.replace(str(big), "of 200 MB"), *pair, budget)
        pair = await alternate(rounds * 3, partial(seconds, b.cold_exec), partial(seconds, b.cold_ssh))
        compare("cold connect + exec / ssh", *pair, "≤ ×0.5")
        ours, theirs = await line_delays(b.durable, script), await line_delays(b.plain, script)
        for share, budget in ((0.5, "≤ +0.3 ms"), (0.99, "≤ +2 ms")):
            pair = [percentile(ours, share)], [percentile(theirs, share)]
            compare(f"line delay p{share * 100:.0f}", *pair, budget)


def prepare(folder: Path) -> None:
    """測りに使うファイル。測る利用者にも読めるようにする。"""
    folder.chmod(0o755)
    (folder / "key").touch(mode=0o600)
    (folder / "key").write_text(PRIVATE_KEY)
    (folder / "big").write_bytes(b"0123456789abcde\n" * (BIG // 16))
    (folder / "lines.py").write_text(LINES)
    for name in ("big", "lines.py"):
        (folder / name).chmod(0o644)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="tsb-bench-") as name:
        prepare(Path(name))
        asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 3, Path(name)))
