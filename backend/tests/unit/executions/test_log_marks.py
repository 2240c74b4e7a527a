"""台本がログに書く印を、どう切れて届いても、一度ずつ見つける。"""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tsubame.business.executions.log_marks import (
    COMMANDS,
    HEAD_BYTES,
    SECTIONS,
    LogMark,
    MarkKind,
    Scan,
    marks_of,
    scan,
    skim,
)


@pytest.mark.parametrize(
    ("line", "mark"),
    [
        (b"::group::Build", LogMark(MarkKind.GROUP, "Build")),
        (b"::group::", LogMark(MarkKind.GROUP, "")),
        (b"::endgroup::", LogMark(MarkKind.END_GROUP, "")),
        (b"::error::it broke", LogMark(MarkKind.ERROR, "it broke")),
        (b"::warning::100%25 a%0Ab", LogMark(MarkKind.WARNING, "100% a\nb")),
        (b"::notice::\xe4\xb8\x89 \xff", LogMark(MarkKind.NOTICE, "三 \N{REPLACEMENT CHARACTER}")),
        (
            b"::error file=a.sh,line=3::bad: ::x",
            LogMark(MarkKind.ERROR, "bad: ::x", file="a.sh", file_line=3),
        ),
        (
            b"::warning title=T,file=d%3A/a%2Cb.c,line=12,endLine=14::w",
            LogMark(MarkKind.WARNING, "w", file="d:/a,b.c", file_line=12),
        ),
        (b"::error file=,line=x::m", LogMark(MarkKind.ERROR, "m")),
        (b"::error line=99999999999999999999::m", LogMark(MarkKind.ERROR, "m")),
        (b"\x1b[31m::error::red\x1b[0m\r", LogMark(MarkKind.ERROR, "red")),
        (b"  \x1b[1;36m\t::group::x", LogMark(MarkKind.GROUP, "x")),
        (
            b"section_start:1560896352:my_first[collapsed=true]\r\x1b[0KHeader \x1b[32mof\x1b[0m it",
            LogMark(MarkKind.SECTION_START, "Header of it", "my_first", 1560896352000, collapsed=True),
        ),
        (
            b"\r\x1b[0Ksection_end:1560896353:my_first\r\x1b[0K",
            LogMark(MarkKind.SECTION_END, "", "my_first", 1560896353000),
        ),
        (b"section_start:1:n\r", LogMark(MarkKind.SECTION_START, "n", "n", 1000)),
        (b"::error::a\0b", LogMark(MarkKind.ERROR, "a\N{REPLACEMENT CHARACTER}b")),
    ],
)
def test_line_is_a_mark(line: bytes, mark: LogMark) -> None:
    """GitHub と GitLab の書き方の行を、色が付いていても読む。"""
    assert marks_of(line) == (mark,)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"x ::error::no",
        b"std::error::code",
        b"::errors::no",
        b"::error no end",
        b":: error::no",
        b"::debug::no",
        b"section_start:abc:n\r",
        b"section_start:1:n without return",
        b"see section_start:1:n\r",
        b"::group:x",
    ],
)
def test_line_is_not_a_mark(line: bytes) -> None:
    """似ているだけの行は、印ではない。"""
    assert marks_of(line) == ()


def test_sections_in_one_line() -> None:
    """GitLab の終わりと次の始まりは、一行に続いていても二つの印になる。"""
    line = b"section_end:5:a\r\x1b[0Ksection_start:6:b\r\x1b[0KNext"
    assert [(mark.kind, mark.name, mark.text) for mark in marks_of(line)] == [
        (MarkKind.SECTION_END, "a", ""),
        (MarkKind.SECTION_START, "b", "Next"),
    ]


def test_only_the_beginning_of_a_line_is_read() -> None:
    """一行がどれだけ長くても、読むのは初めの 4 KiB で、題は千文字まで。"""
    (mark,) = marks_of(b"::error::" + b"x" * 1_000_000)
    assert len(mark.text) == 1000
    seen = scan(b"", b"::error::" + b"x" * 1_000_000)
    assert seen.head is not None
    assert len(seen.head) == HEAD_BYTES


def test_plain_open_line_is_forgotten() -> None:
    """印になりえないと分かった途中の行は、覚えておかない。"""
    assert scan(b"", b"building ...") == Scan((), None)
    assert scan(None, b"::error::not at the start") == Scan((), None)
    assert scan(b"", b"done\n\x1b[3").head == b"\x1b[3"


_TOKEN = st.sampled_from(
    [
        b"\n", b"\n", b"\r\n", b"a", b" ", b"::", b"::error::", b"::error file=a,line=2::", b"::group::",
        b"::endgroup::", b"::warning", b"\x1b[31m", b"\x1b", b"section_start:12:n\r\x1b[0K", b"\xe4\xb8\x89",
        b"section_end:12:n\r", b"section_", b"title", b"x" * 3000,
    ]
)  # fmt: skip
_STREAM = st.lists(_TOKEN, max_size=30).map(b"".join)


def _whole(log: bytes) -> tuple[list[tuple[int, int, LogMark]], bytes]:
    """素朴な答え: 行に分け、一行ずつ読む。"""
    rows = log.split(b"\n")
    found = [
        (number, ordinal, mark)
        for number, row in enumerate(rows[:-1])
        for ordinal, mark in enumerate(marks_of(row))
    ]
    return found, rows[-1]


@given(log=_STREAM, cuts=st.lists(st.integers(0, 2000), max_size=12))
def test_any_cutting_gives_the_same_marks(log: bytes, cuts: list[int]) -> None:
    """どこで切って渡しても、全部を一度に読むのと同じ印が、同じ行に見つかる。"""
    bounds = sorted({0, len(log), *(cut % (len(log) + 1) for cut in cuts)})
    found: list[tuple[int, int, LogMark]] = []
    head: bytes | None = b""
    newlines = 0
    for start, end in itertools.pairwise(bounds):
        data = log[start:end]
        plain = not head and not any(word in data for word in COMMANDS + SECTIONS)
        seen = scan(head, data)
        if plain:
            half = len(data) // 2
            assert (skim(head, [data[:half], data[half:]]), ()) == (seen.head, seen.found)
        found += [(newlines + mark.newlines_before, mark.ordinal, mark.mark) for mark in seen.found]
        for mark in seen.found:
            assert data[: mark.offset].count(b"\n") == mark.newlines_before
        head = seen.head
        newlines += data.count(b"\n")
    expected, last = _whole(log)
    assert found == expected
    # 途中の行の印も、持っている始まりから同じものが読める
    assert marks_of(head or b"") == (marks_of(last) if last else ())
