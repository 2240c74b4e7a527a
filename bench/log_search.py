"""ログの検索の速さ。表に置いたログを HTTP で探すのと、手元のファイルを grep・less で探すのを、交互に測る。

使い方: python bench/log_search.py [MB]    (既定は 1000。試すだけなら 50)
"""

import asyncio
import json
import os
import pty
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from urllib.parse import urlencode

import httpx
from log_store import new_target, realistic
from product_bench import Product
from sqlalchemy import text

from tsubame.business.executions.log_writer import LogWriter
from tsubame.business.executions.masking import Masker
from tsubame.data_access.db.embedded import EmbeddedPostgres
from tsubame.data_access.db.engine import create_engine
from tsubame.data_access.db.migrate import migrate
from tsubame.data_access.logstore.chunks import ChunkStore
from tsubame.data_access.system_clock import SystemClock

_SLICE = 1024 * 1024
_ROUNDS = 3
_NEEDLES = 100
_LAST = b"needle-at-the-very-end"
_C = {**os.environ, "LC_ALL": "C"}
# 何も当たらないほど珍しい文字列、よくある語、式
_QUERIES = {
    "plain": {"q": "fatal error 0x", "case": "true"},
    "plain, any case": {"q": "fatal error 0x"},
    "regex": {"q": r"fatal \w+ 0x[0-9a-f]+$", "regex": "true", "case": "true"},
    "regex, no literal": {"q": r"[0-9]{4}x[0-9]{4}q", "regex": "true", "case": "true"},
}


class Web(Product):
    """探すのは web だけの仕事。ワーカーの分を混ぜない。"""

    command = "web"


