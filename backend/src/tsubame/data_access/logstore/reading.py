"""ログを読む。どこを読んでも、触るかたまりは要る分だけ。"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tsubame.business.executions.errors import TargetNotFoundError
from tsubame.business.executions.ports import LogExtent, LogLines, LogSlice, LogSubject
from tsubame.business.executions.states import ENDED, TargetState
from tsubame.business.shared.ids import ExecutionId, TargetId
from tsubame.data_access.logstore.connecting import connecting
from tsubame.data_access.logstore.index import ChunkIndex, unpack
from tsubame.data_access.logstore.lines import LineCutter, after_newlines

_READ_BYTES: Final = 1024 * 1024
# 千行はたいてい一つか二つのかたまりに収まる
_LINES_BYTES: Final = 512 * 1024

_TARGET: Final = text(
    "SELECT state, log_bytes, log_newlines, log_open_line, log_day FROM targets WHERE id = :target_id"
)
_SUBJECT: Final = text(
    "SELECT e.job_name, e.id, t.server_name FROM targets t JOIN executions e ON e.id = t.execution_id"
    " WHERE t.id = :target_id"
)


class ChunkReader:
    """``LogReader`` の実装。"""

    def __init__(self, engine: AsyncEngine) -> None:
        # ログは書き足されるだけなので、文ごとの見え方で足りる。取引の始めと終わりの往復を省く
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def extent(self, target_id: TargetId) -> LogExtent:
        async with connecting(self._engine) as connection:
            return (await _locate(connection, target_id))[0]

    async def subject(self, target_id: TargetId) -> LogSubject:
        async with connecting(self._engine) as connection:
            row = (await connection.execute(_SUBJECT, {"target_id": target_id})).one_or_none()
        if row is None:
            raise _not_found(target_id)
        return LogSubject(row.job_name, ExecutionId(row.id), row.server_name)

    async def read(self, target_id: TargetId, start: int, end: int) -> AsyncIterator[bytes]:
        async with connecting(self._engine) as connection:
            extent, index = await _locate(connection, target_id)
        end = min(end, extent.bytes)
        while start < end:
            # 受け手が遅くても接続を握らないよう、取り出すたびに返す
            async with connecting(self._engine) as connection:
                chunks = await index.chunks(connection, start, end, _READ_BYTES)
            if not chunks:
                return  # 読んでいるあいだに、保存の期限が来て消えた
            data = await unpack(chunks)
            first = chunks[0].byte_start
            yield data[start - first : end - first]
            start = first + len(data)

    async def follow(self, target_id: TargetId, start: int, max_bytes: int, max_behind: int) -> LogSlice:
        async with connecting(self._engine) as connection:
            extent, index = await _locate(connection, target_id)
            end = min(extent.bytes, start + max_bytes)
            if end <= start or extent.bytes - start > max_behind:
                return LogSlice(extent, b"")
            chunks = await index.chunks(connection, start, end, max_bytes)
        if not chunks:
            return LogSlice(extent, b"")
        data = await unpack(chunks)
        first = chunks[0].byte_start
        return LogSlice(extent, data[start - first : end - first])

    async def lines(self, target_id: TargetId, first_line: int, count: int, max_line_bytes: int) -> LogLines:
        async with connecting(self._engine) as connection:
            extent, index = await _locate(connection, target_id)
            cutter = LineCutter(count, max_line_bytes)
            first_byte = extent.bytes
            if first_line <= extent.lines and count > 0:
                first_byte = await _cut(connection, _Cut(index, extent, first_line - 1, cutter))
        return LogLines(
            data=cutter.data,
            first_line=first_line,
            count=cutter.count,
            first_byte=first_byte,
            truncated=cutter.truncated,
            extent=extent,
        )


@dataclass(frozen=True, slots=True)
class _Cut:
    index: ChunkIndex
    extent: LogExtent
    newlines_before: int
    cutter: LineCutter


async def _cut(connection: AsyncConnection, work: _Cut) -> int:
    """行を集め、最初の行の位置を返す。"""
    cutter, end = work.cutter, work.extent.bytes
    position, skip = await work.index.holding(connection, work.newlines_before)
    first_byte = position
    while position < end:
        chunks = await work.index.chunks(connection, position, end, _LINES_BYTES)
        if not chunks:
            # 行はあるのに中身がない(区画が消された)。待っても現れない
            break
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
                position = await _skip_line(connection, work, position)
                break
    return first_byte


async def _skip_line(connection: AsyncConnection, work: _Cut, position: int) -> int:
    """長すぎる行の残りを読まずに、その行の改行を含むかたまりまで飛ぶ。"""
    newline = work.newlines_before + work.cutter.finished + 1
    landing, _ = await work.index.holding(connection, newline)
    # その改行がまだ届いていなければ、途中の行のままログが終わっている
    landing = work.extent.bytes if landing < position else landing
    if landing > position:
        work.cutter.truncated = True
    return landing


async def _locate(connection: AsyncConnection, target_id: TargetId) -> tuple[LogExtent, ChunkIndex]:
    row = (await connection.execute(_TARGET, {"target_id": target_id})).one_or_none()
    if row is None:
        raise _not_found(target_id)
    extent = LogExtent(
        bytes=row.log_bytes,
        lines=row.log_newlines + row.log_open_line,
        ended=TargetState(row.state) in ENDED,
    )
    return extent, ChunkIndex(target_id, row.log_day)


def _not_found(target_id: TargetId) -> TargetNotFoundError:
    return TargetNotFoundError(f"There is no target {target_id}.")
