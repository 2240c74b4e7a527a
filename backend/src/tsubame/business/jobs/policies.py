"""動かし方の決まり: 順番(Queueing)、たくさんのサーバの進め方(Strategy)、やり直し(Retry)。"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class WhenFull(StrEnum):
    """同時に動かしてよい数が一杯のとき、新しい実行をどうするか。"""

    QUEUE = "queue"
    """空くまで待つ。"""
    SKIP = "skip"
    """動かさない。飛ばしたことだけを記録する。"""
    REPLACE = "replace"
    """古いほうを中止し、新しいほうを動かす。"""


@dataclass(frozen=True, slots=True)
class Queueing:
    """待ち行列での扱い。

    Attributes:
        priority: -100 から 100。1 違うと、一分早く並んだのと同じになる。
        concurrency_limit: 同時に動かしてよい、このジョブの実行の数。``None`` なら上限なし。
    """

    priority: int = 0
    concurrency_limit: int | None = None
    when_full: WhenFull = WhenFull.QUEUE


ORDINARY_QUEUEING: Final = Queueing()


class OnFailures(StrEnum):
    """失敗が許した数を超えたときにすること。"""

    STOP = "stop"
    """まだ始めていない対象を飛ばして終える。"""
    PAUSE = "pause"
    """人が続けるか止めるかを決めるまで、新しい対象を始めない。"""


@dataclass(frozen=True, slots=True)
class Strategy:
    """たくさんのサーバを、どう進めるか。

    Attributes:
        max_parallel: 同時に動かす対象の数。``None`` なら上限なし。
        waves: 波ごとの大きさ。台数(``"3"``)か、全体に対する割合(``"10%"``、切り上げ)。
            残った分は最後の波になる。空なら、全部が一つの波。
        max_failures: 許す失敗の数。台数(``"0"``)か割合(``"20%"``、切り捨て)。``None`` なら問わない。
        pause_between_waves: 波が終わるたびに、人を待つ。
    """

    max_parallel: int | None = None
    waves: tuple[str, ...] = ()
    max_failures: str | None = None
    on_failures: OnFailures = OnFailures.STOP
    pause_between_waves: bool = False


ALL_AT_ONCE: Final = Strategy()


class RetryOn(StrEnum):
    """終了コードを問わずにやり直してよい、終わり方。"""

    CONNECT = "connect"
    """サーバに届かず、何も始まらなかった。"""
    TIMED_OUT = "timed_out"
    """時間の上限で止めた。スクリプトは途中まで動いている。"""
    LOST = "lost"
    """結末が分からない。スクリプトは動いたかもしれない。"""


@dataclass(frozen=True, slots=True)
class Retry:
    """対象ごとのやり直し。

    Attributes:
        max_attempts: 最初の一回を含む回数。1 ならやり直さない。
        delay_s: 最初のやり直しまでの秒数。
        factor: やり直すたびに、間を何倍にするか。
        max_delay_s: 間の上限(秒)。
        jitter: 間を散らす割合。0.2 なら、前後二割のあいだでばらつく。
        exit_codes: やり直してよい終了コード。並べたものだけ。
    """

    max_attempts: int = 1
    delay_s: int = 10
    factor: float = 2.0
    max_delay_s: int = 300
    jitter: float = 0.2
    on: tuple[RetryOn, ...] = (RetryOn.CONNECT,)
    exit_codes: tuple[int, ...] = ()


NO_RETRY: Final = Retry()
