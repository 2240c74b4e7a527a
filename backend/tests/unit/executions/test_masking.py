"""伏せ字: どう切れて届いても、秘密の値はどの形でも出ていかない。"""

import base64
import itertools
import json
import time
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from harness.masking import masker_of
from tsubame.business.executions.masking import MASK, Masker
from tsubame.business.executions.secret_forms import forms_of as forms_of_bytes

# 小さな字母にして、重なり・繰り返し・切れ目での一致が起きやすいようにする
_SECRETS = st.lists(st.text("abA\n+é ", min_size=4, max_size=9), max_size=3)


def forms_of(secrets: list[str]) -> frozenset[bytes]:
    return forms_of_bytes(secret.encode() for secret in secrets)


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
