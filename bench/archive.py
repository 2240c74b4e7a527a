"""保管の速さ。同じログを、表から移す前と移したあとで読み、同じ一回の中で比べる。

使い方: python bench/archive.py [MB] [保管先(なければ手元のディレクトリ)]
"""

import asyncio
import random
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from database_bench import postgres
from log_store import realistic, through_writer
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tsubame.business.shared.ids import TargetId
from tsubame.data_access.db.engine import create_engine
from tsubame.data_access.db.migrate import migrate
from tsubame.data_access.logstore.archiving import LogArchiver
from tsubame.data_access.logstore.objects import ObjectPlaces
from tsubame.data_access.logstore.reading import ChunkReader

_TIMES = 3
_JUMPS = 200
_RANGE = 64 * 1024


@dataclass(frozen=True)
class Reading:
    """``jumps`` と ``ranges`` は、一回ずつの秒。"""

    whole_s: float
    jumps: Sequence[float]
    ranges: Sequence[float]


async def measure(reader: ChunkReader, target_id: TargetId) -> Reading:
    extent = await reader.extent(target_id)
    wholes = []
    for _ in range(_TIMES):
        started = time.perf_counter()
        size = sum([len(part) async for part in reader.read(target_id, 0, extent.bytes)])
        wholes.append(time.perf_counter() - started)
        assert size == extent.bytes
    chance = random.Random(3)
    jumps, ranges = [], []
    for _ in range(_JUMPS):
        started = time.perf_counter()
        await reader.lines(target_id, chance.randrange(1, extent.lines), 1000, 65_536)
        jumps.append(time.perf_counter() - started)
        at = chance.randrange(extent.bytes - _RANGE)
        started = time.perf_counter()
        async for _part in reader.read(target_id, at, at + _RANGE):
            pass
        ranges.append(time.perf_counter() - started)
    return Reading(min(wholes), jumps, ranges)


async def archive(engine: AsyncEngine, target_id: TargetId, places: ObjectPlaces) -> tuple[float, int, int]:
    """かかった秒、表での大きさ、物の大きさ。"""
    async with engine.begin() as connection:
        await connection.execute(
            text("UPDATE targets SET state = 'succeeded', finished_at = now() WHERE id = :id"),
            {"id": target_id},
        )
        stored = (
            await connection.execute(
                text("SELECT sum(octet_length(frame)) FROM log_chunks WHERE target_id = :id"),
                {"id": target_id},
            )
        ).scalar_one()
    started = time.perf_counter()
    size = await LogArchiver(engine, places).archive(target_id)
    return time.perf_counter() - started, int(stored), size


def line(name: str, table: Sequence[float], archived: Sequence[float]) -> str:
    middle = [statistics.median(values) * 1000 for values in (table, archived)]
    slow = [sorted(values)[int(len(values) * 0.95)] * 1000 for values in (table, archived)]
    return (
        f"{name}  p50 table {middle[0]:6.2f} ms  archive {middle[1]:6.2f} ms"
        f"  p95 {slow[0]:6.2f} / {slow[1]:6.2f} ms  archive/table {middle[1] / middle[0]:.2f}x"
    )


async def report(url: str, size: int, location: str) -> None:
    engine = create_engine(url, application_name="tsubame-bench")
    await migrate(engine)
    places = ObjectPlaces(location)
    _, _, target_id = await through_writer(url, engine, realistic(size), [])
    reader = ChunkReader(engine, places)
    table = await measure(reader, target_id)
    took, stored, archived_size = await archive(engine, target_id, places)
    archived = await measure(reader, target_id)
    print(
        f"archive  {size / took / 1e6:6.0f} MB/s of log, verified  object/table {archived_size / stored:.2f}x"
    )
    print(
        f"read     table {size / table.whole_s / 1e6:6.0f} MB/s"
        f"  archive {size / archived.whole_s / 1e6:6.0f} MB/s"
        f"  archive/table {table.whole_s / archived.whole_s:.2f}x"
    )
    print(line("1,000 lines anywhere", table.jumps, archived.jumps))
    print(line("64 KiB Range anywhere", table.ranges, archived.ranges))
    await engine.dispose()


def main() -> None:
    size = int(sys.argv[1] if len(sys.argv) > 1 else 170) * 1_000_000
    # root では postgres の利用者に落とすので、物は別の置き場に
    objects = Path(tempfile.mkdtemp(prefix="tsubame-bench-archive-"))
    try:
        location = sys.argv[2] if len(sys.argv) > 2 else f"file://{objects}"
        with postgres() as url:
            asyncio.run(report(url, size, location))
    finally:
        shutil.rmtree(objects)


if __name__ == "__main__":
    main()
