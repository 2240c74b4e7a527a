"""ログを探す: 読む・伸ばす・探すを、別々のスレッドで重ねて進める。

どの段も一つ先までしか用意しないので、受け手が遅ければ全部が待ち、手元に置くのは数 MiB で済む。
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from functools import partial
from typing import Final, TypeVar

from tsubame.business.executions.log_search_ports import Pattern, ScanStep, SearchQuery
from tsubame.business.shared.ahead import Ahead
from tsubame.business.shared.ids import TargetId
from tsubame.data_access.logstore.frames import INLINE_BYTES, decompress
from tsubame.data_access.logstore.index import Chunk
from tsubame.data_access.logstore.line_search import LineSearch, Piece
from tsubame.data_access.logstore.patterns import CompiledPattern, compile_pattern
from tsubame.data_access.logstore.sources import LogFrames, StoredLogs

_BATCH_BYTES: Final = 2 * 1024 * 1024
# このプロセスで、同時に伸ばしたり探したりするスレッドの数。ほかの検索は、一かたまりごとに順を待つ
_THREADS: Final = 2

ResultT = TypeVar("ResultT")


class LogSearch:
    """``LogScanner`` の実装。プロセスに一つ。"""

    def __init__(self, logs: StoredLogs) -> None:
        self._logs = logs
        self._seats = asyncio.Semaphore(_THREADS)

    def prepare(self, query: SearchQuery) -> CompiledPattern:
        return compile_pattern(query)

    async def scan(
        self, target_id: TargetId, pattern: Pattern, from_byte: int, wanted: int
    ) -> AsyncGenerator[ScanStep, None]:
        assert isinstance(pattern, CompiledPattern)  # noqa: S101  prepare が返したもの
        log = await self._logs.open(target_id)
        search = LineSearch(pattern, from_byte, wanted)
        async with aclosing(Ahead(self._unpacked(log, search.position), "log-search-unpack")) as batches:
            async for pieces in batches:
                await self._work(pieces, partial(search.feed, pieces))
                yield _step(search)
        if log.extent.ended:
            search.finish()
            yield _step(search)

    async def _unpacked(self, log: LogFrames, start: int) -> AsyncGenerator[Sequence[Piece], None]:
        async with aclosing(Ahead(_fetched(log, start), "log-search-fetch")) as batches:
            async for frames in batches:
                yield await self._work(frames, partial(_unpack, frames))

    async def _work(self, items: Sequence[Chunk] | Sequence[Piece], work: Callable[[], ResultT]) -> ResultT:
        """大きければ別のスレッドで。zstd も RE2 も、そのあいだ GIL を放す。"""
        if sum(item.byte_length for item in items) <= INLINE_BYTES:
            return work()
        async with self._seats:
            return await asyncio.to_thread(work)


async def _fetched(log: LogFrames, start: int) -> AsyncGenerator[Sequence[Chunk], None]:
    end = log.extent.bytes
    while start < end and (chunks := await log.chunks(start, end, _BATCH_BYTES)):
        yield chunks
        start = chunks[-1].byte_end


def _unpack(chunks: Sequence[Chunk]) -> list[Piece]:
    return [
        Piece(chunk.byte_start, chunk.newline_start, chunk.newline_count, decompress(chunk.frame))
        for chunk in chunks
    ]


def _step(search: LineSearch) -> ScanStep:
    hits, matches = search.take()
    return ScanStep(hits, matches, search.position, search.next_byte, search.next_line)
