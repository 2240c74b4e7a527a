"""ログの置き場(書く側)の口。"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from tsubame.business.executions.entities import Lease
from tsubame.business.executions.log_arrivals import Arrival
from tsubame.business.executions.log_marks import PlacedMark


@dataclass(frozen=True, slots=True)
class LogBlock:
    """圧縮した、ログの一かたまり。置き場の一行になる。

    Attributes:
        frame: 圧縮した中身。
        byte_length: 伸ばしたときのバイト数。
        newline_count: 中にある改行の数。
        open_line: 最後のバイトが改行でない。
        marked: 印の言葉がどこかにある。なければ、中から始まる行に印はない。
    """

    frame: bytes
    byte_length: int
    newline_count: int
    open_line: bool
    marked: bool


@dataclass(frozen=True, slots=True)
class LogChunk:
    """かたまりと、その届き方。

    Attributes:
        starts_line: 最初のバイトが行の頭。
        arrivals: どこからのバイトがいつ届いたか。必ず 0 から始まる。
    """

    block: LogBlock
    starts_line: bool
    arrivals: tuple[Arrival, ...]


@dataclass(frozen=True, slots=True)
class LogPiece:
    """ログの続きの一切れ。``chunks`` は一つ以上。

    Attributes:
        log_day: 置き場の区画を決める日。
        byte_start: 保存済みの長さ。行の値と違えば書けない。
        newline_start: それまでの改行の数。
        remote_start: 行にある取り込み済みの長さ。
        remote_end: これを書いたあとの、取り込み済みの長さ。
        line_head: これを書いたあとの途中の行が印になりうるなら、その始まり。
        marks: 一緒に残す印。
        mark_total: これを書いたあとの、見つけた印の数(残さないものも数える)。
        masked: この一切れで伏せた所の数。
    """

    lease: Lease
    log_day: date
    chunks: tuple[LogChunk, ...]
    byte_start: int
    newline_start: int
    remote_start: int
    remote_end: int
    line_head: bytes = b""
    marks: tuple[PlacedMark, ...] = ()
    mark_total: int = 0
    masked: int = 0

    @property
    def byte_end(self) -> int:
        return self.byte_start + sum(chunk.block.byte_length for chunk in self.chunks)

    @property
    def newline_end(self) -> int:
        return self.newline_start + sum(chunk.block.newline_count for chunk in self.chunks)

    @property
    def memory(self) -> int:
        return sum(len(chunk.block.frame) for chunk in self.chunks)


@dataclass(frozen=True, slots=True)
class LogTrim:
    """真ん中を省く。どちらの位置も、それより前でいちばん近い、かたまりの始まりに寄せる。

    Attributes:
        gap_start: 省き始める所。前に省いていれば使わない。
        gap_end: 省き終わる所。
    """

    lease: Lease
    log_day: date
    gap_start: int
    gap_end: int


class LogStore(Protocol):
    """ログの置き場(書く側)。"""

    async def pack(self, parts: Sequence[bytes]) -> LogBlock:
        """伏せ字を済ませたバイト列をつなげ、圧縮する。大きければ別のスレッドで行う。"""
        ...

    async def append(self, pieces: Sequence[LogPiece]) -> frozenset[Lease]:
        """まとめて一つの取引で書き、書けた権利を返す。返らなかったものは権利を失っている。

        返事だけが失われた前の試みで、すでに書けていたものも「書けた」に入る。

        Raises:
            StorageUnavailableError: 今は届かない。同じものをそのまま渡し直すこと。
        """
        ...

    async def trim(self, trim: LogTrim) -> None:
        """真ん中を省く。権利を失っていれば、何もしない。何度渡しても同じ。

        Raises: StorageUnavailableError。
        """
        ...
