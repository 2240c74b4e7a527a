"""印から、畳める区切りと注記を組み立てる(純粋な部品)。"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from tsubame.business.executions.log_marks import MarkKind, PlacedMark

MAX_LISTED: Final = 5000
"""区切りと注記の、それぞれの数の上限。"""
_STARTS: Final = {MarkKind.GROUP, MarkKind.SECTION_START}
_ENDS: Final = {MarkKind.END_GROUP, MarkKind.SECTION_END}


@dataclass(slots=True)
class Section:
    """区切り。

    Attributes:
        last_line: 中の最後の行。まだ終わりの印がなければ ``None``。
        depth: 外側にある区切りの数。
        started_ms: 始まりの時刻(Unix、ミリ秒)。
    """

    first_line: int
    title: str
    depth: int
    collapsed: bool
    started_ms: int
    last_line: int | None = None
    ended_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Annotation:
    """注記。``level`` は ``error``・``warning``・``notice`` のどれか。"""

    line: int
    level: MarkKind
    message: str
    file: str | None
    file_line: int | None


@dataclass(frozen=True, slots=True)
class LogOutline:
    """``truncated`` なら、多すぎて載せきれていない。"""

    sections: tuple[Section, ...]
    annotations: tuple[Annotation, ...]
    truncated: bool


@dataclass(slots=True)
class _Open:
    section: Section
    name: str | None


@dataclass(slots=True)
class _Nest:
    """開いている区切りの積み重ね。"""

    sections: list[Section] = field(default_factory=list)
    _open: list[_Open] = field(default_factory=list)

    def begin(self, placed: PlacedMark) -> None:
        mark = placed.mark
        collapsed = mark.collapsed
        section = Section(placed.line, mark.text, len(self._open), collapsed, placed.at_ms)
        self.sections.append(section)
        self._open.append(_Open(section, mark.name))

    def end(self, placed: PlacedMark, *, alone: bool) -> None:
        """対になる区切りを、その内側で閉じ忘れたものごと閉じる。対がなければ何もしない。"""
        names = [opened.name for opened in self._open]
        if placed.mark.name not in names:
            return
        outermost = len(names) - 1 - names[::-1].index(placed.mark.name)
        for opened in self._open[outermost:]:
            section = opened.section
            # 終わりの印の後ろに続きが書いてあれば、その行は外のもの
            section.last_line = max(section.first_line, placed.line if alone else placed.line - 1)
            section.ended_ms = max(section.started_ms, placed.at_ms)
        del self._open[outermost:]


def outline(marks: Sequence[PlacedMark], total: int) -> LogOutline:
    """``marks`` は行の順。``total`` は、残しきれなかった分も入れた印の数。"""
    nest = _Nest()
    annotations: list[Annotation] = []
    for at, placed in enumerate(marks):
        mark = placed.mark
        if mark.kind in _STARTS:
            nest.begin(placed)
        elif mark.kind in _ENDS:
            followed = at + 1 < len(marks) and marks[at + 1].line == placed.line
            nest.end(placed, alone=not followed and not (mark.kind is MarkKind.SECTION_END and mark.text))
        else:
            annotations.append(
                Annotation(placed.line, mark.kind, mark.text, file=mark.file, file_line=mark.file_line)
            )
    return LogOutline(
        tuple(nest.sections[:MAX_LISTED]),
        tuple(annotations[:MAX_LISTED]),
        truncated=total > len(marks) or max(len(nest.sections), len(annotations)) > MAX_LISTED,
    )
