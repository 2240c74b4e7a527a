"""一つのログの枠を、順に、まとめて取り出す口。どこに置いてあっても同じに探せるように。"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Protocol

import psycopg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tsubame.business.executions.errors import TargetNotFoundError
from tsubame.business.executions.ports import LogExtent
from tsubame.business.executions.states import ENDED, TargetState
from tsubame.business.shared.errors import StorageUnavailableError
from tsubame.business.shared.ids import TargetId
from tsubame.data_access.logstore.connecting import connecting

_FEWEST: Final = 16
_MOST: Final = 2048

_TARGET: Final = text(
    "SELECT state, log_bytes, log_newlines, log_open_line, log_day FROM targets WHERE id = :id"
)
# %(start)s を含む枠から順に。窓の中で足すので、数える行を most で抑える。frame は選ばれた行だけが読まれる
_AHEAD: Final = """
SELECT byte_start, byte_length, newline_start, newline_count, frame FROM (
    SELECT *, sum(byte_length) OVER (ORDER BY byte_start) - byte_length AS before
    FROM log_chunks
    WHERE log_day = %(log_day)s AND target_id = %(target_id)s AND byte_start < %(end)s
        AND byte_start >= coalesce((
            SELECT byte_start FROM log_chunks
            WHERE log_day = %(log_day)s AND target_id = %(target_id)s AND byte_start <= %(start)s
            ORDER BY byte_start DESC LIMIT 1
        ), %(start)s)
    ORDER BY byte_start LIMIT %(most)s
) AS ahead
WHERE before < %(budget)s AND byte_start + byte_length > %(start)s ORDER BY byte_start
"""


@dataclass(frozen=True, slots=True)
class Frame:
    """圧縮した一かたまり。``newline_start`` は、これより前の改行の数。"""

    byte_start: int
    byte_length: int
    newline_start: int
    newline_count: int
    frame: bytes


class LogFrames(Protocol):
    """開いたログ。長さは開いたときのもので、そのあと伸びても変わらない。"""

    @property
    def extent(self) -> LogExtent: ...

    async def batch(self, start: int, budget: int) -> Sequence[Frame]:
        """``start`` を含む枠から順に、伸ばして ``budget`` バイトほど。もうなければ空。

        Raises: StorageUnavailableError。
        """
        ...


class FrameSource(Protocol):
    async def open(self, target_id: TargetId) -> LogFrames:
        """Raises: TargetNotFoundError, StorageUnavailableError。"""
        ...


class TableFrames:
    """表に置いてあるログの ``FrameSource``。接続は、一まとめ読むあいだだけ借りる。"""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def open(self, target_id: TargetId) -> LogFrames:
        async with connecting(self._engine) as connection:
            row = (await connection.execute(_TARGET, {"id": target_id})).one_or_none()
        if row is None:
            raise TargetNotFoundError(f"There is no target {target_id}.")
        lines = row.log_newlines + row.log_open_line
        extent = LogExtent(row.log_bytes, lines, ended=TargetState(row.state) in ENDED)
        return _TableLog(self._engine, target_id, row.log_day, extent)


class _TableLog:
    def __init__(self, engine: AsyncEngine, target_id: TargetId, log_day: date, extent: LogExtent) -> None:
        self._engine = engine
        self._where = {"target_id": target_id, "log_day": log_day, "end": extent.bytes}
        self._extent = extent
        self._most = _FEWEST

    @property
    def extent(self) -> LogExtent:
        return self._extent

    async def batch(self, start: int, budget: int) -> Sequence[Frame]:
        if start >= self._extent.bytes:
            return []
        wanted = {**self._where, "start": start, "budget": budget, "most": self._most}
        async with _binary_cursor(self._engine) as cursor:
            await cursor.execute(_AHEAD, wanted)
            frames = [Frame(*row) for row in await cursor.fetchall()]
        if sum(frame.byte_length for frame in frames) < budget:
            # 小さなかたまりばかりのログでは、一度に取る数を増やす
            self._most = min(self._most * 2, _MOST)
        return frames


@asynccontextmanager
async def _binary_cursor(engine: AsyncEngine) -> AsyncIterator[psycopg.AsyncCursor[Any]]:
    """文字に直さずに受け取る。bytea を十六進で運ぶと、量が倍になる。

    Raises: StorageUnavailableError。
    """
    async with connecting(engine) as connection:
        raw = await connection.get_raw_connection()
        driver = raw.driver_connection
        if not isinstance(driver, psycopg.AsyncConnection):  # engine.py がただ一つのドライバを決めている
            raise TypeError(type(driver))
        try:
            async with driver.cursor(binary=True) as cursor:
                yield cursor
        except (psycopg.OperationalError, psycopg.InterfaceError) as exc:
            raise StorageUnavailableError("The database cannot be reached right now.") from exc
