"""ログを書き足す文。

一つの文で「位置と権利を比べて進める・かたまりを入れる・印を入れる・合図を送る」を済ませる。
"""

import json
from collections.abc import Sequence
from typing import Final

from tsubame.business.executions.log_store import LogPiece
from tsubame.business.shared.signals import Signal, SignalKind
from tsubame.data_access.db.signals import CHANNEL, encode
from tsubame.data_access.logstore import arrivals

_IDS_PER_NOTIFY: Final = 300

_WON: Final = """
WITH won AS (
    UPDATE targets t
    SET log_bytes = p.byte_end, log_newlines = p.newline_end, log_open_line = p.open_line,
        log_line_head = p.line_head, log_marks = p.mark_total, remote_bytes = p.remote_end,
        log_masked = t.log_masked + p.masked
    FROM unnest(
        %b::int[], %b::bigint[], %b::int[], %b::bigint[], %b::bigint[],
        %b::bigint[], %b::bool[], %b::bytea[], %b::int[], %b::bigint[], %b::bigint[], %b::int[]
    ) AS p (piece, target_id, epoch, byte_start, byte_end,
        newline_end, open_line, line_head, mark_total, remote_start, remote_end, masked)
    WHERE t.id = p.target_id AND t.lease_epoch = p.epoch
        AND t.log_bytes = p.byte_start AND t.remote_bytes = p.remote_start
    RETURNING p.piece, t.id, t.log_day
), stored AS (
    INSERT INTO log_chunks
        (log_day, target_id, byte_start, byte_length, newline_start, newline_count,
        starts_line, arrivals, frame)
    SELECT won.log_day, won.id, b.byte_start, b.byte_length, b.newline_start, b.newline_count,
        b.starts_line, b.arrivals, b.frame
    FROM unnest(
        %b::int[], %b::bigint[], %b::int[], %b::bigint[], %b::int[], %b::bool[], %b::bytea[], %b::bytea[]
    ) AS b (piece, byte_start, byte_length, newline_start, newline_count, starts_line, arrivals, frame)
    JOIN won ON won.piece = b.piece
), told AS (
    SELECT pg_notify(%b, payload) FROM unnest(%b::text[]) AS payload
)"""
# 印はめったにないので、あるときだけ足す
_MARKED: Final = """, marked AS (
    INSERT INTO log_marks
        (target_id, line, ordinal, kind, text, name, at_ms, collapsed, file, file_line)
    SELECT won.id, m.line, m.ordinal, m.kind, m.text, m.name, m.at_ms, m.collapsed, m.file, m.file_line
    FROM jsonb_to_recordset(%b::text::jsonb) AS m (piece int, line bigint, ordinal smallint, kind text,
        text text, name text, at_ms bigint, collapsed bool, file text, file_line int)
    JOIN won ON won.piece = m.piece
)"""
_SENT: Final = """
SELECT piece FROM won, (SELECT count(*) FROM told) AS sent
"""


def statement(pieces: Sequence[LogPiece]) -> tuple[str, tuple[object, ...]]:
    """文と、その値。文は、書けた一切れの番号を返す。"""
    values = (*_piece_columns(pieces), *_chunk_columns(pieces), CHANNEL, _signals(pieces))
    marks = _marks(pieces)
    if not marks:
        return _WON + _SENT, values
    return _WON + _MARKED + _SENT, (*values, json.dumps(marks))


def _piece_columns(pieces: Sequence[LogPiece]) -> tuple[list[object], ...]:
    return (
        list(range(len(pieces))),
        [piece.lease.target_id for piece in pieces],
        [piece.lease.epoch for piece in pieces],
        [piece.byte_start for piece in pieces],
        [piece.byte_end for piece in pieces],
        [piece.newline_end for piece in pieces],
        [piece.chunks[-1].block.open_line for piece in pieces],
        [piece.line_head for piece in pieces],
        [piece.mark_total for piece in pieces],
        [piece.remote_start for piece in pieces],
        [piece.remote_end for piece in pieces],
        [piece.masked for piece in pieces],
    )


def _chunk_columns(pieces: Sequence[LogPiece]) -> tuple[list[object], ...]:
    rows: list[tuple[object, ...]] = []
    for index, piece in enumerate(pieces):
        byte_start, newline_start = piece.byte_start, piece.newline_start
        for chunk in piece.chunks:
            block = chunk.block
            rows.append(
                (
                    index, byte_start, block.byte_length, newline_start, block.newline_count,
                    chunk.starts_line, arrivals.encode(chunk.arrivals), block.frame,
                )
            )  # fmt: skip
            byte_start += block.byte_length
            newline_start += block.newline_count
    return tuple(list(column) for column in zip(*rows, strict=True))


def _signals(pieces: Sequence[LogPiece]) -> list[str]:
    # 負けた分の番号が混ざっても害はない(合図は読み直しのきっかけでしかない)
    ids = [piece.lease.target_id for piece in pieces]
    return [
        encode(Signal(SignalKind.LOG, tuple(ids[start : start + _IDS_PER_NOTIFY])))
        for start in range(0, len(ids), _IDS_PER_NOTIFY)
    ]


def _marks(pieces: Sequence[LogPiece]) -> list[dict[str, object]]:
    return [
        {
            "piece": index,
            "line": placed.line,
            "ordinal": placed.ordinal,
            "kind": placed.mark.kind,
            "text": placed.mark.text,
            "name": placed.mark.name,
            "at_ms": placed.at_ms,
            "collapsed": placed.mark.collapsed,
            "file": placed.mark.file,
            "file_line": placed.mark.file_line,
        }
        for index, piece in enumerate(pieces)
        for placed in piece.marks
    ]
