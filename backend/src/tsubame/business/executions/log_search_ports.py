"""ログを探すための、外に求める形。"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tsubame.business.shared.ids import ExecutionId, JobId, Reach, TargetId

CLIP_CHARS = 300
"""当たった行の、見せる文字数。"""


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """探すもの。

    Attributes:
        text: 文字列、または RE2 の正規表現。
        case: 大文字と小文字を分ける。
        word: 単語の一部には当たらない。
    """

    text: str
    regex: bool = False
    case: bool = False
    word: bool = False


@dataclass(frozen=True, slots=True)
class LineHit:
    """当たった一行。位置はどれもバイト。

    Attributes:
        line: 行の番号(1 から)。
        byte: 行の始まりの、ログの中の位置。
        start: 最初の当たりの、行の中の始まり。
        end: 最初の当たりの、行の中の終わり。
        text: 当たりのまわりの文。読めないバイトは置き換えてある。
        text_start: ``text`` の、行の中の始まり。
    """

    line: int
    byte: int
    start: int
    end: int
    text: str
    text_start: int


@dataclass(frozen=True, slots=True)
class ScanStep:
    """探した一歩分。

    Attributes:
        hits: この一歩で当たった行(頼まれた数まで)。
        matches: この一歩で当たった行の数。
        position: ここまで読んだ。
        next_byte: ここより前の行は探し終えた。いつも行の始まりで、続きはここから探せばよい。
        next_line: その行の番号(1 から)。
    """

    hits: tuple[LineHit, ...]
    matches: int
    position: int
    next_byte: int
    next_line: int


class Pattern(Protocol):
    """調べ終えた、探すもの。中身は探す側だけが知る。"""


class LogScanner(Protocol):
    def prepare(self, query: SearchQuery) -> Pattern:
        """Raises: SearchPatternError。"""
        ...

    def scan(
        self, target_id: TargetId, pattern: Pattern, from_byte: int, wanted: int
    ) -> AsyncGenerator[ScanStep, None]:
        """``from_byte`` からの行を順に探す。``wanted`` を超えた当たりは数えるだけにする。

        探すのは、始めたときにあった分まで。終わっていないログの、改行のまだ来ていない最後の行は探さない
        (続きを ``next_byte`` から探せば、どの行もちょうど一度だけ当たる)。
        ``from_byte`` が行の途中なら、次の行から探す。

        Raises: TargetNotFoundError, StorageUnavailableError。
        """
        ...


@dataclass(frozen=True, slots=True)
class SearchedLog:
    """探す相手の一つ。"""

    target_id: TargetId
    execution_id: ExecutionId
    server_name: str
    log_bytes: int


@dataclass(frozen=True, slots=True)
class JobPeriod:
    """あるジョブの、頼んだ時刻が ``since`` 以上 ``until`` 未満の実行。"""

    job_id: JobId
    since: datetime | None = None
    until: datetime | None = None


class SearchedLogs(Protocol):
    """探す相手を並べる。やり直しの前の試みも含む(失敗のわけは、そちらにある)。

    ``reach`` を渡す操作では、そこにないものは、ないのと同じ。
    """

    async def target(self, target_id: TargetId, reach: Reach) -> SearchedLog:
        """Raises: TargetNotFoundError。"""
        ...

    async def of_execution(self, execution_id: ExecutionId, reach: Reach) -> list[SearchedLog]:
        """サーバの並びの順、同じサーバなら古い試みから。Raises: ExecutionNotFoundError。"""
        ...

    async def total_of_job(self, period: JobPeriod, reach: Reach) -> int:
        """その実行のログの、合わせたバイト数。Raises: JobNotFoundError。"""
        ...

    async def of_job(
        self, period: JobPeriod, before: ExecutionId | None, count: int
    ) -> Sequence[SearchedLog]:
        """新しい実行から順に、``before`` より古い ``count`` 個の実行の分。"""
        ...
