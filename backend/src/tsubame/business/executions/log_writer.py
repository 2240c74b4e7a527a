"""全部の走りのログを、まとめて確定させる(group commit)。

静かな五百本が一行ずつ書いても、確定は一秒に二十回で済む。暇なときの最初の一行は、待たずに書く。
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from tsubame.business.executions.entities import Assignment, Lease
from tsubame.business.executions.errors import LogRefusedError
from tsubame.business.executions.log_store import LogPiece, LogStore
from tsubame.business.executions.log_stream import LogOffsets, LogStream
from tsubame.business.executions.masking import Masker
from tsubame.business.shared.clock import Clock
from tsubame.business.shared.errors import StorageUnavailableError

__all__ = ["LogOffsets", "LogStream", "LogWriter"]

_INTERVAL_S: Final = 0.05
_EAGER_BYTES: Final = 4 * 1024 * 1024
_STREAM_LIMIT: Final = 16 * 1024 * 1024
_TOTAL_LIMIT: Final = 64 * 1024 * 1024
# 一度に確定させる量。大きすぎると、その確定を待つほかの走りの行が遅れる
_BATCH_MEMORY: Final = 8 * 1024 * 1024
_FIRST_RETRY_S: Final = 0.05
_LAST_RETRY_S: Final = 1.0
_log = logging.getLogger(__name__)


class LogWriter:
    """一つのワーカーに一つ。``run`` を、ワーカーの TaskGroup の仕事として動かす。"""

    def __init__(self, store: LogStore, clock: Clock) -> None:
        self.store = store
        self._clock = clock
        self._held = 0
        self._waiting_bytes = 0
        self._dirty: dict[LogStream, None] = {}
        self._urgent = False
        self._last_commit = float("-inf")
        self._wake = asyncio.Event()
        # 書き込みのたびに立てて替える。待つ側が何人いても、取りこぼさない
        self._settled = asyncio.Event()

    def open(self, assignment: Assignment, masker: Masker) -> LogStream:
        """保存済みの続きを書く口。"""
        stream = LogStream(self, assignment, masker)
        if stream.trim is not None:
            # 前の持ち主が、書いてから省くまでのあいだに倒れたかもしれない
            self.ready(stream, 0)
        return stream

    async def run(self) -> None:
        """取り消されるまで書き続ける。置き場が落ちているあいだは、戻るのを待つ。"""
        while True:
            await self._until_due()
            due = list(self._dirty)
            streams, pieces = await self._take(due)
            if pieces:
                await self._commit(streams, pieces)
            for stream in due:
                await self._trim(stream)
            self._settled.set()
            self._settled = asyncio.Event()

    async def room_for(self, stream: LogStream) -> None:
        while not stream.lost and (stream.held_bytes >= _STREAM_LIMIT or self._held >= _TOTAL_LIMIT):
            self.hurry()
            await self._settled.wait()

    def now_ms(self) -> int:
        return int(self._clock.now().timestamp() * 1000)

    async def settled(self) -> None:
        await self._settled.wait()

    def ready(self, stream: LogStream, log_bytes: int) -> None:
        self._waiting_bytes += log_bytes
        if log_bytes >= 0:
            self._dirty[stream] = None
            self._wake.set()

    def hold(self, memory: int) -> None:
        self._held += memory

    def hurry(self) -> None:
        self._urgent = True
        self._wake.set()

    async def _until_due(self) -> None:
        while (delay := self._delay_s()) != 0:
            self._wake.clear()
            try:
                async with asyncio.timeout(delay):
                    await self._wake.wait()
            except TimeoutError:
                return

    def _delay_s(self) -> float | None:
        """次に書き出すまでの秒。書くものがなければ ``None``。"""
        if not self._dirty:
            return None
        if self._urgent or self._waiting_bytes >= _EAGER_BYTES:
            return 0
        return max(0, self._last_commit + _INTERVAL_S - asyncio.get_running_loop().time())

    async def _take(self, due: Sequence[LogStream]) -> tuple[list[LogStream], list[LogPiece]]:
        self._last_commit = asyncio.get_running_loop().time()
        self._urgent = False
        streams: list[LogStream] = []
        pieces: list[LogPiece] = []
        memory = 0
        for stream in due:
            if memory >= _BATCH_MEMORY:
                self._urgent = True
                break
            del self._dirty[stream]
            piece = await stream.take()
            if piece is not None:
                streams.append(stream)
                pieces.append(piece)
                memory += piece.memory
        return streams, pieces

    async def _commit(self, streams: Sequence[LogStream], pieces: Sequence[LogPiece]) -> None:
        try:
            written = await self._append(pieces)
        except LogRefusedError as exc:
            await self._narrow_down(streams, pieces, exc)
            return
        for stream, piece in zip(streams, pieces, strict=True):
            if stream.lease in written:
                stream.settle(piece)
            else:
                stream.lose()
            if stream.has_more:
                self._dirty[stream] = None

    async def _narrow_down(
        self, streams: Sequence[LogStream], pieces: Sequence[LogPiece], refusal: LogRefusedError
    ) -> None:
        """断られたまとまりを一つずつ書き直し、断られる一つだけを、その運転手に返す。"""
        if len(pieces) == 1:
            _log.error("log_refused target_id=%d: %s", streams[0].lease.target_id, refusal)
            streams[0].fail(refusal)
            return
        for stream, piece in zip(streams, pieces, strict=True):
            await self._commit([stream], [piece])

    async def _trim(self, stream: LogStream) -> None:
        trim = stream.trim
        if trim is None:
            return
        try:
            await self.store.trim(trim)
        except StorageUnavailableError as exc:
            _log.warning("log_trim_put_off: %s", exc.__cause__ or exc)
            self._dirty[stream] = None
        else:
            stream.trimmed(trim)

    async def _append(self, pieces: Sequence[LogPiece]) -> frozenset[Lease]:
        delay = _FIRST_RETRY_S
        while True:
            try:
                written = await self.store.append(pieces)
            except StorageUnavailableError as exc:
                if delay == _FIRST_RETRY_S:
                    _log.warning("log_store_away: %s", exc.__cause__ or exc)
                await asyncio.sleep(delay)
                delay = min(delay * 2, _LAST_RETRY_S)
            else:
                if delay != _FIRST_RETRY_S:
                    _log.warning("log_store_back")
                return written
