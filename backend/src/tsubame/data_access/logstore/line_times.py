"""行が届き始めた時刻。改行を数えるのは、届いた時刻が二つ以上あるかたまりだけ。"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from tsubame.business.executions.log_arrivals import Arrival
from tsubame.business.executions.ports import LineTime
from tsubame.business.shared.ids import TargetId
from tsubame.data_access.logstore.archived_rows import ArchivedRow
from tsubame.data_access.logstore.arrivals import arrivals_of
from tsubame.data_access.logstore.frames import decompress
from tsubame.data_access.logstore.index import ChunkIndex, unpack
from tsubame.data_access.logstore.line_cutting import Span
from tsubame.data_access.logstore.sources import ArchivedFrames, ArchivedLogs

# 伸ばすのはこれだけ。一行が何百 KB もあるログで、その先のかたまりは、始まりの時刻だけで答える
_BUDGET: Final = 32 * 1024 * 1024
_ARRIVED: Final = "floor(extract(epoch FROM {0}.arrived_at) * 1000)::bigint"

# 改行を含むかたまりと、そのすぐ後ろ。改行で終わるかたまりの次の行は、後ろのかたまりから始まる。
# 改行を含まないかたまりは、そのほかには要らないので、何日も \r だけを書くログでも触るのは僅か
_CHUNKS: Final = text(f"""
SELECT c.newline_start, c.newline_count, c.arrivals, {_ARRIVED.format("c")} AS arrived_ms,
    CASE WHEN length(c.arrivals) > :single AND c.ahead < :budget THEN c.frame END AS frame,
    next.starts_line AS next_starts_line, next.arrivals AS next_arrivals,
    {_ARRIVED.format("next")} AS next_arrived_ms
FROM (
    SELECT *, sum(byte_length) OVER (ORDER BY byte_start) AS ahead FROM log_chunks
    WHERE log_day = :log_day AND target_id = :target_id AND newline_count > 0
        AND newline_start >= :from_newline AND newline_start < :to_newline
) c
LEFT JOIN log_chunks next ON next.log_day = :log_day AND next.target_id = :target_id
    AND next.byte_start = c.byte_start + c.byte_length
ORDER BY c.byte_start
""")
_AT: Final = text(f"""
SELECT arrivals, {_ARRIVED.format("log_chunks")} AS arrived_ms FROM log_chunks
WHERE log_day = :log_day AND target_id = :target_id AND byte_start = :byte_start
""")
# 時刻一つの控えの長さ(arrivals.py)
_SINGLE_BYTES: Final = 6


async def line_times(connection: AsyncConnection, index: ChunkIndex, span: Span) -> list[LineTime]:
    """``span`` の行の時刻。行があること。"""
    where = {"log_day": index.log_day, "target_id": index.target_id}
    before = span.first_line - 1
    times: list[LineTime] = []
    start = 0 if before == 0 else span.start
    if start is None:
        before -= (await index.holding(connection, before)).nth
    else:
        # 改行の次ではない始まり: ログの先頭か、省いた真ん中の続き
        first = (await connection.execute(_AT, {**where, "byte_start": start})).one_or_none()
        if first is not None:
            times.append(LineTime(span.first_line, arrivals_of(first.arrivals, first.arrived_ms)[0].at_ms))
    last_line = span.first_line + span.count - 1
    found = await connection.execute(
        _CHUNKS,
        {
            **where,
            "from_newline": before,
            "to_newline": last_line - 1,
            "single": _SINGLE_BYTES,
            "budget": _BUDGET,
        },
    )
    rows = found.all()
    times += await asyncio.to_thread(lambda: [time for row in rows for time in _of_chunk(_of_row(row))])
    return list(_within(times, span.first_line, last_line))


@dataclass(frozen=True, slots=True)
class _Timed:
    """改行のあるかたまり。

    Attributes:
        data: 中身。時刻が一つだけなら要らない。
        next_ms: 改行で終わるなら、すぐ後ろのかたまりの始まりの時刻。
    """

    newline_start: int
    newline_count: int
    arrivals: Sequence[Arrival]
    data: bytes | None
    next_ms: int | None


def _of_row(row: Row[Any]) -> _Timed:
    following = arrivals_of(row.next_arrivals, row.next_arrived_ms) if row.next_starts_line else None
    return _Timed(
        newline_start=row.newline_start,
        newline_count=row.newline_count,
        arrivals=arrivals_of(row.arrivals, row.arrived_ms),
        data=None if row.frame is None else decompress(row.frame),
        next_ms=None if following is None else following[0].at_ms,
    )


def _of_chunk(chunk: _Timed) -> Iterator[LineTime]:
    """このかたまりの改行の次から始まる行。"""
    # 最初の改行の次の行
    first = chunk.newline_start + 2
    if chunk.data is None:
        yield LineTime(first, chunk.arrivals[0].at_ms)
    else:
        newlines = counted = 0
        for arrival in chunk.arrivals:
            # この位置か、その先から始まる最初の行
            newlines += chunk.data.count(b"\n", counted, max(counted, arrival.offset - 1))
            counted = max(counted, arrival.offset - 1)
            if newlines < chunk.newline_count:
                yield LineTime(first + newlines, arrival.at_ms)
    if chunk.next_ms is not None:
        yield LineTime(chunk.newline_start + chunk.newline_count + 1, chunk.next_ms)


async def archived_line_times(archives: ArchivedLogs, target_id: TargetId, span: Span) -> list[LineTime]:
    """``line_times`` と同じことを、保管したログに。もとのかたまりの行が、索引に残してある。"""
    log = await archives.find(target_id)
    if log is None:
        return []
    frames = ArchivedFrames(log)
    rows = (await archives.rows([target_id])).get(target_id, ())
    last_line = span.first_line + span.count - 1
    times: list[LineTime] = []
    budget = _BUDGET
    for number, row in enumerate(rows):
        following = rows[number + 1] if number + 1 < len(rows) else None
        if row.byte_start == (0 if span.first_line == 1 else span.start):
            times.append(LineTime(span.first_line, row.arrivals[0].at_ms))
        if not row.newline_count or row.newline_start >= last_line:
            continue
        if row.newline_start + row.newline_count + 1 < span.first_line:
            continue
        data = None
        if len(row.arrivals) > 1 and budget > 0:
            budget -= row.byte_length
            data = await _cut_out(frames, row)
        next_ms = following.arrivals[0].at_ms if following is not None and following.starts_line else None
        chunk = _Timed(row.newline_start, row.newline_count, row.arrivals, data, next_ms)
        times.extend(_of_chunk(chunk))
    return list(_within(times, span.first_line, last_line))


async def _cut_out(frames: ArchivedFrames, row: ArchivedRow) -> bytes:
    chunks = await frames.chunks(row.byte_start, row.byte_end, row.byte_length + 1)
    skipped = row.byte_start - chunks[0].byte_start
    return (await unpack(chunks))[skipped : skipped + row.byte_length]


def _within(times: Iterable[LineTime], first_line: int, last_line: int) -> Iterator[LineTime]:
    """求めた行の分だけにし、同じ時刻が続くところは一つにまとめる。"""
    pending: LineTime | None = None
    for time in times:
        if time.line > last_line:
            break
        at_ms = time.at_ms if pending is None else max(pending.at_ms, time.at_ms)
        line = max(first_line, time.line)
        if pending is not None and line > pending.line:
            if at_ms == pending.at_ms:
                continue
            yield pending
        pending = LineTime(line, at_ms)
    if pending is not None:
        yield pending
