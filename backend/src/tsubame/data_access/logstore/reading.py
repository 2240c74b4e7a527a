"""ログを読む。どこを読んでも、触るかたまりは要る分だけ。"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tsubame.business.executions.errors import TargetNotFoundError
from tsubame.business.executions.ports import LogExtent, LogLines, LogSlice, LogSubject
from tsubame.business.executions.states import ENDED, TargetState
from tsubame.business.shared.ids import ExecutionId, TargetId
from tsubame.data_access.logstore.connecting import connecting
from tsubame.data_access.logstore.index import unpack
from tsubame.data_access.logstore.lines import LineCutter, after_newlines
from tsubame.data_access.logstore.objects import ObjectPlaces
from tsubame.data_access.logstore.sources import ArchivedLogs, LogFrames, TableFrames

_READ_BYTES: Final = 1024 * 1024
# 千行はたいてい一つか二つのかたまりに収まる
_LINES_BYTES: Final = 512 * 1024

_TARGET: Final = text(
    "SELECT state, log_bytes, log_newlines, log_open_line, log_day, log_archived_at"
    " FROM targets WHERE id = :target_id"
)
_SUBJECT: Final = text(
    "SELECT e.job_name, e.id, t.server_name FROM targets t JOIN executions e ON e.id = t.execution_id"
    " WHERE t.id = :target_id"
)


class ChunkReader:
    """``LogReader`` の実装。表にあっても、保管先に移っていても、同じように読む。"""

    def __init__(self, engine: AsyncEngine, places: ObjectPlaces | None = None) -> None:
        # ログは書き足されるだけなので、文ごとの見え方で足りる。取引の始めと終わりの往復を省く
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._archives = ArchivedLogs(self._engine, places or ObjectPlaces(None))

    async def extent(self, target_id: TargetId) -> LogExtent:
        return (await self._locate(target_id))[0]

    async def subject(self, target_id: TargetId) -> LogSubject:
        async with connecting(self._engine) as connection:
            row = (await connection.execute(_SUBJECT, {"target_id": target_id})).one_or_none()
        if row is None:
            raise _not_found(target_id)
        return LogSubject(row.job_name, ExecutionId(row.id), row.server_name)

    async def read(self, target_id: TargetId, start: int, end: int) -> AsyncIterator[bytes]:
        extent, frames = await self._locate(target_id)
        end = min(end, extent.bytes)
        while start < end:
            chunks = await frames.chunks(start, end, _READ_BYTES)
            if not chunks:
                return  # 読んでいるあいだに、保存の期限が来て消えた
            data = await unpack(chunks)
            first = chunks[0].byte_start
            yield data[start - first : end - first]
            start = first + len(data)

    async def follow(self, target_id: TargetId, start: int, max_bytes: int, max_behind: int) -> LogSlice:
        extent, frames = await self._locate(target_id)
        end = min(extent.bytes, start + max_bytes)
        if end <= start or extent.bytes - start > max_behind:
            return LogSlice(extent, b"")
        chunks = await frames.chunks(start, end, max_bytes)
        if not chunks:
            return LogSlice(extent, b"")
        data = await unpack(chunks)
        first = chunks[0].byte_start
        return LogSlice(extent, data[start - first : end - first])

    async def lines(self, target_id: TargetId, first_line: int, count: int, max_line_bytes: int) -> LogLines:
        extent, frames = await self._locate(target_id)
        cutter = LineCutter(count, max_line_bytes)
        first_byte = extent.bytes
        if first_line <= extent.lines and count > 0:
            first_byte = await _cut(_Cut(frames, extent, first_line - 1, cutter))
            if frames.moved_meanwhile:
                # 表と保管先では枠の切れ目が違う。途中で移ったら、はじめから保管先で数え直す
                cutter = LineCutter(count, max_line_bytes)
                first_byte = await _cut(_Cut(frames, extent, first_line - 1, cutter))
        return LogLines(
            data=cutter.data,
            first_line=first_line,
            count=cutter.count,
            first_byte=first_byte,
            truncated=cutter.truncated,
            extent=extent,
        )

    async def _locate(self, target_id: TargetId) -> tuple[LogExtent, LogFrames]:
        async with connecting(self._engine) as connection:
            row = (await connection.execute(_TARGET, {"target_id": target_id})).one_or_none()
        if row is None:
            raise _not_found(target_id)
        extent = LogExtent(
            bytes=row.log_bytes,
            lines=row.log_newlines + row.log_open_line,
            ended=TargetState(row.state) in ENDED,
        )
        table = TableFrames.of(self._engine, target_id, row.log_day)
        frames = LogFrames(table, self._archives, target_id)
        if row.log_archived_at is not None:
            await frames.start_archived()
        return extent, frames


@dataclass(frozen=True, slots=True)
class _Cut:
    frames: LogFrames
    extent: LogExtent
    newlines_before: int
    cutter: LineCutter


async def _cut(work: _Cut) -> int:
    """行を集め、最初の行の位置を返す。"""
    cutter, end = work.cutter, work.extent.bytes
    position, skip = await work.frames.holding(work.newlines_before)
    first_byte = position
    while position < end:
        chunks = await work.frames.chunks(position, end, _LINES_BYTES)
        if not chunks:
            break  # 行はあるのに中身がない(保存の期限が来て消えた)
        for chunk in chunks:
            data = await unpack([chunk])
            if skip:
                start = after_newlines(data, skip)
                first_byte, skip, data = position + start, 0, data[start:]
            cutter.feed(data)
            position = chunk.byte_start + chunk.byte_length
            if cutter.done:
                return first_byte
            if cutter.skipping and position < end:
                position = await _skip_line(work, position)
                break
    return first_byte


async def _skip_line(work: _Cut, position: int) -> int:
    """長すぎる行の残りを読まずに、その行の改行を含むかたまりまで飛ぶ。"""
    newline = work.newlines_before + work.cutter.finished + 1
    landing, _ = await work.frames.holding(newline)
    # その改行がまだ届いていなければ、途中の行のままログが終わっている
    landing = work.extent.bytes if landing < position else landing
    if landing > position:
        work.cutter.truncated = True
    return landing


def _not_found(target_id: TargetId) -> TargetNotFoundError:
    return TargetNotFoundError(f"There is no target {target_id}.")
