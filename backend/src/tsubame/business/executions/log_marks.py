"""台本がログに書く印を見つける(純粋な部品)。

GitHub Actions の命令(``::group::`` など)と GitLab の区切り(``section_start:`` など)の行を読む。
https://docs.github.com/actions/reference/workflow-commands-for-github-actions
https://docs.gitlab.com/ci/jobs/job_logs/#custom-collapsible-sections
どこで切れて届いても同じ印になるよう、途中の行は、印になりうるあいだだけ始まりを持つ。
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

MAX_MARKS: Final = 10_000
"""一つの対象に残す印の数。"""
HEAD_BYTES: Final = 4096
"""印として読むのは、行の初めのこれだけ。"""
COMMANDS: Final = (b"::group::", b"::endgroup::", b"::error", b"::warning", b"::notice")
SECTIONS: Final = (b"section_start:", b"section_end:")

_WORDS: Final = COMMANDS + SECTIONS
_TEXT_CHARS: Final = 1000
_LINE_DIGITS: Final = 9
_COLOR: Final = rb"\x1b\[[0-9;]*[A-Za-z]"
# 色を付けてから印を書く台本がある
_LEAD: Final = re.compile(rb"(?:[ \t\r]|" + _COLOR + rb")*")
_HALF_COLOR: Final = re.compile(rb"\x1b(?:\[[0-9;]*)?")
_COMMAND: Final = re.compile(rb"::(group|endgroup|error|warning|notice)(?: (.*?))?::(.*)", re.DOTALL)
_SECTION: Final = re.compile(rb"section_(start|end):(\d{1,11}):([\w.-]+)(?:\[([^\]]*)\])?\r(?:\x1b\[0?K)?")
_COLORS: Final = re.compile(_COLOR)


class MarkKind(StrEnum):
    GROUP = "group"
    END_GROUP = "endgroup"
    SECTION_START = "section_start"
    SECTION_END = "section_end"
    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class LogMark:
    """一つの印。

    Attributes:
        text: 題か文。``SECTION_END`` では、その後ろに書いてあるもの。
        name: GitLab の区切りの名前。
        at_ms: 印に書いてある時刻(Unix、ミリ秒)。なければ ``None``。
    """

    kind: MarkKind
    text: str
    name: str | None = None
    at_ms: int | None = None
    collapsed: bool = False
    file: str | None = None
    file_line: int | None = None


@dataclass(frozen=True, slots=True)
class FoundMark:
    """かたまりの中で見つけた印。

    Attributes:
        newlines_before: かたまりの初めから、その行の頭までの改行の数。
        offset: 行の頭の位置。前のかたまりから続く行なら 0。
    """

    newlines_before: int
    offset: int
    ordinal: int
    mark: LogMark


@dataclass(frozen=True, slots=True)
class PlacedMark:
    """行番号(1 から)と、その行が届き始めた時刻(Unix、ミリ秒)の付いた印。"""

    line: int
    ordinal: int
    arrived_ms: int
    mark: LogMark

    @property
    def at_ms(self) -> int:
        """印に書いてある時刻か、届いた時刻。"""
        return self.arrived_ms if self.mark.at_ms is None else self.mark.at_ms


@dataclass(frozen=True, slots=True)
class Scan:
    """``head`` は途中の行の始まり。空なら行の頭、印になりえない行の途中なら ``None``。"""

    found: tuple[FoundMark, ...]
    head: bytes | None


def scan(head: bytes | None, data: bytes) -> Scan:
    """``head`` の続きの ``data`` から印を拾う。"""
    first_end = data.find(b"\n")
    if first_end < 0:
        return Scan((), _grown(head, data))
    found: list[FoundMark] = []
    if head is not None:
        found += _found((head + data[:HEAD_BYTES]).partition(b"\n")[0], 0, 0)
    last_end = data.rfind(b"\n")
    newlines, counted = 0, 0
    for start, end in _suspects(data, first_end + 1, last_end + 1):
        newlines += data.count(b"\n", counted, start)
        counted = start
        found += _found(data[start:end], newlines, start)
    return Scan(tuple(found), _grown(b"", data[last_end + 1 : last_end + 1 + HEAD_BYTES]))


def skim(head: bytes | None, parts: Sequence[bytes]) -> bytes | None:
    """``scan`` と同じ ``head`` を返す。``head`` が持ち越しでなく、``parts`` に印の言葉がないときに使う。"""
    tail: list[bytes] = []
    for part in reversed(parts):
        newline = part.rfind(b"\n")
        tail.append(part[newline + 1 :])
        if newline >= 0:
            return _grown(b"", b"".join(reversed(tail)))
    return _grown(head, b"".join(reversed(tail))) if head is not None else None


def marks_of(line: bytes) -> tuple[LogMark, ...]:
    """一行(改行は除く)の印。"""
    line = line[:HEAD_BYTES]
    lead = _lead_end(line)
    command = _COMMAND.fullmatch(line, lead)
    return (_command(command),) if command else tuple(_sections(line, lead))


def _found(line: bytes, newlines_before: int, offset: int) -> list[FoundMark]:
    return [FoundMark(newlines_before, offset, ordinal, mark) for ordinal, mark in enumerate(marks_of(line))]


def _grown(head: bytes | None, data: bytes) -> bytes | None:
    if head is None:
        return None
    grown = (head + data[:HEAD_BYTES])[:HEAD_BYTES]
    return grown if _may_be_mark(grown) else None


def _may_be_mark(head: bytes) -> bool:
    rest = head[_lead_end(head) :]
    if rest.startswith(b"\x1b"):
        return _HALF_COLOR.fullmatch(rest) is not None
    return any(rest.startswith(word) or word.startswith(rest) for word in _WORDS)


def _lead_end(line: bytes) -> int:
    lead = _LEAD.match(line)
    return lead.end() if lead else 0


def _suspects(data: bytes, at: int, end: int) -> Iterator[tuple[int, int]]:
    """印の言葉のある行の、頭と終わり。``at`` は行の頭、``end`` は改行の次。"""
    positions = {word: data.find(word, at, end) for word in _WORDS}
    while True:
        for word, position in positions.items():
            if 0 <= position < at:
                positions[word] = data.find(word, at, end)
        ahead = [position for position in positions.values() if position >= at]
        if not ahead:
            return
        position = min(ahead)
        line_end = data.index(b"\n", position)
        yield max(at, data.rfind(b"\n", at, position) + 1), line_end
        # 一行に言葉がいくつあっても、その行を見るのは一度だけ
        at = line_end + 1


def _command(match: re.Match[bytes]) -> LogMark:
    kind, message = MarkKind(match[1].decode()), _unescaped(_text(match[3]))
    if kind in {MarkKind.GROUP, MarkKind.END_GROUP}:
        return LogMark(kind, message)
    pairs = (part.partition("=") for part in _text(match[2] or b"").split(","))
    fields = {key.strip(): _unescaped(value) for key, _, value in pairs}
    line = fields.get("line", "")
    return LogMark(
        kind,
        message,
        file=fields.get("file") or None,
        file_line=int(line) if line.isascii() and line.isdigit() and len(line) <= _LINE_DIGITS else None,
    )


def _sections(line: bytes, at: int) -> Iterator[LogMark]:
    match = _SECTION.match(line, at)
    while match:
        # 終わりの印のすぐ後ろに、次の始まりの印を続けるのが GitLab の書き方
        following = _SECTION.match(line, match.end() + _lead_end(line[match.end() :]))
        text = "" if following else _text(line[match.end() :])
        name = match[3].decode("ascii")[:_TEXT_CHARS]
        starts = match[1] == b"start"
        yield LogMark(
            MarkKind.SECTION_START if starts else MarkKind.SECTION_END,
            (text or name) if starts else text,
            name=name,
            at_ms=int(match[2]) * 1000,
            collapsed=b"collapsed=true" in (match[4] or b"").split(b","),
        )
        match = following


def _text(value: bytes) -> str:
    # PostgreSQL の文字列には NUL を入れられない
    plain = _COLORS.sub(b"", value).decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
    return plain.strip()[:_TEXT_CHARS]


def _unescaped(value: str) -> str:
    for escape, plain in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
        value = value.replace(escape, plain)
    return value
