"""170 MB のログを製品に通し、保存されて読めるまで。同じ回で ``ssh host cat`` と交互に測る。"""

import asyncio
import hashlib
import statistics
import sys
from pathlib import Path

from product_bench import Bench, bench, describe, run

from harness.stream import StreamClient, open_stream

SIZE = 170_000_000


async def main(rounds: int) -> None:
    product: list[float] = []
    plain: list[float] = []
    async with bench() as b, open_stream(b.client) as stream:
        source = b.root / "log.txt"
        expected = make_log(source)
        job = await b.journey.add_job(f"cat {source}", [b.server_id])
        for _ in range(rounds):
            plain.append(await run(*b.ssh, f"cat {source}"))
            product.append(await through(b, stream, job, expected))
    print(f"tsubame {SIZE // 10**6} MB stored, readable   {describe(product)}")
    print(f"ssh host cat >/dev/null          {describe(plain)}")
    ratio = statistics.median(product) / statistics.median(plain)
    print(f"ratio                            {ratio:.2f}   (budget 2)")
    print(f"throughput                       {SIZE / 1e6 / statistics.median(product):.0f} MB/s")


def make_log(path: Path) -> bytes:
    """それらしいログ。行ごとに時刻・水準・番号が違う。"""
    digest = hashlib.sha256()
    written = number = 0
    with path.open("wb") as file:
        while written < SIZE:
            lines = b"".join(_line(number + step) for step in range(10_000))
            number += 10_000
            digest.update(lines)
            written += file.write(lines)
    path.chmod(0o644)
    return digest.digest()


def _line(number: int) -> bytes:
    level = (b"INFO ", b"INFO ", b"DEBUG", b"WARN ")[number * 7919 % 4]
    key = hashlib.md5(str(number).encode(), usedforsecurity=False).hexdigest()[:12].encode()
    return b"2026-11-24T%02d:%02d:%02d.%03dZ %s [worker-%d] request %s took %d ms status=200\n" % (
        number // 3_600_000 % 24, number // 60_000 % 60, number // 1000 % 60, number % 1000,
        level, number % 16, key, number * 31 % 997,
    )  # fmt: skip


async def through(b: Bench, stream: StreamClient, job: int, expected: bytes) -> float:
    loop = asyncio.get_running_loop()
    started = loop.time()
    execution = await b.journey.start(job)
    number = await stream.subscribe("execution", execution_id=execution["id"])
    ended = await stream.execution_when(number, lambda held: held["finished_at"] is not None)
    seconds = loop.time() - started
    digest = hashlib.sha256()
    async with b.client.stream("GET", f"/targets/{ended['targets'][0]['id']}/log") as answer:
        async for part in answer.aiter_bytes():
            digest.update(part)
    if ended["state"] != "succeeded" or digest.digest() != expected:
        raise RuntimeError("the stored log is not what the script wrote")
    return seconds


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 5))
