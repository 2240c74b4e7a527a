"""保管したログの索引。

一行に一つの JSON を zstd で縮めたもの。一行目が物の枠の並び(表に移す前より大きくまとめてある)、
二行目からが、もとのかたまりの行(届いた時刻など)。``zstd -d`` と ``jq`` があれば、つばめがなくても読める。
"""

import base64
import json
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final

from tsubame.data_access.logstore.frames import compress, decompress
from tsubame.data_access.logstore.index import Holding

FORMAT: Final = "tsubame-log-index/1"


@dataclass(frozen=True, slots=True)
class Frame:
    """物の中の一枠。``byte_start`` と ``newline_start`` はログの中、``offset`` は物の中の位置。"""

    byte_start: int
    byte_length: int
    newline_start: int
    newline_count: int
    offset: int
    size: int

    @property
    def byte_end(self) -> int:
        return self.byte_start + self.byte_length


_FIELDS: Final = ("byte_start", "byte_length", "newline_start", "newline_count", "offset", "size")


@dataclass(frozen=True)
class FrameIndex:
    """枠を、バイトの位置か改行の数から探す。"""

    frames: Sequence[Frame]

    @cached_property
    def _starts(self) -> list[int]:
        return [frame.byte_start for frame in self.frames]

    @cached_property
    def _with_newlines(self) -> tuple[list[int], list[int]]:
        """改行のある枠だけの、改行の位置と、枠の番号。"""
        picked = [(frame.newline_start, n) for n, frame in enumerate(self.frames) if frame.newline_count]
        return [start for start, _ in picked], [n for _, n in picked]

    def spanning(self, start: int, end: int, budget: int) -> Sequence[Frame]:
        """``start`` を含む枠から順に、合わせて ``budget`` バイトを超えるまで。``end`` より先は含まない。"""
        first = max(0, bisect_right(self._starts, start) - 1)
        last = bisect_left(self._starts, end)
        picked: list[Frame] = []
        for frame in self.frames[first:last]:
            picked.append(frame)
            budget -= frame.byte_length
            if budget <= 0:
                break
        return picked

    def holding(self, newline: int) -> Holding:
        """``ChunkIndex.holding`` と同じ。"""
        starts, numbers = self._with_newlines
        place = bisect_left(starts, newline) - 1
        if place < 0:
            return Holding(0, newline, 0)
        frame = self.frames[numbers[place]]
        return Holding(frame.byte_start, newline - frame.newline_start, frame.newline_count)


def encode_frames(frames: Sequence[Frame], about: Mapping[str, object]) -> bytes:
    columns = {name: [getattr(frame, name) for frame in frames] for name in _FIELDS}
    return _packed({"format": FORMAT, **about, "frames": columns})


def decode_frames(data: bytes) -> FrameIndex:
    columns = json.loads(decompress(data))["frames"]
    return FrameIndex([Frame(*row) for row in zip(*(columns[name] for name in _FIELDS), strict=True)])


def encode_rows(rows: Sequence[Mapping[str, object]]) -> bytes:
    """もとのかたまりの行を、一枠に。空なら空のバイト列。"""
    if not rows:
        return b""
    return _packed({name: [_plain(row[name]) for row in rows] for name in rows[0]})


def decode_rows(data: bytes) -> Iterator[dict[str, object]]:
    """もとのかたまりの行を順に。時刻は Unix の秒、バイト列は base64 で入っている。"""
    for line in decompress(data).splitlines() if data else ():
        columns = json.loads(line)
        yield from (dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True))


def _packed(value: object) -> bytes:
    return compress(json.dumps(value, separators=(",", ":")).encode() + b"\n")


def _plain(value: object) -> object:
    match value:
        case datetime():
            return value.timestamp()
        case bytes() | memoryview():
            return base64.b64encode(value).decode()
        case _:
            return value
