"""流れてくるバイト列から、秘密の値を伏せる(純粋な部品)。

値の途中で切れて届いても見逃さないよう、値の始まりかもしれない末尾は、続きが来るまで出さない。
出した所までの状態は持たないので、出し終えた位置から新しい ``Masker`` で始めても同じ結果になる。

速さは、探す相手を「頭」(形の最初の数バイト)にそろえ、何千あっても一度に探す道具(``HeadFinder``)に
任せることで出る。頭が一つも見つからなければ、届いたものを写しもせずに出す。見つかったときだけ、ここで見比べる。
"""

import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from tsubame.business.executions.secret_forms import forms_of
from tsubame.business.variables.masks import MIN_CHARS

MASK: Final = b"********"
HEAD_BYTES: Final = 12
"""頭の長さの上限。長いほど空振りが減り、探す道具も速い(8 では、秘密が十個のときに四倍遅くなりうる)。"""
# 重なり合って続く値を一つにまとめる長さの上限(最も長い形の何倍か)。溜める量を限るため
_RUN_LIMIT: Final = 4


class HeadFinder(Protocol):
    """たくさんの頭を、一度に探す道具。"""

    def find(self, data: bytes) -> list[int]:
        """どれかの頭が始まる位置の全部。重なってよい。並びは問わない。"""
        ...


FinderFactory = Callable[[Sequence[bytes]], HeadFinder]
"""``1`` から ``HEAD_BYTES`` バイトの頭の並びから、探す道具を作る。"""


class MaskingPlan:
    """何を伏せるか。同じ値を伏せる走りが、作るのに手間のかかる道具を分け合う。

    短すぎて伏せない値(``is_maskable``)は、黙って除く。しまうときと、使ったときの記録に、そう言ってある。
    """

    def __init__(self, secrets: Iterable[bytes], finder: FinderFactory) -> None:
        forms = sorted(forms_of(secrets), key=len, reverse=True)
        self._longest = len(forms[0]) if forms else 0
        self._by_head: dict[bytes, list[bytes]] = {}
        for form in forms:
            self._by_head.setdefault(form[:HEAD_BYTES], []).append(form)
        # 頭は長さがまちまち(短い形は、形そのものが頭)なので、短い順に全部を引く
        self._head_sizes = tuple(sorted({len(head) for head in self._by_head}))
        self._beginnings = frozenset(head[:size] for head in self._by_head for size in range(1, len(head)))
        self._finder = finder(tuple(self._by_head)) if forms else None

    @property
    def is_empty(self) -> bool:
        return self._finder is None

    @property
    def run_limit(self) -> int:
        return _RUN_LIMIT * self._longest

    def heads(self, data: bytes) -> list[int]:
        """頭が丸ごと入っている位置の全部。並びは問わない。"""
        return [] if self._finder is None else self._finder.find(data)

    def cut_heads(self, data: bytes) -> list[int]:
        """末尾で切れている頭の、始まりの位置を、前から順に。"""
        size = len(data)
        return [at for at in range(max(0, size - HEAD_BYTES + 1), size) if data[at:] in self._beginnings]

    def length_at(self, data: bytes, at: int) -> int:
        """``at`` から始まる最も長い形の長さ。なければ 0。"""
        return max(
            (
                next((len(form) for form in self._forms_at(data, at, size) if data.startswith(form, at)), 0)
                for size in self._head_sizes
            ),
            default=0,
        )

    def may_go_on(self, data: bytes, at: int) -> bool:
        """``at`` から末尾までが、もっと長い形の途中かもしれない。"""
        left = len(data) - at
        if left >= self._longest:
            return False
        rest = data[at:]
        if rest in self._beginnings:
            return True
        return any(
            len(form) > left and form.startswith(rest)
            for size in self._head_sizes
            for form in self._forms_at(data, at, size)
        )

    def _forms_at(self, data: bytes, at: int, size: int) -> Sequence[bytes]:
        return self._by_head.get(data[at : at + size], ())


class MaskingPlans:
    """使われているあいだだけ覚えておく、伏せ方の控え。秘密の値を、要る以上に長く記憶に残さない。"""

    def __init__(self, finder: FinderFactory) -> None:
        self._finder = finder
        self._plans: weakref.WeakValueDictionary[frozenset[bytes], MaskingPlan] = (
            weakref.WeakValueDictionary()
        )

    def of(self, secrets: Iterable[bytes]) -> MaskingPlan:
        key = frozenset(secrets)
        plan = self._plans.get(key)
        if plan is None:
            plan = self._plans[key] = MaskingPlan(key, self._finder)
        return plan


