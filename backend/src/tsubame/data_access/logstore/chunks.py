"""ログを書く。

一つの文で「位置と権利を比べて進める・かたまりを入れる・合図を送る」を済ませる。往復が一度なので、
最初の一行が早く、途中で切れても全部が残るか、全部が残らないかのどちらかになる。
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Final

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from tsubame.business.executions.entities import Lease
from tsubame.business.executions.errors import LogRefusedError
from tsubame.business.executions.ports import LogBlock, LogPiece
from tsubame.business.shared.errors import StorageUnavailableError
from tsubame.business.shared.signals import Signal, SignalKind
from tsubame.data_access.db.engine import libpq_url
from tsubame.data_access.db.signals import CHANNEL, encode
from tsubame.data_access.logstore.frames import INLINE_BYTES, compress
from tsubame.data_access.logstore.partitions import create_partitions, ensure_partitions
from tsubame.data_access.transactions import is_outage

_APPEND_S: Final = 30
_IDS_PER_NOTIFY: Final = 300
# 待てば直りうる失敗。InternalError は、切り替わった直後の読み取り専用など
_OUTAGES: Final = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.InternalError,
    TimeoutError,
    OSError,
)

_APPEND: Final = """
WITH won AS (
    UPDATE targets t
    SET log_bytes = p.byte_end, log_newlines = p.newline_end,
        log_open_line = p.open_line, remote_bytes = p.remote_end
    FROM unnest(
        %b::int[], %b::bigint[], %b::int[], %b::bigint[], %b::bigint[],
        %b::bigint[], %b::bool[], %b::bigint[], %b::bigint[]
    ) AS p (piece, target_id, epoch, byte_start, byte_end, newline_end, open_line, remote_start, remote_end)
    WHERE t.id = p.target_id AND t.lease_epoch = p.epoch
        AND t.log_bytes = p.byte_start AND t.remote_bytes = p.remote_start
    RETURNING p.piece, t.id, t.log_day
), stored AS (
    INSERT INTO log_chunks
        (log_day, target_id, byte_start, byte_length, newline_start, newline_count, frame)
    SELECT won.log_day, won.id, b.byte_start, b.byte_length, b.newline_start, b.newline_count, b.frame
    FROM unnest(%b::int[], %b::bigint[], %b::int[], %b::bigint[], %b::int[], %b::bytea[])
        AS b (piece, byte_start, byte_length, newline_start, newline_count, frame)
    JOIN won ON won.piece = b.piece
), told AS (
    SELECT pg_notify(%b, payload) FROM unnest(%b::text[]) AS payload
)
SELECT piece FROM won, (SELECT count(*) FROM told) AS sent
"""
_POSITIONS: Final = (
    "SELECT id, lease_epoch, log_bytes, remote_bytes FROM targets WHERE id = ANY(%b::bigint[])"
)


class ChunkStore:
    """``LogStore`` の実装。専用の接続を一本だけ持ち、失敗すれば捨てて張り直す。"""

    def __init__(self, url: str, engine: AsyncEngine) -> None:
        """``url`` は ``postgresql://…``。``engine`` は区画を作るときにだけ使う。"""
        self._url = libpq_url(url)
        self._engine = engine
        self._connection: psycopg.AsyncConnection | None = None
        self._months: set[tuple[int, int]] = set()

    async def pack(self, parts: Sequence[bytes]) -> LogBlock:
        size = sum(len(part) for part in parts)
        return _block(parts) if size <= INLINE_BYTES else await asyncio.to_thread(_block, parts)

    async def append(self, pieces: Sequence[LogPiece]) -> frozenset[Lease]:
        try:
            async with asyncio.timeout(_APPEND_S):
                return await self._append(pieces)
        except BaseException as exc:
            # 途中で止まった接続は、どこまで進んだか分からないので捨てる。取り消しのときも同じ
            await self.close()
            if _is_outage(exc):
                raise StorageUnavailableError("The log store cannot be reached right now.") from exc
            if isinstance(exc, psycopg.Error | DBAPIError):
                raise LogRefusedError(str(exc)) from exc
            raise

    async def prepare_months(self) -> None:
        """先の月の区画を作っておく。作らなくても書けるが、月の変わり目に書き手を待たせない。

        Raises: StorageUnavailableError。
        """
        try:
            await ensure_partitions(self._engine, datetime.now(UTC).date())
        except DBAPIError as exc:
            if not is_outage(exc):
                raise
            raise StorageUnavailableError("The database cannot be reached right now.") from exc

    async def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _append(self, pieces: Sequence[LogPiece]) -> frozenset[Lease]:
        await self._ensure_months({piece.log_day for piece in pieces})
        connection = await self._connected()
        won = await connection.execute(_APPEND, _parameters(pieces), prepare=True, binary=True)
        written = {pieces[index].lease for (index,) in await won.fetchall()}
        refused = [piece for piece in pieces if piece.lease not in written]
        return frozenset(written | await self._already_written(connection, refused))

    async def _already_written(
        self, connection: psycopg.AsyncConnection, refused: Sequence[LogPiece]
    ) -> set[Lease]:
        """確定したのに返事だけが失われた分。同じ権利で書けるのは自分だけなので、位置が合えば自分のもの。"""
        if not refused:
            return set()
        found = await connection.execute(
            _POSITIONS, ([piece.lease.target_id for piece in refused],), binary=True
        )
        rows = set(await found.fetchall())
        return {
            piece.lease
            for piece in refused
            if (piece.lease.target_id, piece.lease.epoch, piece.byte_end, piece.remote_end) in rows
        }

    async def _ensure_months(self, days: set[date]) -> None:
        missing = {day for day in days if (day.year, day.month) not in self._months}
        if missing:
            await create_partitions(self._engine, missing)
            self._months |= {(day.year, day.month) for day in missing}

    async def _connected(self) -> psycopg.AsyncConnection:
        if self._connection is None:
            self._connection = await psycopg.AsyncConnection.connect(
                self._url,
                autocommit=True,
                connect_timeout=10,
                application_name="tsubame-log-writer",
                # 円盤に届くのを待たない。直前の分が消えても、位置と中身が一緒に戻り、サーバから読み直せる。
                # 終わりの確定は別の接続で待つので、それまでの全部もそこで円盤に届く
                options="-c timezone=UTC -c statement_timeout=30000 -c synchronous_commit=off",
            )
        return self._connection


