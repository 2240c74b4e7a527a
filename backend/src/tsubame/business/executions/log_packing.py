"""ばらで届くバイトを溜め、圧縮した一かたまりにする。届いた時刻・印・切れ目を、ここで付ける。"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tsubame.business.executions.entities import Assignment
from tsubame.business.executions.log_arrivals import ArrivalNotes
from tsubame.business.executions.log_limit import LogLimit
from tsubame.business.executions.log_marks import FoundMark, PlacedMark, scan, skim
from tsubame.business.executions.log_store import LogBlock, LogChunk, LogStore
from tsubame.business.executions.masking import MaskedBytes


@dataclass(frozen=True, slots=True)
class Packed:
    """一度に保存するかたまり。上限の境で切ったときだけ、二つ以上になる。

    Attributes:
        consumed: サーバのファイルの何バイトに当たるか。
        masked: 伏せた所の数。
        marks: 行番号は、このかたまりの中で数えたもの。
        line_head: ここまで保存したとき、途中の行が印になりうるなら、その始まり。
    """

    chunks: tuple[LogChunk, ...]
    consumed: int
    masked: int
    marks: tuple[PlacedMark, ...]
    line_head: bytes

    @property
    def memory(self) -> int:
        return sum(len(chunk.block.frame) for chunk in self.chunks)


class _Loose:
    """まだ圧縮していない分。"""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.size = 0
        self.consumed = 0
        self.masked = 0
        self.notes = ArrivalNotes()


class Packer:
    """一つの対象の分。``pack`` は、一つ済んでから次を呼ぶこと。

    Attributes:
        size: 溜まっているバイト数。
    """

    def __init__(self, store: LogStore, assignment: Assignment) -> None:
        self._store = store
        self._limit = LogLimit.of(assignment.spec.max_log_bytes)
        self._position = assignment.log_bytes
        self._open_line = assignment.log_open_line
        # 途中の行なのに始まりがないのは、印になりえないから
        plain = assignment.log_open_line and not assignment.log_line_head
        self._head = None if plain else assignment.log_line_head
        self._loose = _Loose()

    @property
    def size(self) -> int:
        return self._loose.size

    def add(self, part: MaskedBytes, at_ms: int) -> None:
        loose = self._loose
        loose.notes.note(loose.size, at_ms)
        loose.parts += part.parts
        loose.size += part.size
        loose.consumed += part.consumed
        loose.masked += part.count

    def drop(self) -> None:
        self._loose = _Loose()

    async def pack(self) -> Packed | None:
        """溜まった分を一かたまりにする。何もなければ ``None``。"""
        loose, self._loose = self._loose, _Loose()
        if not loose.parts:
            return None
        chunks: list[LogChunk] = []
        marks: list[PlacedMark] = []
        newlines, start = 0, 0
        for parts in self._pieces(loose):
            block = await self._store.pack(parts)
            chunk = LogChunk(
                block, not self._open_line, loose.notes.between(start, start + block.byte_length)
            )
            found = self._scan(parts, block)
            marks += [_placed(mark, newlines, start, loose.notes) for mark in found]
            chunks.append(chunk)
            newlines += block.newline_count
            start += block.byte_length
            self._open_line = block.open_line
        self._position += start
        return Packed(tuple(chunks), loose.consumed, loose.masked, tuple(marks), self._head or b"")

    def _pieces(self, loose: _Loose) -> Iterator[Sequence[bytes]]:
        """上限の境で切る。たいていは切らない。"""
        if self._limit is None or not self._limit.touches(self._position, self._position + loose.size):
            yield loose.parts
            return
        data = b"".join(loose.parts)
        cuts = self._limit.cuts(self._position, data, starts_line=not self._open_line)
        for start, end in itertools.pairwise([0, *cuts, len(data)]):
            yield [data[start:end]]

    def _scan(self, parts: Sequence[bytes], block: LogBlock) -> tuple[FoundMark, ...]:
        if not block.marked and not self._head:
            self._head = skim(self._head, parts)
            return ()
        seen = scan(self._head, b"".join(parts))
        self._head = seen.head
        return seen.found


def _placed(found: FoundMark, newlines: int, start: int, notes: ArrivalNotes) -> PlacedMark:
    return PlacedMark(
        line=newlines + found.newlines_before,
        ordinal=found.ordinal,
        arrived_ms=notes.at(start + found.offset),
        mark=found.mark,
    )
