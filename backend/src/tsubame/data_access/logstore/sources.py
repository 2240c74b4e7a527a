"""しまってあるログを、表からでも保管先からでも、同じ口で取り出す。"""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tsubame.business.executions.ports import LogExtent
from tsubame.business.shared.ids import TargetId
from tsubame.business.storage.errors import ArchivedObjectMissingError, ArchiveRefusedError
from tsubame.data_access.logstore.archive_index import FrameIndex, decode_frames, decode_rows
from tsubame.data_access.logstore.archived_rows import ArchivedRow
from tsubame.data_access.logstore.connecting import connecting
from tsubame.data_access.logstore.extents import locate
from tsubame.data_access.logstore.index import Chunk, ChunkIndex, Holding
from tsubame.data_access.logstore.objects import ObjectPlaces

_KEPT_FRAMES: Final = 100_000
_KEPT_ROWS: Final = 200_000
_LONGEST_AHEAD: Final = 4 * 1024 * 1024
# 先を数えるかたまりの数。大きなかたまりのログでは少なくてよく、一行ずつ届いたログでは増やす
_FEWEST: Final = 64
_MOST: Final = 2048

_ARCHIVE: Final = text(
    "SELECT location, object_key, frame_index FROM log_archives WHERE target_id = :target_id"
)
_ROWS: Final = text(
    "SELECT target_id, chunk_rows FROM log_archives WHERE target_id = ANY(CAST(:ids AS bigint[]))"
)


@dataclass(frozen=True, slots=True)
class ArchivedLog:
    """索引を読み込んだ、保管したログ。"""

    places: ObjectPlaces
    location: str
    key: str
    index: FrameIndex

    async def read_range(self, start: int, end: int) -> bytes:
        try:
            return await self.places.at(self.location).read_range(self.key, start, end)
        except (ArchivedObjectMissingError, ArchiveRefusedError):
            # データ置き場ごと引っ越したとき。名前は二つとないので、今の保管先にあれば同じ物
            moved = self.places.current
            if moved is None or moved == self.location:
                raise
            return await self.places.at(moved).read_range(self.key, start, end)


class ArchivedLogs:
    """保管したログの索引。最近読んだものを覚えておく。一度できた物は変わらないので、古くならない。"""

    def __init__(self, engine: AsyncEngine, places: ObjectPlaces) -> None:
        self._engine = engine
        self._places = places
        self._known: OrderedDict[TargetId, ArchivedLog] = OrderedDict()
        self._frames = 0
        self._known_rows: OrderedDict[TargetId, Sequence[ArchivedRow]] = OrderedDict()
        self._row_count = 0

    async def find(self, target_id: TargetId) -> ArchivedLog | None:
        known = self._known.get(target_id)
        if known is not None:
            self._known.move_to_end(target_id)
            return known
        async with connecting(self._engine) as connection:
            row = (await connection.execute(_ARCHIVE, {"target_id": target_id})).one_or_none()
        if row is None:
            return None
        index = await asyncio.to_thread(decode_frames, row.frame_index)
        found = ArchivedLog(self._places, row.location, row.object_key, index)
        self._remember(target_id, found)
        return found

    async def rows(self, target_ids: Sequence[TargetId]) -> Mapping[TargetId, Sequence[ArchivedRow]]:
        """移す前のかたまりの行。順に。移していない対象は入らない。"""
        rows = {key: self._known_rows[key] for key in target_ids if key in self._known_rows}
        missing = [key for key in target_ids if key not in rows]
        if missing:
            async with connecting(self._engine) as connection:
                found = (await connection.execute(_ROWS, {"ids": missing})).all()
            for row in found:
                decoded = await asyncio.to_thread(_decoded, row.chunk_rows)
                rows[TargetId(row.target_id)] = decoded
                self._remember_rows(TargetId(row.target_id), decoded)
        return rows

    def _remember(self, target_id: TargetId, log: ArchivedLog) -> None:
        if target_id not in self._known:
            self._known[target_id] = log
            self._frames += len(log.index.frames)
        while self._frames > _KEPT_FRAMES and len(self._known) > 1:
            _, forgotten = self._known.popitem(last=False)
            self._frames -= len(forgotten.index.frames)

    def _remember_rows(self, target_id: TargetId, rows: Sequence[ArchivedRow]) -> None:
        if target_id not in self._known_rows:
            self._known_rows[target_id] = rows
            self._row_count += len(rows)
        while self._row_count > _KEPT_ROWS and len(self._known_rows) > 1:
            _, forgotten = self._known_rows.popitem(last=False)
            self._row_count -= len(forgotten)


def _decoded(chunk_rows: bytes) -> Sequence[ArchivedRow]:
    return [ArchivedRow.of(row) for row in decode_rows(chunk_rows)]


