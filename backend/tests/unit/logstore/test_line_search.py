"""当たる行を見つける部品。素朴に一行ずつ探した答えと比べる。"""

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tsubame.business.executions.errors import SearchPatternError
from tsubame.business.executions.log_search_ports import LineHit, SearchQuery
from tsubame.data_access.logstore.line_search import Limits, LineSearch, Piece
from tsubame.data_access.logstore.patterns import compile_pattern

_PARTS = ["\n", "a", "b", "A", " ", "_", "\r", "k", "\u212a", "日", "ab" * 5]
_BYTES = st.lists(st.sampled_from([*(part.encode() for part in _PARTS), b"\xff", b"\xe6"])).map(b"".join)
_PLAIN = st.text(alphabet="abkKA _日\r", min_size=1, max_size=4)
_REGEX = st.sampled_from(
    ["a", "a+", "^a", "a$", "^$", "^", "$", "a*", r"a\s*b", "[^a]b", r"\bab", r"b\b", ".b", "(a|b)+ ", "a.a",
     r"\s", r"\W", "(?i)a+b", "日", "(?s)a.b", r"[^\w]", "b?$", r"^\s", "(a+)+$", "ba|ab", r"\x0a", r"a\nb"]
)  # fmt: skip


def pieces_of(log: bytes, cuts: list[int]) -> list[Piece]:
    bounds = sorted({0, len(log), *(cut for cut in cuts if cut < len(log))})
    return [
        Piece(start, log.count(b"\n", 0, start), log.count(b"\n", start, end), log[start:end])
        for start, end in pairwise(bounds)
    ]


def naive(log: bytes, query: SearchQuery, from_byte: int) -> list[tuple[int, int, int, int]]:
    """一行ずつ、その行だけを渡して探す。"""
    pattern, found, byte = compile_pattern(query), [], 0
    for number, line in enumerate(log.split(b"\n"), 1):
        if byte >= from_byte and byte < len(log):
            hit = pattern.search(line, 0, len(line))
            if hit is not None:
                found.append((number, byte, *hit))
        byte += len(line) + 1
    return found


def run(pieces: list[Piece], query: SearchQuery, limits: Limits, from_byte: int = 0) -> list[LineHit]:
    search = LineSearch(compile_pattern(query), from_byte, 1000, limits)
    hits: list[LineHit] = []
    for piece in pieces:
        if piece.byte_end > search.position:
            search.feed([piece])
            hits += search.take()[0]
    search.finish()
    assert search.next_byte == max(from_byte, pieces[-1].byte_end if pieces else 0)
    return [*hits, *search.take()[0]]


def places(hits: list[LineHit]) -> list[tuple[int, int, int, int]]:
    return [(hit.line, hit.byte, hit.start, hit.end) for hit in hits]


@settings(max_examples=600, deadline=None)
@given(
    log=_BYTES,
    cuts=st.lists(st.integers(1, 60), max_size=8),
    text=_PLAIN,
    flags=st.tuples(st.booleans(), st.booleans()),
    data=st.data(),
)
def test_plain_search_equals_searching_line_by_line(
    log: bytes, cuts: list[int], text: str, flags: tuple[bool, bool], data: st.DataObject
) -> None:
    """文字列は、どこで切れて届いても、どんなに小さな窓でも、一行ずつ探した答えと同じ。"""
    query = SearchQuery(text, case=flags[0], word=flags[1])
    starts = [0, *(found.end() for found in re.finditer(rb"\n", log))]
    from_byte = data.draw(st.sampled_from(starts))
    # 大文字と小文字を分けなければ、一バイトの文字が三バイトの文字(k と K)にも当たる
    overlap = 3 * len(text) + 1
    for limits in (Limits(), Limits(overlap + 1, overlap)):
        assert places(run(pieces_of(log, cuts), query, limits, from_byte)) == naive(log, query, from_byte)


@settings(max_examples=600, deadline=None)
@given(
    log=_BYTES,
    cuts=st.lists(st.integers(1, 60), max_size=8),
    text=_REGEX,
    flags=st.tuples(st.booleans(), st.booleans()),
    data=st.data(),
)
def test_regex_search_equals_searching_line_by_line(
    log: bytes, cuts: list[int], text: str, flags: tuple[bool, bool], data: st.DataObject
) -> None:
    """正規表現は、どこで切れて届いても、一行ずつ探した答えと同じ。"""
    query = SearchQuery(text, regex=True, case=flags[0], word=flags[1])
    starts = [0, *(found.end() for found in re.finditer(rb"\n", log))]
    from_byte = data.draw(st.sampled_from(starts))
    assert places(run(pieces_of(log, cuts), query, Limits(), from_byte)) == naive(log, query, from_byte)