@dataclass(frozen=True, slots=True)
class MaskedBytes:
    """伏せた結果。

    Attributes:
        parts: 出してよいバイト列。つなげると全部になる(大きな写しを作らないため、つながない)。
        consumed: それが、元の何バイトに当たるか。
        count: 伏せた所の数。
    """

    parts: tuple[bytes, ...]
    consumed: int
    count: int = 0

    @property
    def data(self) -> bytes:
        return b"".join(self.parts)

    @property
    def size(self) -> int:
        return sum(map(len, self.parts))


class Masker:
    """一本のログの伏せ役。``plan`` が ``None`` なら、何も伏せない。"""

    def __init__(self, plan: MaskingPlan | None = None) -> None:
        self._plan = None if plan is None or plan.is_empty else plan
        self._held = b""

    def feed(self, data: bytes) -> MaskedBytes:
        """続きを受け取り、決まった所までを返す。"""
        plan, held = self._plan, self._held
        if plan is None:
            return MaskedBytes((data,), len(data))
        if self._may_hold_a_value(plan, data):
            return self._mask(plan, held + data, final=False)
        cut = min(plan.cut_heads(data), default=len(data))
        self._held = data[cut:]
        return MaskedBytes((held, data[:cut]), len(held) + cut)

    def flush(self) -> MaskedBytes:
        """もう続きがない。持っていた末尾も返す。"""
        if self._plan is None or not self._held:
            return MaskedBytes((), 0)
        return self._mask(self._plan, self._held, final=True)

    def _may_hold_a_value(self, plan: MaskingPlan, data: bytes) -> bool:
        """持っていた末尾と ``data`` をつなげた中に、頭が丸ごと入っているか。入っていれば、つなげて見比べる。

        頭は ``HEAD_BYTES`` を超えないので、丸ごと入っているなら、``data`` の中か、持っていた末尾から始まって
        つなぎ目の窓の中にある。どちらにもなければ、ここで始まる値があるとしても、頭がまだ末尾で切れている。
        """
        held = self._held
        if held and (len(data) < HEAD_BYTES or plan.heads(held + data[: HEAD_BYTES - 1])):
            return True
        return bool(plan.heads(data))

    def _mask(self, plan: MaskingPlan, data: bytes, *, final: bool) -> MaskedBytes:
        candidates = sorted({*plan.heads(data), *plan.cut_heads(data)})
        undecided = len(data)
        if not final:
            undecided = next((at for at in candidates if plan.may_go_on(data, at)), undecided)
        out: list[bytes] = []
        at = 0
        for start, end in _runs(plan, data, candidates, undecided):
            if end is None:
                undecided = start
                break
            out += (data[at:start], MASK)
            at = end
        decided = max(at, undecided)
        out.append(data[at:decided])
        self._held = data[decided:]
        return MaskedBytes(tuple(out), decided, len(out) // 2)


def masked_text(plan: MaskingPlan, text: str) -> str:
    """一つの文を伏せる。末尾で切られた値の始まりも残さない。"""
    data = text.encode("utf-8", "surrogatepass")
    masker = Masker(plan)
    shown = masker.feed(data)
    cut = data[shown.consumed :]
    if not shown.count and len(cut) < MIN_CHARS:
        return text
    tail = MASK if len(cut) >= MIN_CHARS else cut
    return (shown.data + tail).decode("utf-8", "replace")


def _runs(
    plan: MaskingPlan, data: bytes, candidates: Sequence[int], undecided: int
) -> Iterator[tuple[int, int | None]]:
    """重なり合って続く値の ``(始まり, 終わり)`` を前から順に。

    続きを見ないと終わりが決まらないものは ``None`` とし、そこで止まる。どこで切れて届いても同じ所で
    区切られるよう、判断には ``undecided`` より前の、もう動かない事実だけを使う。
    """
    index = position = 0
    while index < len(candidates) and (start := candidates[index]) < undecided:
        index += 1
        length = plan.length_at(data, start) if start >= position else 0
        if not length:
            continue
        end = start + length
        while index < len(candidates) and (at := candidates[index]) < end:
            if end - start >= plan.run_limit:
                break
            if at >= undecided:
                yield start, None
                return
            end = max(end, at + plan.length_at(data, at))
            index += 1
        yield start, end
        position = end
