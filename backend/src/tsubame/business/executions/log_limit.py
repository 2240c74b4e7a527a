"""ログの大きさの上限: 頭と末尾を残し、真ん中を省く(純粋な部品)。"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_SLACK: Final = 8
_STEP_BYTES: Final = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class LogGap:
    """省いた真ん中。位置と行番号は、省かなかったとしたときのもの。

    Attributes:
        start: ここから。
        end: ここの手前まで。
        first_line: 丸ごとない最初の行。頭が行の途中で切れていれば、その次の行。
        next_line: ``end`` のバイトがある行。頭と末尾が同じ一行なら ``first_line`` より小さい。
    """

    start: int
    end: int
    first_line: int
    next_line: int

    @property
    def bytes(self) -> int:
        return self.end - self.start

    @property
    def last_line(self) -> int:
        """丸ごとない最後の行。一行もなければ ``first_line - 1``。"""
        return max(self.first_line, self.next_line) - 1


@dataclass(frozen=True, slots=True)
class LogLimit:
    """頭の ``head`` バイトと、末尾の ``tail`` バイト以上を残す。

    真ん中は ``step`` バイトずつ省く。少しずつでは、そのたびに表を直すことになるから。
    置き場にあるのは、多くても ``head + tail + step`` と、一度に書く分。
    """

    head: int
    tail: int
    step: int

    @classmethod
    def of(cls, max_bytes: int | None) -> "LogLimit | None":
        if max_bytes is None:
            return None
        step = max(1, min(max_bytes // _SLACK, _STEP_BYTES))
        return cls(head=max_bytes // 2, tail=max_bytes - max_bytes // 2, step=step)

    def gap_end(self, log_bytes: int) -> int | None:
        """``log_bytes`` まで書いたとき、省いてよい真ん中の終わり。まだ省かないなら ``None``。"""
        steps = (log_bytes - self.tail - self.head) // self.step
        return self.head + steps * self.step if steps > 0 else None

    def touches(self, start: int, end: int) -> bool:
        """``start`` と ``end`` のあいだに境がある。"""
        return self._first_seam(start) < end

    def cuts(self, start: int, data: bytes, *, starts_line: bool) -> Iterator[int]:
        """``start`` から始まる ``data`` を、省くときの境で切る位置。

        境は、できるだけ行の頭に寄せる。長い一行の途中なら、そこで切る。
        """
        before = 0
        seam = self._first_seam(start) - start
        while seam < len(data):
            # 境にできるいちばん手前。行の頭に寄せるために、一歩分より多くは失わない
            lowest = max(before, seam - self.step + 1)
            newline = data.rfind(b"\n", max(0, lowest - 1), seam)
            begins_line = lowest == 0 and starts_line
            cut = newline + 1 if newline >= 0 or begins_line else seam
            if cut > before:
                yield cut
                before = cut
            seam += self.step

    def _first_seam(self, start: int) -> int:
        """``start`` より先の、最初の境。"""
        return self.head + max(0, (start - self.head) // self.step + 1) * self.step
