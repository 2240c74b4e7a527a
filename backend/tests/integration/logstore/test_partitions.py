"""ログの表の、月ごとの区画。"""

import asyncio
from datetime import date

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from harness.logs import LogRoom, add_targets, claim
from tsubame.business.executions.masking import Masker
from tsubame.data_access.logstore.chunks import ChunkStore
from tsubame.data_access.logstore.partitions import ensure_partitions


async def _partitions(engine: AsyncEngine) -> list[str]:
    async with engine.connect() as connection:
        rows = await connection.execute(
            text(
                "SELECT inhrelid::regclass::text AS name FROM pg_inherits"
                " WHERE inhparent = 'log_chunks'::regclass ORDER BY 1"
            )
        )
        return [row.name for row in rows]


async def test_months_are_made_once_by_many(engine: AsyncEngine) -> None:
    """何台が同時に起きても、今月と先の二か月が一度だけできる。年もまたぐ。"""
    await asyncio.gather(*(ensure_partitions(engine, date(2026, 11, 30)) for _ in range(5)))
    await ensure_partitions(engine, date(2026, 12, 1))
    assert await _partitions(engine) == [
        "log_chunks_2026_11",
        "log_chunks_2026_12",
        "log_chunks_2027_01",
        "log_chunks_2027_02",
    ]


async def test_log_of_a_past_month_is_still_written(room: LogRoom) -> None:
    """区画のない月に始まった走りのログも、引き継げば書ける。"""
    (target_id,) = await add_targets(room.engine, 1, date(2024, 2, 29))
    async with room.writer() as writer:
        stream = writer.open(await claim(room.engine, target_id), Masker())
        await stream.write(b"long ago\n")
        await stream.finish()
    assert await room.read(target_id) == b"long ago\n"
    assert await _partitions(room.engine) == ["log_chunks_2024_02"]


async def test_frames_are_kept_outside_without_recompression(room: LogRoom) -> None:
    """区画も、圧縮済みの中身を PostgreSQL に圧縮し直させない。"""
    await ChunkStore(room.url, room.engine).prepare_months()
    async with room.engine.connect() as connection:
        stored = await connection.execute(
            text(
                "SELECT DISTINCT attstorage::text AS how FROM pg_attribute JOIN pg_inherits"
                " ON attrelid = inhrelid WHERE inhparent = 'log_chunks'::regclass AND attname = 'frame'"
            )
        )
        assert [row.how for row in stored] == ["e"]
