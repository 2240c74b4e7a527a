"""``Range`` の見出しと、添え物の名前(RFC 9110 14 節、RFC 6266)。"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

_ONE_RANGE: Final = re.compile(r"bytes\s*=\s*(\d{0,19})\s*-\s*(\d{0,19})\s*", re.ASCII | re.IGNORECASE)
# どの機械でも、ファイルの名前に使えない文字
_UNSAFE: Final = re.compile(r'[\x00-\x1f\x7f-\x9f/\\:*?"<>|\u202a-\u202e\u2066-\u2069\ud800-\udfff]')
_NAME_CHARS: Final = 60


class UnsatisfiableRangeError(Exception):
    """範囲が、中身の外にある。"""


@dataclass(frozen=True, slots=True)
class ByteRange:
    """``[start, end)``。"""

    start: int
    end: int


def parse_range(header: str | None, size: int) -> ByteRange | None:
    """求められた範囲。ないか、読めないか、二つ以上なら ``None``(全体を返す)。

    Raises: UnsatisfiableRangeError。
    """
    found = _ONE_RANGE.fullmatch(header.strip()) if header is not None else None
    if found is None or found.group(1) == found.group(2) == "":
        return None
    first, last = found.groups()
    if first == "":
        start, end = max(0, size - int(last)), size
    else:
        start, end = int(first), min(size, int(last) + 1) if last else size
        if last and int(last) < start:
            return None
    if start >= end:
        raise UnsatisfiableRangeError
    return ByteRange(start, end)


def attachment(*parts: str, suffix: str) -> str:
    """``Content-Disposition`` の値。名前は ``parts`` を「-」でつないだもの。"""
    safe = [_UNSAFE.sub("_", part)[:_NAME_CHARS].strip(" .") for part in parts]
    name = "-".join(part for part in safe if part) + suffix
    plain = name.encode("ascii", "replace").decode().replace("?", "_").replace("%", "_")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
