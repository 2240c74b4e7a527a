"""ログを読む。どこを読んでも、触るかたまりは要る分だけ。"""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from tsubame.business.executions.ports import (
    LineTime,
    LogExtent,
    LogLines,
    LogSlice,
    LogSubject,
    StoredMarks,
)
from tsubame.business.shared.ids import ExecutionId, Reach, TargetId
from tsubame.data_access.logstore.connecting import connecting
from tsubame.data_access.logstore.extents import locate, not_found
from tsubame.data_access.logstore.following import next_chunks
from tsubame.data_access.logstore.index import contiguous, unpack
from tsubame.data_access.logstore.line_cutting import ChunksMovedError, Cut, span_of
from tsubame.data_access.logstore.line_times import archived_line_times, line_times
from tsubame.data_access.logstore.lines import LineCutter
from tsubame.data_access.logstore.marks import stored_marks
from tsubame.data_access.logstore.objects import ObjectPlaces
from tsubame.data_access.logstore.sources import StoredLogs
from tsubame.data_access.repositories.execution_rows import target_within
from tsubame.data_access.tables.executions import targets

_READ_BYTES: Final = 1024 * 1024
# 読んでいるあいだに真ん中が省かれたら、長さから読み直す
_ATTEMPTS: Final = 3

_SUBJECT: Final = text(
    "SELECT e.job_name, e.id, t.server_name FROM targets t JOIN executions e ON e.id = t.execution_id"
    " WHERE t.id = :target_id"
)


class ChunkReader:
    """``LogReader`` の実装。表にあっても、保管先に移っていても、同じように読む。"""

    def __init__(self, engine: AsyncEngine, places: ObjectPlaces | None = None) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self.stored = StoredLogs(engine, places or ObjectPlaces(None))

    async def check(self, target_id: TargetId, reach: Reach) -> None:
        async with connecting(self._engine) as connection:
            found = await connection.execute(select(targets.c.id).where(*target_within(target_id, reach)))
        if found.one_or_none() is None:
            raise not_found(target_id)

    async def extent(self, target_id: TargetId) -> LogExtent:
        async with connecting(self._engine) as connection:
            return (await locate(connection, target_id)).extent

    async def subject(self, target_id: TargetId) -> LogSubject:
        async with connecting(self._engine) as connection:
            row = (await connection.execute(_SUBJECT, {"target_id": target_id})).one_or_none()
        if row is None:
            raise not_found(target_id)
        return LogSubject(row.job_name, ExecutionId(row.id), row.server_name)

    async def read(self, target_id: TargetId, start: int, end: int) -> AsyncIterator[bytes]:
        frames = await self.stored.open(target_id)
        end = min(end, frames.extent.bytes)
        while start < end:
            found = await frames.chunks(start, end, _READ_BYTES)
            if not found:
                return  # 読んでいるあいだに、保存の期限が来て消えた
            # 省いた真ん中から始めると、その手前のかたまりも見つかる
            chunks = contiguous(found, start)
            if not chunks:
                return
            data = await unpack(chunks)
            first = chunks[0].byte_start
            if wanted := data[max(0, start - first) : max(0, end - first)]:
                yield wanted
            start = first + len(data)

    async def follow(self, target_id: TargetId, start: int, max_bytes: int, max_behind: int) -> LogSlice:
        for _ in range(_ATTEMPTS):
            async with connecting(self._engine) as connection:
                located, found = await next_chunks(connection, target_id, start, max_bytes)
            extent = located.extent
            gap, end = extent.gap, min(extent.bytes, start + max_bytes)
            if extent.bytes - start > max_behind:
                break
            if gap is not None and gap.start <= start < gap.end:
                return LogSlice(extent, b"", gap.end)
            if end <= start:
                return LogSlice(extent, b"", start)
            if located.archived:
                found = await (await self.stored.open(target_id)).chunks(start, end, max_bytes)
            chunks = contiguous(found, start)
            if chunks and chunks[0].byte_start <= start:
                first = chunks[0].byte_start
                return LogSlice(extent, (await unpack(chunks))[start - first : end - first], start)
        return LogSlice(extent, b"", extent.bytes)

    async def lines(self, target_id: TargetId, first_line: int, count: int, max_line_bytes: int) -> LogLines:
        for _ in range(_ATTEMPTS):
            frames = await self.stored.open(target_id)
            extent = frames.extent
            span = span_of(extent, first_line, count)
            cutter = LineCutter(span.count, max_line_bytes)
            first_byte = extent.bytes
            if span.first_line <= extent.lines and count > 0:
                try:
                    first_byte = await Cut(frames, span, cutter).run()
                except ChunksMovedError:
                    cutter = LineCutter(0, max_line_bytes)
                    continue
            break
        return LogLines(
            data=cutter.data,
            first_line=span.first_line,
            count=cutter.count,
            first_byte=first_byte,
            truncated=cutter.truncated,
            extent=extent,
        )

    async def times(self, target_id: TargetId, first_line: int, count: int) -> list[LineTime]:
        async with connecting(self._engine) as connection:
            located = await locate(connection, target_id)
            extent = located.extent
            span = span_of(extent, first_line, count)
            if span.first_line > extent.lines or count <= 0:
                return []
            span = replace(span, count=min(span.count, extent.lines - span.first_line + 1))
            if not located.archived:
                return await line_times(connection, located.index, span)
        return await archived_line_times(self.stored.archives, target_id, span)

    async def marks(self, target_id: TargetId) -> StoredMarks:
        async with connecting(self._engine) as connection:
            return await stored_marks(connection, target_id)
