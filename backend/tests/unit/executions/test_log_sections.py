"""印から、畳める区切りと注記を組み立てる。"""

from tsubame.business.executions.log_marks import LogMark, MarkKind, PlacedMark, marks_of
from tsubame.business.executions.log_sections import MAX_LISTED, Section, outline


def _placed(log: str) -> list[PlacedMark]:
    """行番号がそのまま、届いた秒になる。"""
    return [
        PlacedMark(number, ordinal, number * 1000, mark)
        for number, row in enumerate(log.split("\n"), 1)
        for ordinal, mark in enumerate(marks_of(row.encode()))
    ]


def _sections(log: str) -> list[tuple[str, int, int | None, int]]:
    marks = _placed(log)
    return [
        (section.title, section.first_line, section.last_line, section.depth)
        for section in outline(marks, len(marks)).sections
    ]


def test_groups_nest() -> None:
    """内側の区切りは深くなり、終わりの印の行までが中。"""
    log = "::group::a\n1\n::group::b\n::endgroup::\n2\n::endgroup::\n::group::c\n3"
    assert _sections(log) == [("a", 1, 6, 0), ("b", 3, 4, 1), ("c", 7, None, 0)]


def test_closing_the_outer_closes_the_inner() -> None:
    """外側の終わりは、閉じ忘れた内側も閉じる。対のない終わりは何もしない。"""
    log = "::endgroup::\nsection_start:10:out\r\n::group::in\nsection_end:99:other\r\nsection_end:20:out\r\nx"
    assert _sections(log) == [("out", 2, 5, 0), ("in", 3, 5, 1)]


def test_following_section_keeps_its_own_line() -> None:
    """終わりと次の始まりが一行にあれば、その行は次の区切りのもの。"""
    both = "section_end:2:a\r\x1b[0Ksection_start:3:b\r\x1b[0KB"
    log = f"section_start:1:a\r\n1\n{both}\n2\nsection_end:4:b\r after"
    assert _sections(log) == [("a", 1, 2, 0), ("B", 3, 4, 0)]


def test_times_come_from_the_mark_or_the_arrival() -> None:
    """GitLab の時刻は書いてあるもの、GitHub の時刻は届いたもの。"""
    marks = _placed("section_start:1700000000:a[collapsed=true]\r\n::group::g\n::endgroup::")
    assert outline(marks, 3).sections == (
        Section(1, "a", 0, collapsed=True, started_ms=1_700_000_000_000),
        Section(2, "g", 1, collapsed=False, started_ms=2000, last_line=3, ended_ms=3000),
    )


def test_annotations_are_listed() -> None:
    """注記は、行と段階と場所を持つ。"""
    seen = outline(_placed("x\n::error file=a.sh,line=3::bad\n::notice::n"), 2)
    assert [(one.line, one.level, one.message, one.file, one.file_line) for one in seen.annotations] == [
        (2, "error", "bad", "a.sh", 3),
        (3, "notice", "n", None, None),
    ]
    assert not seen.truncated


def test_too_many_are_counted_not_listed() -> None:
    """多すぎれば初めの 5,000 だけにし、そう言う。"""
    one = LogMark(MarkKind.ERROR, "e")
    marks = [PlacedMark(line, 0, 0, one) for line in range(1, MAX_LISTED + 2)]
    seen = outline(marks, len(marks))
    assert (len(seen.annotations), seen.truncated) == (MAX_LISTED, True)
    assert outline(marks[:3], 4).truncated
