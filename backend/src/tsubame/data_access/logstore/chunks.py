"""ログを書く。

往復が一度なので、最初の一行が早く、途中で切れても、全部が残るか、全部が残らないかのどちらかになる。
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime
from typing import Final

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from tsubame.business.executions.entities import Lease
from tsubame.business.executions.errors import LogRefusedError
from tsubame.business.executions.log_store import LogBlock, LogPiece, LogTrim
from tsubame.business.shared.errors import StorageUnavailableError
from tsubame.data_access.db.engine import libpq_url
from tsubame.data_access.logstore import appending, trimming
from tsubame.data_access.logstore.frames import INLINE_BYTES, compress
from tsubame.data_access.logstore.partitions import create_partitions, ensure_partitions
from tsubame.data_access.logstore.suspicion import has_marks, newlines
from tsubame.data_access.transactions import is_outage

_APPEND_S: Final = 30
# 待てば直りうる失敗。InternalError は、切り替わった直後の読み取り専用など
_OUTAGES: Final = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    psycopg.InternalError,
    TimeoutError,
    OSError,
)

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
        async with self._within_time():
            return await self._append(pieces)

    async def trim(self, trim: LogTrim) -> None:
        async with self._within_time():
            connection = await self._connected()
            await connection.execute(trimming.TRIM, trimming.values(trim), prepare=True, binary=True)

    @contextlib.asynccontextmanager
    async def _within_time(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(_APPEND_S):
                yield
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
        query, values = appending.statement(pieces)
        won = await connection.execute(query, values, prepare=True, binary=True)
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
        newline_count=newlines(data),
        open_line=not data.endswith(b"\n"),
        marked=has_marks(data),
    )
