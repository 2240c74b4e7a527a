"""伏せ字: どう切れて届いても、秘密の値はどの形でも出ていかない。"""

import base64
import itertools
import json
import time
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.masking import masker_of, plan_of
from tsubame.business.executions.masking import MASK, Masker, masked_text
from tsubame.business.executions.secret_forms import forms_of as forms_of_bytes

# 小さな字母にして、重なり・繰り返し・切れ目での一致が起きやすいようにする
_SECRETS = st.lists(st.text("abA\n+é ", min_size=4, max_size=9), max_size=3)


def forms_of(secrets: list[str]) -> frozenset[bytes]:
    return forms_of_bytes(secret.encode() for secret in secrets)


def _utf8(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def masked(secrets: list[str], data: bytes) -> bytes:
    masker = masker_of(secrets)
    return masker.feed(data).data + masker.flush().data


def cut(data: bytes, places: list[int]) -> list[bytes]:
    bounds = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[start:end] for start, end in itertools.pairwise(bounds)]


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[str], bytes]:
    secrets = draw(_SECRETS)
    forms = sorted(forms_of(secrets)) or [b"none"]
    parts = draw(
        st.lists(st.sampled_from(forms) | st.binary(max_size=6) | st.sampled_from([b"ab", b"a", b"Y"]))
    )
    return secrets, b"".join(parts)


@given(streams(), st.lists(st.integers(min_value=0), max_size=8))
@example((["aaaa"], b"a" * 40), [3, 5, 17])
@example((["abab", "babX"], b"ababX abab"), [2])
def test_chunking_does_not_change_the_result(stream: tuple[list[str], bytes], places: list[int]) -> None:
    """どこで切って渡しても、全体を一度に渡したときと同じものが出る。"""
    secrets, data = stream
    masker = masker_of(secrets)
    pieces = [masker.feed(part) for part in cut(data, places)]
    pieces.append(masker.flush())
    assert b"".join(piece.data for piece in pieces) == masked(secrets, data)
    assert sum(piece.consumed for piece in pieces) == len(data)


@given(streams(), st.lists(st.integers(min_value=0), max_size=8))
def test_no_form_of_a_secret_gets_through(stream: tuple[list[str], bytes], places: list[int]) -> None:
    """伏せた結果には、値のどの形も現れない。"""
    secrets, data = stream
    masker = masker_of(secrets)
    out = b"".join(masker.feed(part).data for part in cut(data, places)) + masker.flush().data
    assert [form for form in forms_of(secrets) if form in out] == []


@given(streams(), st.lists(st.integers(min_value=0), max_size=8), st.integers(min_value=0))
def test_restart_from_consumed_gives_the_same_output(
    stream: tuple[list[str], bytes], places: list[int], stop: int
) -> None:
    """途中でやめ、取り込み済みの位置から新しい伏せ役で続けても、同じものが出る。"""
    secrets, data = stream
    parts = cut(data, places)
    masker = masker_of(secrets)
    before = [masker.feed(part) for part in parts[: stop % (len(parts) + 1)]]
    consumed = sum(piece.consumed for piece in before)
    rest = masked(secrets, data[consumed:])
    assert b"".join(piece.data for piece in before) + rest == masked(secrets, data)