@settings(max_examples=300, deadline=None)
@given(log=_BYTES, cuts=st.lists(st.integers(1, 60), max_size=8))
def test_long_line_finds_short_regex_hits(log: bytes, cuts: list[int]) -> None:
    """窓で見るほど長い行でも、重なりより短い当たりは、同じところに見つかる。"""
    query = SearchQuery("a[ab]b|^ |b $", regex=True, case=True)
    assert places(run(pieces_of(log, cuts), query, Limits(9, 8))) == naive(log, query, 0)


@given(log=_BYTES, from_byte=st.integers(0, 40))
def test_middle_of_a_line_starts_at_the_next(log: bytes, from_byte: int) -> None:
    """行の途中からと求められたら、次の行から探す。"""
    query = SearchQuery("a", case=True)
    found = places(run(pieces_of(log, []), query, Limits(), from_byte)) if from_byte < len(log) else []
    assert found == (naive(log, query, from_byte) if from_byte < len(log) else [])


@given(log=_BYTES, text=_PLAIN)
def test_clip_shows_the_hit(log: bytes, text: str) -> None:
    """見せる文は、言った位置から始まり、当たりを含む。"""
    log = b"x" * 150 + log.replace(b"\n", b"") + b"y" * 500
    for hit in run(pieces_of(log, [100]), SearchQuery(text, case=True), Limits()):
        shown = log[hit.text_start :].decode("utf-8", "replace")[:300]
        assert (hit.text, len(hit.text)) == (shown, 300)
        assert hit.text_start <= hit.start <= hit.text_start + 103


def test_gap_ends_the_line_and_keeps_true_numbers() -> None:
    """あいだを省いたログでは、省いた先の行の番号と位置が本当の値のまま当たる。"""
    pieces = [Piece(0, 0, 1, b"hit 1\nhit 2"), Piece(1000, 50, 1, b"hit 51\nhit 52")]
    search = LineSearch(compile_pattern(SearchQuery("hit")), 0, 10)
    search.feed(pieces)
    search.finish()
    assert [(hit.line, hit.byte) for hit in search.take()[0]] == [(1, 0), (2, 6), (51, 1000), (52, 1007)]


def test_wanted_limits_the_hits_but_not_the_count() -> None:
    """求めた数を超えた当たりは、数えるだけにする。"""
    search = LineSearch(compile_pattern(SearchQuery("a")), 0, 3)
    search.feed(pieces_of(b"a\n" * 10, [5]))
    hits, matches = search.take()
    assert ([hit.line for hit in hits], matches) == ([1, 2, 3], 10)
    search.feed([Piece(20, 10, 2, b"a\na\n")])
    assert search.take() == ((), 2)


@pytest.mark.parametrize(
    "query",
    [
        SearchQuery(""),
        SearchQuery("a\nb"),
        SearchQuery("x" * 1001),
        *(
            SearchQuery(text, regex=True)
            for text in ["(", "a)(b", r"\Aa", r"a\z", r"\C", "(?-m)^a", "(?i-m:^a)", "(a{1000}){1000}", "a**"]
        ),
    ],
)
def test_bad_pattern_is_refused(query: SearchQuery) -> None:
    """読めない式、行をまたぐ式、重すぎる式は、探す前に断る。"""
    with pytest.raises(SearchPatternError):
        compile_pattern(query)


def test_escaped_backslash_is_not_an_anchor() -> None:
    r"""``\\A`` は逆斜線と A で、行の外を指す記号ではない。"""
    assert compile_pattern(SearchQuery(r"\\A", regex=True)).search(rb"x\a", 0, 3) == (1, 3)


def test_word_edges() -> None:
    """単語の一部には当たらない。端が記号や日本語なら、その端は問わない。"""

    def found(text: str, line: str) -> bool:
        raw = line.encode()
        return compile_pattern(SearchQuery(text, word=True)).search(raw, 0, len(raw)) is not None

    assert [found("err", line) for line in ("an err!", "error", "stderr", "ERR")] == [
        True,
        False,
        False,
        True,
    ]
    assert (found("エラー", "このエラーは"), found("-v", "ls -v"), found("-v", "ls -vv")) == (
        True,
        True,
        False,
    )