def _is_outage(problem: BaseException) -> bool:
    # 断ると決めた文(RAISE)も InternalError の一種だが、待っても変わらない
    if isinstance(problem, psycopg.errors.RaiseException):
        return False
    return isinstance(problem, _OUTAGES) or (isinstance(problem, DBAPIError) and is_outage(problem))


def _block(parts: Sequence[bytes]) -> LogBlock:
    data = parts[0] if len(parts) == 1 else b"".join(parts)
    return LogBlock(
        frame=compress(data),
        byte_length=len(data),
        newline_count=data.count(b"\n"),
        open_line=not data.endswith(b"\n"),
    )


def _parameters(pieces: Sequence[LogPiece]) -> tuple[object, ...]:
    ids = [piece.lease.target_id for piece in pieces]
    return (
        list(range(len(pieces))),
        ids,
        [piece.lease.epoch for piece in pieces],
        [piece.byte_start for piece in pieces],
        [piece.byte_end for piece in pieces],
        [piece.newline_end for piece in pieces],
        [piece.blocks[-1].open_line for piece in pieces],
        [piece.remote_start for piece in pieces],
        [piece.remote_end for piece in pieces],
        *_block_columns(pieces),
        CHANNEL,
        # 負けた分の番号が混ざっても害はない(合図は読み直しのきっかけでしかない)
        [
            encode(Signal(SignalKind.LOG, tuple(ids[start : start + _IDS_PER_NOTIFY])))
            for start in range(0, len(ids), _IDS_PER_NOTIFY)
        ],
    )


def _block_columns(pieces: Sequence[LogPiece]) -> tuple[list[object], ...]:
    rows: list[tuple[object, ...]] = []
    for index, piece in enumerate(pieces):
        byte_start, newline_start = piece.byte_start, piece.newline_start
        for block in piece.blocks:
            rows.append(
                (index, byte_start, block.byte_length, newline_start, block.newline_count, block.frame)
            )
            byte_start += block.byte_length
            newline_start += block.newline_count
    return tuple(list(column) for column in zip(*rows, strict=True))
