"""ログの置き場の速さ。同じバイトを、素の COPY とログの書き手で保存し、同じ一回の中で比べる。

使い方: python bench/log_store.py [MB]
"""

import asyncio
import random
import statistics
import sys
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime

import psycopg
from database_bench import postgres
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tsubame.business.executions.entities import Assignment, Lease, RunOrigin
from tsubame.business.executions.log_writer import LogWriter
from tsubame.business.executions.masking import Masker, MaskingPlan
from tsubame.business.executions.states import TargetState
from tsubame.business.jobs.entities import ScriptSpec
from tsubame.business.shared.ids import ExecutionId, ProjectId, TargetId, WorkerId
from tsubame.data_access.db.engine import create_engine
from tsubame.data_access.db.migrate import migrate
from tsubame.data_access.literal_search import LiteralSearch
from tsubame.data_access.logstore.chunks import ChunkStore
from tsubame.data_access.logstore.frames import compress
from tsubame.data_access.logstore.partitions import ensure_partitions
from tsubame.data_access.logstore.reading import ChunkReader
from tsubame.data_access.system_clock import SystemClock

DAY = date(2026, 11, 24)
_SLICE = 64 * 1024
_BLOCK = 256 * 1024
_TIMES = 3


def realistic(size: int) -> bytes:
    """時刻・色・日本語・数の混ざった、縮み方がふつうのログ。"""
    chance = random.Random(1)
    words = [
        "GET",
        "/api/v1/jobs",
        "connect",
        "INFO",
        "コンパイル",
        "build",
        "module",
        "src/main.c",
        "cached",
        "sha256",
    ]
    lines = [
        f"2026-11-24T03:{n // 60 % 60:02d}:{n % 60:02d}Z \x1b[32m{chance.choice(words)}\x1b[0m"
        f" [{chance.randrange(16**8):08x}] {' '.join(chance.choices(words, k=chance.randrange(4, 14)))}"
        f" took={chance.random() * 100:.3f}ms\n".encode()
        for n in range(100_000)
    ]
    once = b"".join(lines)
    return (once * (size // len(once) + 1))[:size]


async def new_target(engine: AsyncEngine) -> Assignment:
    async with engine.begin() as connection:
        added = await connection.execute(
            text(
                "WITH e AS (INSERT INTO executions"
                " (project_id, job_name, spec, state, state_counts, target_count, requested_by_name)"
                " VALUES (1, 'bench', '{}', 'running', '{}', 1, 'bench') RETURNING id)"
                " INSERT INTO targets (execution_id, server_name, position, state, run_id, log_day)"
                " SELECT id, 'bench', 0, 'running', 'bench-' || id, :day FROM e RETURNING id, execution_id"
            ),
            {"day": DAY},
        )
        row = added.one()
    return Assignment(
        lease=Lease(TargetId(row.id), ExecutionId(row.execution_id), WorkerId(1), 0),
        origin=RunOrigin(ProjectId(1), None, "bench", None, "bench"),
        state=TargetState.RUNNING,
        run_id="bench",
        spec=ScriptSpec("true", None, (), None, None),
        server_id=None,
        remote_bytes=0,
        log_bytes=0,
        log_newlines=0,
        log_open_line=False,
        log_line_head=b"",
        log_marks=0,
        log_day=DAY,
        started_at=datetime.now(UTC),
        cancel_requested=False,
    )


async def plain_copy(url: str, data: bytes) -> float:
    """圧縮も伏せ字も索引もなしに、同じバイトを COPY する。"""
    async with await psycopg.AsyncConnection.connect(url) as connection, connection.cursor() as cursor:
        await cursor.execute("CREATE TABLE IF NOT EXISTS plain (start bigint, body bytea)")
        await cursor.execute("ALTER TABLE plain ALTER COLUMN body SET STORAGE EXTERNAL")
        await cursor.execute("TRUNCATE plain")
        await connection.commit()
        started = time.perf_counter()
        async with cursor.copy("COPY plain FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(["int8", "bytea"])
            for start in range(0, len(data), _BLOCK):
                await copy.write_row((start, data[start : start + _BLOCK]))
        await connection.commit()
        return time.perf_counter() - started


async def through_writer(
    url: str, engine: AsyncEngine, data: bytes, secrets: Sequence[str]
) -> tuple[float, float, TargetId]:
    """保存し終えるまでの秒、このプロセスが使った CPU の秒、対象。"""
    store = ChunkStore(url, engine)
    writer = LogWriter(store, SystemClock())
    assignment = await new_target(engine)
    running = asyncio.create_task(writer.run(), name="log-writer")
    started, cpu = time.perf_counter(), time.process_time()
    stream = writer.open(assignment, Masker(MaskingPlan(map(str.encode, secrets), LiteralSearch)))
    for start in range(0, len(data), _SLICE):
        await stream.write(data[start : start + _SLICE])
    await stream.finish()
    took, used = time.perf_counter() - started, time.process_time() - cpu
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await store.close()
    return took, used, assignment.lease.target_id


async def read_speed(reader: ChunkReader, target_id: TargetId) -> float:
    size = (await reader.extent(target_id)).bytes
    started = time.perf_counter()
    got = 0
    async for part in reader.read(target_id, 0, size):
        got += len(part)
    assert got == size
    return size / (time.perf_counter() - started) / 1e6


async def line_latency(reader: ChunkReader, target_id: TargetId) -> tuple[float, float]:
    """ばらばらの千行を読む、真ん中の値と遅い方から 5% の値(ミリ秒)。"""
    chance = random.Random(2)
    lines = (await reader.extent(target_id)).lines
    times = []
    for _ in range(200):
        started = time.perf_counter()
        await reader.lines(target_id, chance.randrange(1, max(2, lines - 1000)), 1000, 65_536)
        times.append((time.perf_counter() - started) * 1e3)
    return statistics.median(times), statistics.quantiles(times, n=20)[-1]


async def report(url: str, size: int) -> None:
    engine = create_engine(url, application_name="tsubame-bench")
    await migrate(engine)
    await ensure_partitions(engine, DAY)
    data = realistic(size)
    tokens = [f"{random.Random(n).getrandbits(160):040x}" for n in range(5)]

    started = time.perf_counter()
    packed = sum(len(compress(data[at : at + _BLOCK])) for at in range(0, size, _BLOCK))
    speed = size / (time.perf_counter() - started) / 1e6
    print(f"zstd alone, one thread  {speed:6.0f} MB/s  ratio {size / packed:.2f}")
    for secrets in ([], tokens):
        copies, writes, cpus = [], [], []
        for _ in range(_TIMES):
            copies.append(await plain_copy(url, data))
            took, cpu, target_id = await through_writer(url, engine, data, secrets)
            writes.append(took)
            cpus.append(cpu)
        copy, write = min(copies), min(writes)
        print(
            f"{len(secrets)} secrets: writer {size / write / 1e6:6.0f} MB/s"
            f" (cpu {min(cpus) / write:.2f} cores)"
            f"  plain COPY {size / copy / 1e6:6.0f} MB/s  writer/COPY {copy / write:.2f}x"
        )
    reader = ChunkReader(engine)
    print(f"read back               {await read_speed(reader, target_id):6.0f} MB/s")
    middle, slow = await line_latency(reader, target_id)
    print(f"1,000 lines anywhere    p50 {middle:.2f} ms  p95 {slow:.2f} ms")
    await engine.dispose()


def main() -> None:
    size = int(sys.argv[1] if len(sys.argv) > 1 else 170) * 1_000_000
    with postgres() as url:
        asyncio.run(report(url, size))


if __name__ == "__main__":
    main()
