"""続きを順に受け取り、当たる行を見つける(純粋な部品)。

行の番号は、かたまりの ``newline_start`` から数え始めるので、当たりのないかたまりの改行は数えない。
ふつうの行は全体を一度に見る。``long_line`` を超える行だけは、``overlap`` バイトずつ重ねた窓で見る:
文字列の当たりはどこで切れても見つかり、正規表現の当たりは ``overlap`` より短ければ見つかる。
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final

from tsubame.business.executions.log_search_ports import CLIP_CHARS, LineHit
from tsubame.data_access.logstore.patterns import CompiledPattern

_LONG_LINE: Final = 1024 * 1024
_OVERLAP: Final = 64 * 1024
_CLIP_BEFORE: Final = 100
# UTF-8 の一文字は四バイトまで(RFC 3629)
_CHAR_BYTES: Final = 4
_CONTINUES: Final = range(0x80, 0xC0)
_NEWLINE: Final = b"\n"


@dataclass(frozen=True, slots=True)
class Piece:
    """伸ばした一かたまり。``newline_start`` は、これより前の改行の数。"""

    byte_start: int
    newline_start: int
    newline_count: int
    data: bytes

    @property
    def byte_length(self) -> int:
        return len(self.data)

    @property
    def byte_end(self) -> int:
        return self.byte_start + len(self.data)

    def after(self, position: int) -> "Piece":
        """``position`` からあとだけにする。"""
        cut = position - self.byte_start
        if cut <= 0:
            return self
        before = self.data.count(_NEWLINE, 0, cut)
        return Piece(position, self.newline_start + before, self.newline_count - before, self.data[cut:])


@dataclass(frozen=True, slots=True)
class Limits:
    """``overlap`` は、``long_line`` より小さく、文字列の当たりより長いこと。"""

    long_line: int = _LONG_LINE
    overlap: int = _OVERLAP


@dataclass(slots=True)
class _OpenLine:
    """改行のまだ来ていない行。

    Attributes:
        byte: 行の始まり。
        ignored: 探さない(求められた位置より前に始まった行)。
        hit: もう見つけた当たり。
        kept: 手元に残した、届いた分の終わりのほう。
        whole: ``kept`` が、届いた分の全部である。でなければ、先頭の一バイトは前の続きを示すためだけにある。
    """

    byte: int
    ignored: bool = False
    hit: LineHit | None = None
    kept: bytes = b""
    whole: bool = True

    @property
    def settled(self) -> bool:
        """次の改行まで、見なくてよい。"""
        return self.ignored or self.hit is not None

    @property
    def searched_from(self) -> int:
        """``kept`` の何バイト目から探すか。"""
        return 0 if self.whole else 1


class LineSearch:
    """一つのログを探す。

    Attributes:
        position: ここまで受け取った。次はここを含むかたまりから渡す。
    """

    def __init__(
        self, pattern: CompiledPattern, from_byte: int, wanted: int, limits: Limits = Limits()
    ) -> None:
        self._pattern = pattern
        self._wanted = wanted
        self._limits = limits
        self._hits: list[LineHit] = []
        self._matches = 0
        # 一つ前のバイトから受け取る。それが改行なら from_byte は行の始まりで、違えば次の改行まで捨てる
        self.position = max(0, from_byte - 1)
        self._newlines = 0
        self._open = _OpenLine(from_byte, ignored=from_byte > 0)

    @property
    def next_byte(self) -> int:
        """ここより前の行は探し終えた。"""
        return self._open.byte

    @property
    def next_line(self) -> int:
        """``next_byte`` の行の番号(1 から)。"""
        return self._newlines + 1

    def feed(self, pieces: Sequence[Piece]) -> None:
        """続きのかたまり。あいだが抜けていれば、そこで行が終わったとみなす。"""
        run: list[Piece] = []
        for piece in pieces:
            fresh = piece.after(self.position)
            if fresh.byte_start > self.position:
                self._search(run)
                run = []
                self.finish()
                self._open = _OpenLine(fresh.byte_start)
            run.append(fresh)
            self.position = fresh.byte_end
        self._search(run)

    def finish(self) -> None:
        """もう続きは来ない。途中の最後の行も、ここで終わったものとして探す。"""
        kept = self._open.kept
        if self.position > self._open.byte:
            self._end_line(_Spot(kept, self.position - len(kept), self._open.byte, len(kept)), self._newlines)
        self._open = _OpenLine(max(self.position, self._open.byte))

    def take(self) -> tuple[tuple[LineHit, ...], int]:
        """前に取り出してからの、当たった行と、その数。"""
        taken = tuple(self._hits), self._matches
        self._wanted -= len(self._hits)
        self._hits, self._matches = [], 0
        return taken

    def _search(self, run: Sequence[Piece]) -> None:
        if not run:
            return
        kept = self._open.kept
        data = b"".join([kept, *(piece.data for piece in run)])
        base = run[0].byte_start - len(kept)
        rest = 0
        first = data.find(_NEWLINE, len(kept))
        if first >= 0:
            self._end_line(_Spot(data, base, self._open.byte, first), run[0].newline_start)
            last = data.rfind(_NEWLINE)
            self._search_whole_lines(data, base, (first + 1, last), _Newlines(data, len(kept), run))
            rest = last + 1
            self._open = _OpenLine(base + rest)
        self._newlines = run[-1].newline_start + run[-1].newline_count
        self._keep(data, base, rest)

    def _end_line(self, spot: "_Spot", newlines: int) -> None:
        """開いていた行が終わった。``newlines`` は、その行より前の改行の数。"""
        line = self._open
        if line.hit is not None:
            self._add(line.hit)
        elif not line.ignored:
            found = self._pattern.search(spot.data, line.searched_from, spot.end)
            if found is not None:
                self._add(spot.hit(newlines + 1, found))

    def _search_whole_lines(
        self, data: bytes, base: int, bounds: tuple[int, int], newlines: "_Newlines"
    ) -> None:
        """``bounds`` は、最初の行の始まりと、最後の改行。"""
        start, last = bounds
        while start <= last:
            found = self._pattern.search(data, start, last)
            if found is None:
                return
            line = data.rfind(_NEWLINE, start, found[0]) + 1 or start
            end = data.find(_NEWLINE, found[1])
            if len(self._hits) < self._wanted:
                spot = _Spot(data, base, base + line, end)
                self._hits.append(spot.hit(newlines.before(line) + 1, found))
            self._matches += 1
            start = end + 1

    def _keep(self, data: bytes, base: int, rest: int) -> None:
        """``rest`` から先の、改行のない残りを次に回す。長ければ、探してから、終わりのほうだけにする。"""
        line = self._open
        if line.settled:
            line.kept = b""
        elif line.whole and len(data) - rest <= self._limits.long_line:
            line.kept = data[rest:]
        else:
            # 最後の一バイトは、まだ行の終わりでないことを示すためだけに渡す
            found = self._pattern.search(data, rest + line.searched_from, len(data) - 1)
            if found is None:
                line.kept, line.whole = data[-self._limits.overlap - 1 :], False
            else:
                line.hit = _Spot(data, base, line.byte, len(data)).hit(self._newlines + 1, found)
                line.kept = b""

    def _add(self, hit: LineHit) -> None:
        if len(self._hits) < self._wanted:
            self._hits.append(hit)
        self._matches += 1


@dataclass(frozen=True, slots=True)
class _Spot:
    """当たりを探した行。

    Attributes:
        data: 手元のバイト列。
        base: その始まりの、ログの中の位置。
        byte: 行の始まりの、ログの中の位置(手元より前かもしれない)。
        end: 手元での、行の終わり。
    """

    data: bytes
    base: int
    byte: int
    end: int

    def hit(self, number: int, found: tuple[int, int]) -> LineHit:
        start, end = found
        clip = max(self.byte - self.base, start - _CLIP_BEFORE, 0)
        for _ in range(_CHAR_BYTES - 1):
            # 文字の途中から見せない
            clip += clip < start and self.data[clip] in _CONTINUES
        shown = self.data[clip : min(self.end, clip + CLIP_CHARS * _CHAR_BYTES)]
        to_column = self.base - self.byte
        return LineHit(
            line=number,
            byte=self.byte,
            start=start + to_column,
            end=end + to_column,
            text=shown.decode("utf-8", "replace")[:CLIP_CHARS],
            text_start=clip + to_column,
        )


class _Newlines:
    """手元のバイト列の、ある位置より前の改行の数。前から順に尋ねること。"""

    def __init__(self, data: bytes, first: int, run: Sequence[Piece]) -> None:
        """``first`` は、``run`` の始まる位置。"""
        self._data = data
        self._offsets = list(accumulate((len(piece.data) for piece in run[:-1]), initial=first))
        self._starts = [piece.newline_start for piece in run]
        self._at, self._count = first, run[0].newline_start

    def before(self, at: int) -> int:
        nearest = bisect_right(self._offsets, at) - 1
        if self._offsets[nearest] > self._at:
            self._at, self._count = self._offsets[nearest], self._starts[nearest]
        self._count += self._data.count(_NEWLINE, self._at, at)
        self._at = at
        return self._count