def log_of(size: int) -> bytes:
    """ふつうのログに、百行の当たりと、末尾の目印を混ぜたもの。"""
    data = bytearray(realistic(size))
    for n in range(_NEEDLES):
        at = data.rfind(b"\n", 0, (n + 1) * len(data) // (_NEEDLES + 1)) + 1
        mark = b"2026-11-24T03:00:00Z fatal error 0x%04x" % n
        end = data.find(b"\n", at + len(mark))
        data[at:end] = mark
    return bytes(data) + _LAST + b"\n"


async def store(url: str, data: bytes) -> int:
    """本物の書き手で表に置き、終わった対象にする。"""
    engine = create_engine(url, application_name="tsubame-bench")
    await migrate(engine)
    writing = ChunkStore(url, engine)
    writer = LogWriter(writing, SystemClock())
    assignment = await new_target(engine)
    running = asyncio.create_task(writer.run(), name="log-writer")
    stream = writer.open(assignment, Masker())
    for start in range(0, len(data), _SLICE):
        await stream.write(data[start : start + _SLICE])
    await stream.finish()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await writing.close()
    target_id = assignment.lease.target_id
    async with engine.begin() as connection:
        await connection.execute(
            text("UPDATE targets SET state = 'succeeded', finished_at = now() WHERE id = :id"),
            {"id": target_id},
        )
    await engine.dispose()
    return target_id


async def ours(client: httpx.AsyncClient, target_id: int, query: dict[str, str]) -> int:
    """当たった行の数。最後の文が届くまでを測る。"""
    last = b""
    async with client.stream("GET", f"/targets/{target_id}/log/search?{urlencode(query)}") as answer:
        async for part in answer.aiter_bytes():
            last = (last + part)[-4096:]
    end = json.loads(last.splitlines()[-1])
    assert end["type"] == "end", end
    return int(end["matches"])


async def shell(command: str) -> int:
    process = await asyncio.create_subprocess_shell(command, stdout=subprocess.PIPE, env=_C)
    said, _ = await process.communicate()
    return int(said)


def less_to_end(path: Path) -> None:
    """``less`` に末尾の目印まで飛ばせ、画面に出るまで待つ。"""
    leader, follower = pty.openpty()
    # 探した語そのものが先に画面へ出ないよう、式で探す
    command = ["less", "-n", "-f", "+/needle-at-the-ver[y]-end", str(path)]
    environment = {**_C, "TERM": "xterm", "LESSHISTFILE": "-"}
    # 自分の端末を持たせる。親の端末を奪い合うと、止められてしまう
    screen = {"stdin": follower, "stdout": follower, "stderr": follower}
    with subprocess.Popen(command, env=environment, start_new_session=True, **screen) as less:
        os.close(follower)
        seen = b""
        while not re.search(b"needle-at-the-very", seen):
            seen = (seen + os.read(leader, 65_536))[-65_536:]
        os.write(leader, b"q")
        less.kill()
    os.close(leader)


async def less(path: Path) -> int:
    await asyncio.to_thread(less_to_end, path)
    return 1


async def timed(work: Callable[[], Awaitable[int]]) -> tuple[float, int]:
    started = time.perf_counter()
    answer = await work()
    return time.perf_counter() - started, answer


def rivals(path: Path, query: dict[str, str]) -> dict[str, Callable[[], Awaitable[int]]]:
    flags = "-c" + ("P" if "regex" in query else "F") + ("" if "case" in query else "i")
    pattern = f"'{query['q']}'"
    return {
        "grep": lambda: shell(f"grep -a {flags} {pattern} {path} || true"),
        "zstd | grep": lambda: shell(f"zstd -dcq {path}.zst | grep -a {flags} {pattern} || true"),
    }


async def compare(client: httpx.AsyncClient, target_id: int, path: Path) -> None:
    size = path.stat().st_size / 1e6  # noqa: ASYNC240  計測の前の支度
    print(f"{size:.0f} MB, {_ROUNDS} rounds in turn, best of each; load {os.getloadavg()[0]:.1f}")
    for name, query in _QUERIES.items():
        works = {"tsubame": lambda query=query: ours(client, target_id, query), **rivals(path, query)}
        best = await in_turn(works)
        print(
            f"{name:18}" + "".join(f"  {who} {size / took:6.0f} MB/s" for who, took in best.items()), end=""
        )
        print(
            "   tsubame/" + ", /".join(f"{who} {best[who] / best['tsubame']:.2f}x" for who in list(best)[1:])
        )
    jump = {"q": _LAST.decode(), "case": "true"}
    best = await in_turn({"tsubame": lambda: ours(client, target_id, jump), "less": lambda: less(path)})
    print(f"to the last line    tsubame {best['tsubame']:.2f} s  less {best['less']:.2f} s")


async def in_turn(works: dict[str, Callable[[], Awaitable[int]]]) -> dict[str, float]:
    best: dict[str, float] = {}
    answers: set[int] = set()
    for _ in range(_ROUNDS):
        for who, work in works.items():
            took, answer = await timed(work)
            best[who] = min(took, best.get(who, took))
            answers.add(answer)
    assert len(answers) == 1, answers
    return best


async def report(url: str, root: Path, size: int) -> None:
    data = log_of(size)
    path = root / "plain.log"
    path.write_bytes(data)
    await shell(f"zstd -q -1 {path} && echo 0")
    target_id = await store(url, data)
    del data
    product = Web(root / "data", TSUBAME_LOG_LEVEL="warning", TSUBAME_DATABASE_URL=url)
    try:
        await product.start()
        async with product.client() as client:
            await compare(client, target_id, path)
    finally:
        product.stop()


def main() -> None:
    size = int(sys.argv[1] if len(sys.argv) > 1 else 1000) * 1_000_000
    root = Path(tempfile.mkdtemp(prefix="tsubame-bench-"))
    root.chmod(0o755)
    postgres = EmbeddedPostgres(root / "database")
    (root / "database").mkdir(mode=0o755)
    try:
        asyncio.run(report(postgres.start_blocking(), root, size))
    finally:
        postgres.stop_blocking()
        shutil.rmtree(root)


if __name__ == "__main__":
    main()
