"""届いた時刻の控え(純粋な部品)。"""

from dataclasses import dataclass
from typing import Final

_GRAIN_MS: Final = 10
_MOST: Final = 64


@dataclass(frozen=True, slots=True)
class Arrival:
    """かたまりの ``offset`` から後ろのバイトが届いた時刻(Unix、ミリ秒)。"""

    offset: int
    at_ms: int


class ArrivalNotes:
    """一つのかたまりの分。細かさは 10 ミリ秒で、64 個を超えれば一つおきに間引く。"""

    def __init__(self) -> None:
        self._notes: list[Arrival] = []
        self._grain_ms = _GRAIN_MS

    def note(self, offset: int, at_ms: int) -> None:
        # 時計が戻ったときも、ここで前の時刻のままになる
        if self._notes and at_ms < self._notes[-1].at_ms + self._grain_ms:
            return
        if len(self._notes) == _MOST:
            del self._notes[1::2]
            self._grain_ms *= 2
        self._notes.append(Arrival(offset, at_ms))

    def between(self, start: int, end: int) -> tuple[Arrival, ...]:
        """``[start, end)`` を切り出したかたまりの控え。必ず 0 から始まる。"""
        first = self.at(start)
        return (
            Arrival(0, first),
            *(Arrival(note.offset - start, note.at_ms) for note in self._notes if start < note.offset < end),
        )

    def at(self, offset: int) -> int:
        """``offset`` のバイトが届いた時刻。"""
        return next(note.at_ms for note in reversed(self._notes) if note.offset <= offset)