@given(
    st.lists(
        st.binary(min_size=1, max_size=40)
        | st.text(max_size=30).map(lambda t: t.encode("utf-8", "surrogatepass")),
        max_size=5,
    ),
    st.data(),
)
def test_whatever_the_secrets_and_the_cuts(secrets: list[bytes], data: st.DataObject) -> None:
    """どんな秘密・文・切り方・引き継ぎでも、どの形も残らず、秘密のない文はそのまま出る。"""
    forms = sorted(forms_of_bytes(secrets))
    plain = st.binary(max_size=12)
    part = (
        plain | st.sampled_from(forms) | st.sampled_from(forms).map(lambda f: f[: len(f) // 2])
        if forms
        else plain
    )
    whole = b"".join(data.draw(st.lists(part, max_size=12)))
    places = data.draw(st.lists(st.integers(min_value=0), max_size=8))
    pieces, left = [], cut(whole, places)
    masker, plan = masker_of(secrets), plan_of(secrets)
    while left:
        pieces.append(masker.feed(left.pop(0)))
        if data.draw(st.booleans()):
            # ここでワーカーが死に、次の者が、取り込み済みの位置から続ける
            masker = Masker(plan)
            places = places[1:]
            left = cut(whole[sum(piece.consumed for piece in pieces) :], places)
    pieces.append(masker.flush())
    out = b"".join(piece.data for piece in pieces)
    assert sum(piece.consumed for piece in pieces) == len(whole)
    assert [form for form in forms for shown in out.split(MASK) if form in shown] == []
    if not any(form in whole for form in forms):
        assert out == whole
        assert sum(piece.count for piece in pieces) == 0


@pytest.mark.parametrize(
    "shown",
    [
        'p@ss/w"rd+é',
        json.dumps('p@ss/w"rd+é')[1:-1],
        json.dumps('p@ss/w"rd+é', ensure_ascii=False)[1:-1],
        quote('p@ss/w"rd+é'),
        quote('p@ss/w"rd+é', safe="").lower(),
        quote_plus('p@ss/w"rd+é'),
    ],
)
def test_each_text_form_is_masked(shown: str) -> None:
    """値そのもの・JSON・URL の形は、跡形なく伏せられる。"""
    assert masked(['p@ss/w"rd+é'], f"[{shown}]\n".encode()) == b"[" + MASK + b"]\n"


@pytest.mark.parametrize("before", ["", "u", "us", "user:"])
@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
def test_base64_is_masked_at_every_alignment(before: str, encode: object) -> None:
    """前に何バイト付いて base64 になっても、値に当たる文字は残らない。"""
    assert callable(encode)
    shown = encode(f"{before}hunter2-hunter2>>?:tail".encode())
    out = masked(["hunter2-hunter2>>?"], shown)
    assert MASK in out
    # 端の一文字ずつには、隣の文字のビットが混ざるので残ってよい
    assert len(out) - len(MASK) <= len(encode(before.encode())) + len(encode(b":tail")) + 2


def test_wrapped_base64_of_a_long_secret_is_masked() -> None:
    """base64 命令が 76 文字で折った鍵も、どの行も残らない。"""
    secret = "\n".join(f"line-{number:02d}-{'k' * 40}" for number in range(6))
    shown = base64.encodebytes(secret.encode())
    out = masked([secret], shown)
    assert [row for row in shown.split() if len(row) >= 8 and row in out] == []


def test_each_line_of_a_secret_is_masked_and_the_log_keeps_its_lines() -> None:
    """複数行の値は一行だけ出ても伏せ、末尾の改行は値のうちと見ない。"""
    out = masked(["first-line\r\nsecond-line\n}\n"], b"x first-line\n}\nsecond-line\nend\n")
    assert out == b"x ********\n}\n********\nend\n"


def test_overlapping_secrets_leave_nothing() -> None:
    """二つの値が重なって現れたら、重なり全体を伏せる。"""
    assert masked(["password", "word1234"], b"<password1234>") == b"<" + MASK + b">"


def test_short_values_are_refused() -> None:
    """四文字に満たない値は伏せない。"""
    masker = masker_of(["abc", "long-enough", "", "あいう"])
    assert masker.feed("abc あいう\n".encode()).data == "abc あいう\n".encode()


def test_without_secrets_nothing_is_copied() -> None:
    """伏せる値がなければ、渡したバイト列そのものが返る。"""
    data = b"x" * 100_000
    piece = Masker().feed(data)
    assert piece.data is data
    assert piece.consumed == len(data)


def test_only_a_possible_beginning_is_held_back() -> None:
    """待たせるのは値の始まりかもしれない末尾だけで、違うと分かればすぐ出す。"""
    masker = masker_of(["hunter2-hunter2"])
    assert masker.feed(b"prompt> ").data == b"prompt> "
    assert masker.feed(b"hunter2-hun").data == b""
    assert masker.feed(b"k").data == b"hunter2-hunk"


@pytest.mark.parametrize(
    ("secret", "data"),
    [
        ("aaaa", b"a" * 2_000_000),
        ("a" * 3000 + "b", b"a" * 2_000_000),
        ("abab" * 500 + "c", b"ab" * 1_000_000),
        ("hunter22", b"hunter22" * 250_000),
        ("hunter22", b"hunter2" * 280_000),
    ],
)
def test_hostile_output_takes_time_in_proportion(secret: str, data: bytes) -> None:
    """値に似た文字を延々と出されても、かかる時間は量に比例する。"""

    def seconds(size: int) -> float:
        masker = masker_of([secret])
        started = time.process_time()
        for start in range(0, size, 32_768):
            masker.feed(data[start : min(size, start + 32_768)])
        masker.flush()
        return time.process_time() - started

    assert seconds(len(data)) < 16 * max(seconds(len(data) // 4), 0.02)


@pytest.mark.parametrize(
    "shown",
    [
        r"'it'\''s a p@ss'",
        "'it'\"'\"'s a p@ss'",
        r"$'it\'s a p@ss'",
        r"it\'s\ a\ p@ss",
    ],
)
def test_what_a_shell_prints_is_masked(shown: str) -> None:
    """set -x や printf %q が見せる形も、値を残さない(bash、dash、$'…'、%q)。"""
    out = masked(["it's a p@ss"], f"+ echo {shown}\n".encode())
    assert b"p@ss" not in out
    assert MASK in out


def test_masked_places_are_counted() -> None:
    """伏せた所を数える。どこで切れて届いても、同じ数になる。"""
    masker = masker_of(["hunter2-hunter2", "second-secret"])
    data = b"a hunter2-hunter2 b second-secret hunter2-hunter2\n"
    whole = masker_of(["hunter2-hunter2", "second-secret"])
    pieces = [masker.feed(data[at : at + 1]) for at in range(len(data))]
    assert sum(piece.count for piece in pieces) == whole.feed(data).count == 3


def test_bytes_that_are_not_text_are_masked() -> None:
    """文字として読めないファイルの中身も、そのまま・行ごと・base64 で伏せる。"""
    raw = bytes(range(128, 256)) + b"\nsecond\xff line\n"
    masker = masker_of([raw])
    shown = b"<" + raw + b">" + base64.b64encode(raw) + b" second\xff line"
    out = masker.feed(shown).data + masker.flush().data
    assert out == b"<" + MASK + b"\n>" + MASK + b" " + MASK


def test_a_cut_message_keeps_no_beginning_of_a_secret() -> None:
    """短く切られた理由の文の末尾に、値の始まりが残らない。"""
    plan = plan_of(["hunter2-hunter2"])
    assert masked_text(plan, "It said: hunter2-hunter2 and hunter2-hun") == "It said: ******** and ********"
    assert masked_text(plan, "It said: ab") == "It said: ab"
