"""流れてくるバイト列から、秘密の値を伏せる(純粋な部品)。

値の途中で切れて届いても見逃さないよう、値の始まりかもしれない末尾は、続きが来るまで出さない。
出した所までの状態は持たないので、出し終えた位置から新しい ``Masker`` で始めても同じ結果になる。
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tsubame.business.executions.secret_forms import MIN_CHARS, forms_of

MASK: Final = b"********"
# 末尾の見比べで、まず何バイトの一致を速い検索で探すか
_HEAD: Final = 8
# 重なり合って続く値を一つにまとめる長さの上限(最も長い形の何倍か)。溜める量を限るため
_RUN_LIMIT: Final = 4


@dataclass(frozen=True, slots=True)
class MaskedBytes:
    """伏せた結果。

    Attributes:
        data: 出してよいバイト列。
        consumed: それが、元の何バイトに当たるか。
    """

    data: bytes
    consumed: int


class Masker:
    """一本のログの伏せ役。

    Attributes:
        refused: 短すぎて伏せない値の、渡した列での位置。
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        self.refused = tuple(at for at, value in enumerate(secrets) if 0 < len(value.strip()) < MIN_CHARS)
        self._forms = tuple(sorted(forms_of(secrets), key=len))
        # ほかの形を含む形は、含まれる形が見つかったときだけ探せばよい
        self._anchors = tuple(
            form for form in self._forms if not any(other in form for other in self._forms if other != form)
        )
        self._heads = tuple((form[:_HEAD], form) for form in self._forms if len(form) > _HEAD)
        self._short = tuple(
            tuple({form[:size] for form in self._forms if len(form) > size}) for size in range(_HEAD)
        )
        self._run_limit = _RUN_LIMIT * len(self._forms[-1]) if self._forms else 0
        self._held = b""

    def feed(self, data: bytes) -> MaskedBytes:
        """続きを受け取り、決まった所までを返す。"""
        if not self._forms:
            return MaskedBytes(data, len(data))
        whole = self._held + data if self._held else data
        return self._advance(whole, self._undecided_from(whole))

    def flush(self) -> MaskedBytes:
        """もう続きがない。持っていた末尾も返す。"""
        return self._advance(self._held, len(self._held))

    def _advance(self, data: bytes, undecided: int) -> MaskedBytes:
        final = undecided == len(data)
        if not any(anchor in data for anchor in self._anchors):
            self._held = b"" if final else data[undecided:]
            return MaskedBytes(data if final else data[:undecided], undecided)
        present = {form: data.find(form) for form in self._forms if form in data}
        out: list[bytes] = []
        at = 0
        while (start := _next(data, present, at)) is not None and start < undecided:
            end = self._run_end(data, tuple(present), start, undecided)
            if end is None:
                undecided = start
                break
            out += (data[at:start], MASK)
            at = end
        decided = max(at, undecided)
        out.append(data[at:decided])
        self._held = data[decided:]
        return MaskedBytes(b"".join(out), decided)

    def _run_end(self, data: bytes, forms: tuple[bytes, ...], start: int, undecided: int) -> int | None:
        """``start`` から重なり合って続く値の終わり。続きを見ないと決まらなければ ``None``。"""
        end = start
        while end <= undecided and end - start < self._run_limit:
            # end より前に始まり、end より先で終わるもののうち、最も先まで届くもの
            reach = end
            for form in forms:
                size = len(form)
                found = data.rfind(form, max(start, end - size + 1), max(end, start + 1) - 1 + size)
                if found >= 0:
                    reach = max(reach, found + size)
            if reach == end:
                return end
            end = reach
        return end if end - start >= self._run_limit else None

    def _undecided_from(self, data: bytes) -> int:
        """末尾のうち、値の始まりかもしれない最も長い所の位置。なければ末尾の次。"""
        size = len(data)
        found = size
        for head, form in self._heads:
            at = data.find(head, max(0, size - len(form) + 1))
            while 0 <= at < found:
                if form.startswith(data[at:]):
                    found = at
                    break
                at = data.find(head, at + 1)
        for length in range(_HEAD - 1, size - found, -1):
            if data.endswith(self._short[length]) and length <= size:
                return size - length
        return found


def _next(data: bytes, positions: dict[bytes, int], at: int) -> int | None:
    """``at`` より後で最初に現れる値の位置。``positions`` は、形ごとの次の位置の控え。"""
    first: int | None = None
    for form, position in list(positions.items()):
        if position < at:
            position = data.find(form, at)  # noqa: PLW2901  控えを進める
            if position < 0:
                del positions[form]
                continue
            positions[form] = position
        if first is None or position < first:
            first = position
    return first
