"""手間のかかる道の、速さの限り。一人の利用者ごとと、一つの住所ごと。

数え方は GCRA(ITU-T I.371)。覚えるのは、相手ごとに「次に来てよい時刻」の一つだけ。
プロセスごとに数えるので、web が n 台なら n 倍まで通る。
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tsubame.business.shared.errors import BusyError

_REMEMBERED: Final = 10_000
_ROUNDING_S: Final = 1e-6


class TooManyRequestsError(BusyError):
    """短い間に頼みすぎた。"""

    code = "too_many_requests"


@dataclass(frozen=True, slots=True)
class Pace:
    """続けて ``burst`` 回、そのあとは毎秒 ``per_second`` 回。"""

    name: str
    burst: int
    per_second: float


LOG_READING: Final = Pace("log_reading", 200, 20)
LOG_SEARCH: Final = Pace("log_search", 40, 2)
DOWNLOAD: Final = Pace("download", 40, 1)
SERVER_CONTACT: Final = Pace("server_contact", 60, 1)
"""相手のサーバへ、こちらからつなぎに行くもの。"""

EXPLANATION: Final = Pace("explanation", 60, 2)
WHOLE_AUDIT: Final = Pace("whole_audit", 10, 0.2)
"""監査の鎖の全部を読むもの。"""


class Pacer:
    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next: dict[tuple[str, str], float] = {}

    def take(self, pace: Pace, who: str, people: int = 1) -> None:
        """一回分を使う。``people`` は、その名の後ろにいるとみなす人数。

        Raises: TooManyRequestsError。
        """
        now, step = self._clock(), 1 / (pace.per_second * people)
        due = max(self._next.get((pace.name, who), now), now) + step
        wait = due - now - step * pace.burst * people
        if wait > _ROUNDING_S:
            raise TooManyRequestsError("Too many requests in a short time. Wait a little.", math.ceil(wait))
        self._forget(now)
        self._next[pace.name, who] = due

    def _forget(self, now: float) -> None:
        if len(self._next) >= _REMEMBERED:
            self._next = {key: due for key, due in self._next.items() if due > now}
