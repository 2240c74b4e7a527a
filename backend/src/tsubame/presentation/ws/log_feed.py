"""同じところを待つ読み手の、読み取りをまとめる。"""

import asyncio
from typing import Final

from tsubame.business.executions.ports import LogReader, LogSlice
from tsubame.business.shared.ids import TargetId

FRAME_BYTES: Final = 262_144


class LogFeed:
    """百人が同じログを追っていても、データベースから読むのは一度でよい。"""

    def __init__(self, reader: LogReader) -> None:
        self._reader = reader
        self._reading: dict[tuple[TargetId, int, int], asyncio.Task[LogSlice]] = {}

    async def read(self, target_id: TargetId, start: int, max_behind: int) -> LogSlice:
        """``start`` からの続きを、``FRAME_BYTES`` まで。"""
        key = (target_id, start, max_behind)
        reading = self._reading.get(key)
        if reading is None:
            reading = asyncio.create_task(self._read(*key), name=f"log-feed-{target_id}")
            self._reading[key] = reading
            reading.add_done_callback(lambda _: self._reading.pop(key, None))
        # 待つ一人が去っても、ほかの読み手のための読み取りは止めない
        return await asyncio.shield(reading)

    async def _read(self, target_id: TargetId, start: int, max_behind: int) -> LogSlice:
        return await self._reader.follow(target_id, start, FRAME_BYTES, max_behind)
