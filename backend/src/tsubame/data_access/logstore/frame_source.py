"""一つのログの枠を、順に、まとめて取り出す口。どこに置いてあっても同じに探せるように。"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

import psycopg
from sqlalchemy.ext.asyncio import AsyncEngine

from tsubame.business.executions.ports import LogExtent
from tsubame.business.shared.errors import StorageUnavailableError
from tsubame.business.shared.ids import TargetId
from tsubame.data_access.logstore.connecting import connecting
from tsubame.data_access.logstore.extents import Located, locate
from tsubame.data_access.logstore.sources import ArchivedFrames, ArchivedLogs

_FEWEST: Final = 16
_MOST: Final = 2048

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


class OpenedFrames(Protocol):
    """開いたログ。長さは開いたときのもので、そのあと伸びても変わらない。"""

    @property
    def extent(self) -> LogExtent: ...

    async def batch(self, start: int, budget: int) -> Sequence[Frame]:
        """``start`` を含む枠から順に、伸ばして ``budget`` バイトほど。もうなければ空。

        Raises: StorageUnavailableError。
        """
        ...


class FrameSource(Protocol):
    async def open(self, target_id: TargetId) -> OpenedFrames:
        """Raises: TargetNotFoundError, StorageUnavailableError。"""
        ...


class StoredFrames:
    """``FrameSource`` の実装。表からも保管先からも取り出す。接続は、一まとめ読むあいだだけ借りる。"""

    def __init__(self, engine: AsyncEngine, archives: ArchivedLogs) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._archives = archives

    async def open(self, target_id: TargetId) -> OpenedFrames:
        async with connecting(self._engine) as connection:
            located = await locate(connection, target_id)
        return _StoredLog(self._engine, self._archives, located)


class _StoredLog:
    def __init__(self, engine: AsyncEngine, archives: ArchivedLogs, located: Located) -> None:
        self._engine = engine
        self._archives = archives
        self._target_id = located.index.target_id
        self._log_day = located.index.log_day
        self._extent = located.extent
        self._in_table = not located.archived
        self._archived: ArchivedFrames | None = None
        self._most = _FEWEST

    @property
    def extent(self) -> LogExtent:
        return self._extent

    async def batch(self, start: int, budget: int) -> Sequence[Frame]:
        if start >= self._extent.bytes:
            return []
        if self._in_table:
            if frames := await self._from_table(start, budget):
                return frames
            # 探しているあいだに移ったのなら、続きは保管先にある
            self._in_table = False
        return await self._from_archive(start, budget)

    async def _from_table(self, start: int, budget: int) -> Sequence[Frame]:
        wanted = {
            "target_id": self._target_id,
            "log_day": self._log_day,
            "start": start,
            "end": self._extent.bytes,
            "budget": budget,
            "most": self._most,
        }
        async with _binary_cursor(self._engine) as cursor:
            await cursor.execute(_AHEAD, wanted)
            frames = [Frame(*row) for row in await cursor.fetchall()]
        if sum(frame.byte_length for frame in frames) < budget:
            # 小さなかたまりばかりのログでは、一度に取る数を増やす
            self._most = min(self._most * 2, _MOST)
        return frames

    async def _from_archive(self, start: int, budget: int) -> Sequence[Frame]:
        if self._archived is None:
            log = await self._archives.find(self._target_id)
            if log is None:
                return []
            self._archived = ArchivedFrames(log)
        return [
            Frame(frame.byte_start, frame.byte_length, frame.newline_start, frame.newline_count, data)
            for frame, data in await self._archived.frames(start, self._extent.bytes, budget)
            if frame.byte_end > start
        ]


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
