"""伏せ字の近道(頭がなければ写しもせず出す)は、いつも見比べる道と、一バイトも違わない。"""

from collections import Counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness.masking import plan_of
from tsubame.business.executions.masking import HEAD_BYTES, MASK, MaskedBytes, Masker, MaskingPlan
from tsubame.business.executions.secret_forms import forms_of

# 頭より長い共通の始まり、頭の途中までの共通、片方がもう片方の始まり、改行、自分と重なる繰り返し
_SECRETS = st.lists(
    st.one_of(
        st.binary(min_size=4, max_size=24),
        st.text("ab\n+", min_size=4, max_size=14).map(str.encode),
        st.sampled_from(
            [b"password", b"password1234", b"passphrase-of-two\nlines-of-text", b"word1234word", b"abababab"]
        ),
    ),
    min_size=1,
    max_size=4,
)
# 近道が使われる長さの、ただの文
_DOTS = b"." * HEAD_BYTES


class Comparing(Masker):
    """近道を通らない伏せ役。"""

    def _may_hold_a_value(self, plan: MaskingPlan, data: bytes) -> bool:
        del plan, data
        return True


def naive(secrets: list[bytes], data: bytes) -> bytes:
    """全体を一度に見て、一バイトずつ、全部の形と見比べる。"""
    forms = forms_of(secrets)
    limit = plan_of(secrets).run_limit
    out, at = b"", 0
    while at < len(data):
        start, end = at, at + _length(forms, data, at)
        while at < end and end - start < limit:
            end = max(end, at + _length(forms, data, at))
            at += 1
        out += MASK if end > start else data[start : start + 1]
        at = max(end, start + 1)
    return out


def _length(forms: frozenset[bytes], data: bytes, at: int) -> int:
    return max((len(form) for form in forms if data.startswith(form, at)), default=0)


@st.composite
def near_misses(draw: st.DrawFn) -> tuple[list[bytes], list[bytes]]:
    """秘密と、値・値の途中まで・一字だけ違う値・端の欠けた値・ただの文が、好きな所で切れて届く流れ。"""
    secrets = draw(_SECRETS)
    forms = sorted(forms_of(secrets)) or [b"none"]

    def bent(form: bytes) -> st.SearchStrategy[bytes]:
        place = st.integers(0, len(form) - 1)
        return st.one_of(
            st.just(form),
            place.map(lambda at: form[:at]),
            place.map(lambda at: form[at:]),
            place.map(lambda at: form[:at] + bytes([form[at] ^ 1]) + form[at + 1 :]),
        )

    plain = st.binary(max_size=3 * HEAD_BYTES)
    parts = st.lists(st.sampled_from(forms).flatmap(bent) | plain, max_size=10)
    whole = b"".join(draw(parts))
    pieces: list[bytes] = []
    while whole:
        size = draw(st.integers(1, 3 * HEAD_BYTES))
        pieces.append(whole[:size])
        whole = whole[size:]
    return secrets, pieces


def answers(masker: Masker, pieces: list[bytes]) -> list[tuple[bytes, int, int]]:
    def plain(answer: MaskedBytes) -> tuple[bytes, int, int]:
        return answer.data, answer.consumed, answer.count

    return [plain(answer) for answer in (*map(masker.feed, pieces), masker.flush())]


@settings(deadline=None)
@given(near_misses())
@example(([b"password1234"], [_DOTS + b"pass", b"word1234" + _DOTS]))
@example(([b"password1234"], [_DOTS + b"passwor", b"d1234" + _DOTS, b"x"]))
@example(([b"k" * HEAD_BYTES + b"tail"], [_DOTS + b"k", b"k" * (HEAD_BYTES - 1) + b"tail" + _DOTS]))
@example(([b"abcd"], [_DOTS + b"abc", b"d" + _DOTS]))
def test_shortcut_answers_as_the_long_way(stream: tuple[list[bytes], list[bytes]]) -> None:
    """一切れごとに、出すもの・取り込んだ長さ・数が、いつも見比べる伏せ役と同じになる。"""
    secrets, pieces = stream
    plan = plan_of(secrets)
    assert answers(Masker(plan), pieces) == answers(Comparing(plan), pieces)


@settings(deadline=None)
@given(near_misses())
def test_result_is_what_a_naive_search_gives(stream: tuple[list[bytes], list[bytes]]) -> None:
    """どう切れて届いても、全体を一バイトずつ見比べた結果と同じになる。"""
    secrets, pieces = stream
    out = b"".join(data for data, _, _ in answers(Masker(plan_of(secrets)), pieces))
    assert out == naive(secrets, b"".join(pieces))


@pytest.mark.parametrize("secret", [b"wxyz", b"hunter22", b"correct horse", b"k" * 40 + b"\nline two"])
@pytest.mark.parametrize("before", range(0, HEAD_BYTES + 8, 4))
def test_every_cut_through_a_value_is_seen(secret: bytes, before: int) -> None:
    """ただの文に挟まれた値が、どの二か所で切れて届いても、伏せられる。"""
    whole = b"." * before + secret + b"," * (HEAD_BYTES + 8)
    expected = b"." * before + MASK + b"," * (HEAD_BYTES + 8)
    plan, wrong = plan_of([secret]), []
    for first in range(len(whole)):
        for second in range(first, len(whole), 3):
            pieces = [whole[:first], whole[first:second], whole[second:]]
            out = b"".join(data for data, _, _ in answers(Masker(plan), pieces))
            wrong += [] if out == expected else [(first, second, out)]
    assert wrong == []


def test_plain_output_takes_the_shortcut() -> None:
    """ただのログは近道で出る。秘密の始まりに似た末尾を持ち越したあとも。"""
    seen: Counter[bool] = Counter()

    class Counting(Masker):
        def _may_hold_a_value(self, plan: MaskingPlan, data: bytes) -> bool:
            needed = super()._may_hold_a_value(plan, data)
            seen[needed] += 1
            return needed

    masker = Counting(plan_of([b"hunter2-hunter2"]))
    for piece in [b"compiling the module hunt", b"ing for a name, and linking", b"done and hunter2-hunter2"]:
        masker.feed(piece)
    assert seen == {False: 2, True: 1}
