"""一つのログの枠を、表からでも保管先からでも、同じ口で取り出す。"""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tsubame.business.shared.ids import TargetId
from tsubame.business.storage.errors import ArchivedObjectMissingError, ArchiveRefusedError
from tsubame.data_access.logstore.archive_index import Frame, FrameIndex, decode_frames, decode_rows
from tsubame.data_access.logstore.connecting import connecting
from tsubame.data_access.logstore.index import Chunk, ChunkIndex, Holding
from tsubame.data_access.logstore.objects import ObjectPlaces

_KEPT_FRAMES: Final = 100_000
_LONGEST_AHEAD: Final = 4 * 1024 * 1024

_ARCHIVE: Final = text(
    "SELECT location, object_key, frame_index FROM log_archives WHERE target_id = :target_id"
)
_ROWS: Final = text("SELECT chunk_rows FROM log_archives WHERE target_id = :target_id")


class FrameSource(Protocol):
    async def chunks(self, start: int, end: int, budget: int) -> Sequence[Chunk]:
        """``start`` を含むかたまりから順に、伸ばして ``budget`` バイトほど。``end`` より先は含まない。"""
        ...

    async def holding(self, newline: int) -> Holding:
        """``newline`` 個目の改行を含むかたまり(``ChunkIndex.holding``)。"""
        ...


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

    async def rows(self, target_id: TargetId) -> list[dict[str, object]]:
        """移す前の、かたまりの行(``log_chunks`` の列のうち、枠の中身のほか)。順に。移していなければ空。"""
        async with connecting(self._engine) as connection:
            found = (await connection.execute(_ROWS, {"target_id": target_id})).scalar_one_or_none()
        return [] if found is None else await asyncio.to_thread(lambda: list(decode_rows(found)))

    def _remember(self, target_id: TargetId, log: ArchivedLog) -> None:
        if target_id not in self._known:
            self._known[target_id] = log
            self._frames += len(log.index.frames)
        while self._frames > _KEPT_FRAMES and len(self._known) > 1:
            _, forgotten = self._known.popitem(last=False)
            self._frames -= len(forgotten.index.frames)


class ArchivedFrames:
    """保管先の物から、要る枠だけを範囲で取る。続けて読むと分かれば、少しずつ先まで取る。"""

    def __init__(self, log: ArchivedLog) -> None:
        self._log = log
        self._held_from = 0
        self._held = b""
        self._ahead = 0

    async def chunks(self, start: int, end: int, budget: int) -> Sequence[Chunk]:
        return [
            Chunk(frame.byte_start, frame.byte_length, data)
            for frame, data in await self.frames(start, end, budget)
        ]

    async def frames(self, start: int, end: int, budget: int) -> Sequence[tuple[Frame, bytes]]:
        """``chunks`` と同じ範囲を、改行の数も分かる形で。"""
        frames = self._log.index.spanning(start, end, budget)
        if not frames:
            return ()
        await self._hold(frames[0].offset, frames[-1].offset + frames[-1].size, end)
        return [(frame, self._cut(frame)) for frame in frames]

    def _cut(self, frame: Frame) -> bytes:
        at = frame.offset - self._held_from
        return self._held[at : at + frame.size]

    async def holding(self, newline: int) -> Holding:
        return self._log.index.holding(newline)

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


class LogFrames:
    """まず表を見て、そこになければ保管先を見る。

    読んでいる最中に保管先へ移っても、続きがそのまま読める。表の行が消えるのと、保管の行が
    現れるのは、同じ一瞬なので。
    """

    def __init__(self, table: "TableFrames", archives: ArchivedLogs, target_id: TargetId) -> None:
        self._table = table
        self._archives = archives
        self._target_id = target_id
        self._archived: ArchivedFrames | None = None

    async def chunks(self, start: int, end: int, budget: int) -> Sequence[Chunk]:
        if self._archived is None:
            found = await self._table.chunks(start, end, budget)
            if found or start >= end or not await self._moved():
                return found
        return await self._the_archived().chunks(start, end, budget)

    async def holding(self, newline: int) -> Holding:
        if self._archived is None:
            found = await self._table.holding(newline)
            # 「ない」は、改行が一つもないか、もう表にないか
            if newline <= 0 or found.newline_count > 0 or not await self._moved():
                return found
        return await self._the_archived().holding(newline)

    async def start_archived(self) -> None:
        """もう移っていると分かっているとき。表を見ずに済ませる。"""
        await self._moved()

    async def archived_frames(self) -> ArchivedFrames | None:
        """保管先に移っていれば、その枠。"""
        if self._archived is None:
            await self._moved()
        return self._archived

    async def _moved(self) -> bool:
        log = await self._archives.find(self._target_id)
        self._archived = None if log is None else ArchivedFrames(log)
        return log is not None

    def _the_archived(self) -> ArchivedFrames:
        if self._archived is None:
            raise RuntimeError("the archive has not been looked for")
        return self._archived


@dataclass(frozen=True, slots=True)
class TableFrames:
    engine: AsyncEngine
    index: ChunkIndex

    async def chunks(self, start: int, end: int, budget: int) -> Sequence[Chunk]:
        # 受け手や保管先が遅くても接続を握らないよう、取り出すたびに返す
        async with connecting(self.engine) as connection:
            return await self.index.chunks(connection, start, end, budget)

    async def holding(self, newline: int) -> Holding:
        async with connecting(self.engine) as connection:
            return await self.index.holding(connection, newline)