class ArchivedFrames:
    """保管先の物から、要る枠だけを範囲で取る。続けて読むと分かれば、少しずつ先まで取る。"""

    def __init__(self, log: ArchivedLog) -> None:
        self._log = log
        self._held_from = 0
        self._held = b""
        self._ahead = 0

    async def chunks(self, start: int, end: int, budget: int) -> Sequence[Chunk]:
        frames = self._log.index.spanning(start, end, budget)
        if not frames:
            return ()
        await self._hold(frames[0].offset, frames[-1].offset + frames[-1].size, end)
        return [
            Chunk(
                frame.byte_start,
                frame.byte_length,
                frame.newline_start,
                frame.newline_count,
                self._cut(frame.offset, frame.size),
            )
            for frame in frames
        ]

    async def holding(self, newline: int) -> Holding:
        return self._log.index.holding(newline)

    def _cut(self, offset: int, size: int) -> bytes:
        at = offset - self._held_from
        return self._held[at : at + size]

    async def _hold(self, first: int, last: int, end: int) -> None:
        held_to = self._held_from + len(self._held)
        if self._held_from <= first and last <= held_to:
            return
        follows = bool(self._held) and first <= held_to and first > self._held_from
        self._ahead = min(max(self._ahead * 2, last - first), _LONGEST_AHEAD) if follows else 0
        limit = self._log.index.spanning(end - 1, end, 1)[-1]
        reach = max(last, min(first + self._ahead, limit.offset + limit.size))
        self._held = await self._log.read_range(first, reach)
        self._held_from = first


class TableFrames:
    def __init__(self, engine: AsyncEngine, index: ChunkIndex) -> None:
        self._engine = engine
        self._index = index
        self._most = _FEWEST

    async def chunks(self, start: int, end: int, budget: int) -> Sequence[Chunk]:
        # 受け手や保管先が遅くても接続を握らないよう、取り出すたびに返す
        async with connecting(self._engine) as connection:
            found = await self._index.chunks(connection, (start, end), budget, self._most)
        if len(found) == self._most:
            self._most = min(self._most * 4, _MOST)
        return found

    async def holding(self, newline: int) -> Holding:
        async with connecting(self._engine) as connection:
            return await self._index.holding(connection, newline)


class LogFrames:
    """開いたログ。まず表を見て、そこになければ保管先を見る。

    読んでいる最中に保管先へ移っても、続きがそのまま読める。表の行が消えるのと、保管の行が
    現れるのは、同じ一瞬なので。

    Attributes:
        extent: 開いたときの長さ。そのあと伸びても変わらない。
    """

    def __init__(
        self, extent: LogExtent, target_id: TargetId, table: TableFrames, archives: ArchivedLogs
    ) -> None:
        self.extent = extent
        self._target_id = target_id
        self._table = table
        self._archives = archives
        self._archived: ArchivedFrames | None = None

    async def chunks(self, start: int, end: int, budget: int) -> Sequence[Chunk]:
        """``start`` を含むかたまりから順に、伸ばして ``budget`` バイトほど。``end`` より先は含まない。"""
        if self._archived is None:
            found = await self._table.chunks(start, end, budget)
            if found or start >= end or not await self.look_in_archive():
                return found
        return await self._the_archived().chunks(start, end, budget)

    async def holding(self, newline: int) -> Holding:
        """``newline`` 個目の改行を含むかたまり(``ChunkIndex.holding``)。"""
        if self._archived is None:
            found = await self._table.holding(newline)
            # 「ない」は、改行が一つもないか、もう表にないか
            if newline <= 0 or found.newline_count > 0 or not await self.look_in_archive():
                return found
        return await self._the_archived().holding(newline)

    async def look_in_archive(self) -> bool:
        """保管先に移っていれば真で、それからは表を見ない。"""
        log = await self._archives.find(self._target_id)
        self._archived = None if log is None else ArchivedFrames(log)
        return log is not None

    def _the_archived(self) -> ArchivedFrames:
        if self._archived is None:
            raise RuntimeError("the archive has not been looked for")
        return self._archived


class StoredLogs:
    """しまってあるログを開く。"""

    def __init__(self, engine: AsyncEngine, places: ObjectPlaces) -> None:
        # ログは書き足されるだけなので、文ごとの見え方で足りる。取引の始めと終わりの往復を省く
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self.archives = ArchivedLogs(self._engine, places)

    async def open(self, target_id: TargetId) -> LogFrames:
        """Raises: TargetNotFoundError, StorageUnavailableError。"""
        async with connecting(self._engine) as connection:
            located = await locate(connection, target_id)
        table = TableFrames(self._engine, located.index)
        frames = LogFrames(located.extent, target_id, table, self.archives)
        if located.archived:
            await frames.look_in_archive()
        return frames
