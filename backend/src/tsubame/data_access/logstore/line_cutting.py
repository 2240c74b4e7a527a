"""行の番号から、かたまりをたどって行を集める。"""

from dataclasses import dataclass
from typing import Final

from tsubame.business.executions.ports import LogExtent
from tsubame.data_access.logstore.index import unpack
from tsubame.data_access.logstore.lines import LineCutter, after_newlines
from tsubame.data_access.logstore.sources import LogFrames

# 千行はたいてい一つか二つのかたまりに収まる
_LINES_BYTES: Final = 512 * 1024


class ChunksMovedError(Exception):
    """読んでいるあいだに、真ん中が省かれたか、保存の期限が来て消えた。"""


@dataclass(frozen=True, slots=True)
class Span:
    """集める行。

    Attributes:
        first_line: 最初の行(1 から)。
        count: 行の数。
        start: 最初の行の位置。分からなければ ``None``。
        end: ここより先は見ない。
    """

    first_line: int
    count: int
    start: int | None
    end: int


def span_of(extent: LogExtent, first_line: int, count: int) -> Span:
    """省いた真ん中の手前か、先のどちらか。またいでは集めない。"""
    gap = extent.gap
    if gap is None or first_line > max(gap.next_line, gap.first_line - 1):
        return Span(first_line, count, None, extent.bytes)
    if first_line < gap.first_line:
        return Span(first_line, min(count, gap.first_line - first_line), None, gap.start)
    return Span(gap.next_line, count, gap.end, extent.bytes)


@dataclass(frozen=True, slots=True)
class Cut:
    frames: LogFrames
    span: Span
    cutter: LineCutter

    async def run(self) -> int:
        """行を集め、最初の行の位置を返す。

        Raises: ChunksMovedError。
        """
        cutter, end = self.cutter, self.span.end
        position, skip = await self._first()
        first_byte = position
        while position < end:
            chunks = await self.frames.chunks(position, end, _LINES_BYTES)
            if not chunks:
                raise ChunksMovedError
            for chunk in chunks:
                if not chunk.byte_start <= position < chunk.byte_end:
                    raise ChunksMovedError
                data = (await unpack([chunk]))[position - chunk.byte_start : end - chunk.byte_start]
                if skip:
                    start = after_newlines(data, skip)
                    first_byte, skip, data = position + start, 0, data[start:]
                cutter.feed(data)
                position = chunk.byte_end
                if cutter.done:
                    return first_byte
                if cutter.skipping and position < end:
                    position = await self._skip_line(position)
                    break
        return first_byte

    async def _first(self) -> tuple[int, int]:
        """最初の行のあるかたまりの位置と、その中で飛ばす改行の数。"""
        if self.span.start is not None:
            return self.span.start, 0
        found = await self.frames.holding(self.span.first_line - 1)
        if found.nth > found.newline_count:
            raise ChunksMovedError
        return found.byte_start, found.nth

    async def _skip_line(self, position: int) -> int:
        """長すぎる行の残りを読まずに、その行の改行を含むかたまりまで飛ぶ。"""
        newline = self.span.first_line + self.cutter.finished
        landing = (await self.frames.holding(newline)).byte_start
        # その改行がまだ届いていなければ、途中の行のままログが終わっている
        landing = self.span.end if landing < position else landing
        if landing > position:
            self.cutter.truncated = True
        return landing
