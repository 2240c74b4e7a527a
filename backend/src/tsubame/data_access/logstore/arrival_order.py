"""行の届いた時刻を、かたまりの届いた時刻から知る。

行は、その改行を含むかたまりと一緒に届いたとする。かたまりの ``newline_start`` と ``newline_count`` だけで
決まるので、中身は伸ばさない。
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy import Row, TextClause, text
from sqlalchemy.ext.asyncio import AsyncEngine

from tsubame.business.executions.merged_log import Moment, Span, Timeline
from tsubame.business.executions.states import ENDED
from tsubame.business.shared.ids import TargetId
from tsubame.data_access.logstore.archived_rows import ArchivedRow
from tsubame.data_access.logstore.connecting import connecting
from tsubame.data_access.logstore.sources import ArchivedLogs

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

# hunt: :since 以後に届いた最初のかたまりを、対象ごとに半分ずつ探す(届いた時刻は位置の順に並んでいる)。
# 長いログのどこから見ても、触るのは十数個で済む
_TEMPLATE: Final = """
WITH RECURSIVE wanted AS MATERIALIZED (
    SELECT id, log_day, log_bytes, log_newlines, log_open_line, state = ANY(:ended) AS ended
    FROM targets WHERE id = ANY(:ids) AND log_archived_at IS NULL
), hunt (id, log_day, low, high) AS (
    SELECT id, log_day, 0::bigint, log_bytes FROM wanted
    UNION ALL
    SELECT h.id, h.log_day,
        CASE WHEN c.arrived_at < :since
            THEN greatest(c.byte_start + c.byte_length, (h.low + h.high) / 2 + 1) ELSE h.low END,
        CASE WHEN c.arrived_at < :since THEN h.high ELSE c.byte_start END
    FROM hunt h CROSS JOIN LATERAL (
        SELECT byte_start, byte_length, arrived_at FROM log_chunks
        WHERE log_day = h.log_day AND target_id = h.id AND byte_start <= (h.low + h.high) / 2
        ORDER BY byte_start DESC LIMIT 1
    ) c
    WHERE h.low < h.high
), found AS (
    SELECT h.id, c.* FROM hunt h CROSS JOIN LATERAL (
        SELECT floor(extract(epoch FROM arrived_at) * 1000)::bigint AS at_ms, arrived_at,
            newline_start + 1 AS first_line, newline_start + newline_count AS last_line
        FROM log_chunks
        WHERE log_day = h.log_day AND target_id = h.id AND newline_count > 0 AND byte_start {side} h.low
            AND (floor(extract(epoch FROM arrived_at) * 1000)::bigint, h.id, {edge}) {beyond}
                (:at_ms, :target_id, :line)
        ORDER BY byte_start {order} LIMIT :lines
    ) c
    WHERE h.low >= h.high
    UNION ALL
    SELECT w.id, floor(extract(epoch FROM c.arrived_at) * 1000)::bigint, c.arrived_at,
        w.log_newlines + 1, w.log_newlines + 1
    FROM wanted w CROSS JOIN LATERAL (
        SELECT arrived_at FROM log_chunks WHERE log_day = w.log_day AND target_id = w.id
        ORDER BY byte_start DESC LIMIT 1
    ) c
    WHERE w.ended AND w.log_open_line
        AND (floor(extract(epoch FROM c.arrived_at) * 1000)::bigint, w.id, w.log_newlines + 1) {beyond}
            (:at_ms, :target_id, :line)
), growing AS (
    SELECT coalesce(bool_or(NOT ended), false) AS growing FROM wanted
)
SELECT g.growing, f.id, f.at_ms, f.first_line, f.last_line
FROM growing g LEFT JOIN found f
    -- 確定したばかりの行より前に、別のワーカーの確定しかけの行が現れうる。少し待てば、順が決まる
    ON NOT g.growing OR f.arrived_at < now() - interval '1 second'
ORDER BY f.at_ms {order}, f.id {order}, f.first_line {order} LIMIT :lines
"""


def _query(*, backward: bool) -> TextClause:
    if backward:
        return text(_TEMPLATE.format(side="<", edge="newline_start + 1", beyond="<", order="DESC"))
    return text(_TEMPLATE.format(side=">=", edge="newline_start + newline_count", beyond=">", order="ASC"))


_ARCHIVED: Final = text(
    "SELECT id, log_newlines, log_open_line FROM targets WHERE id = ANY(:ids) AND log_archived_at IS NOT NULL"
)
_AFTER: Final = _query(backward=False)
_BEFORE: Final = _query(backward=True)


class ChunkTimes:
    """``LineTimes`` の実装。"""

    def __init__(self, engine: AsyncEngine, archives: ArchivedLogs) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._archives = archives

    async def after(self, target_ids: Sequence[TargetId], moment: Moment, lines: int) -> Timeline:
        return await self._find(_AFTER, target_ids, moment, lines)

    async def before(self, target_ids: Sequence[TargetId], moment: Moment, lines: int) -> Timeline:
        return await self._find(_BEFORE, target_ids, moment, lines)

    async def _find(
        self, query: TextClause, target_ids: Sequence[TargetId], moment: Moment, lines: int
    ) -> Timeline:
        # 後ろ向きには、同じ時刻のものも前にありうるので、その次の時刻から探す
        since = _EPOCH + timedelta(milliseconds=moment.at_ms + (query is _BEFORE))
        values = {
            "ids": list(target_ids),
            "ended": sorted(ENDED),
            "since": since,
            "at_ms": moment.at_ms,
            "target_id": moment.target_id,
            "line": moment.line,
            "lines": lines,
        }
        async with connecting(self._engine) as connection:
            rows = (await connection.execute(query, values)).all()
            # 読むあいだに移っても抜けないよう、保管先はあとで見る(両方にあれば、同じ中身)
            archived = (await connection.execute(_ARCHIVED, {"ids": list(target_ids)})).all()
        spans = {
            Span(row.at_ms, TargetId(row.id), row.first_line, row.last_line)
            for row in rows
            if row.id is not None
        }
        rows_of = await self._archives.rows([TargetId(log.id) for log in archived])
        for log in archived:
            kept = rows_of.get(TargetId(log.id), ())
            spans.update(_archived(log, kept, moment, backward=query is _BEFORE))
        ordered = sorted(spans, key=_place, reverse=query is _BEFORE)
        return Timeline(ordered[:lines], growing=bool(rows and rows[0].growing))


def _archived(log: Row[Any], rows: Sequence[ArchivedRow], moment: Moment, *, backward: bool) -> list[Span]:
    """保管したログの、求めた側にある分。"""
    target_id = TargetId(log.id)
    spans = [
        Span(row.arrived_ms, target_id, row.newline_start + 1, row.newline_start + row.newline_count)
        for row in rows
        if row.newline_count
    ]
    if log.log_open_line and rows:
        last = log.log_newlines + 1
        spans.append(Span(rows[-1].arrived_ms, target_id, last, last))
    here = (moment.at_ms, moment.target_id, moment.line)
    if backward:
        return [span for span in spans if (span.at_ms, span.target_id, span.first_line) < here]
    return [span for span in spans if (span.at_ms, span.target_id, span.last_line) > here]


def _place(span: Span) -> tuple[int, TargetId, int]:
    return span.at_ms, span.target_id, span.first_line
