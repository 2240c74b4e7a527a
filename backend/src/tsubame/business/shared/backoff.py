"""試し直しの間合い。"""

import random
from typing import Final

_FIRST_S: Final = 0.2
_LAST_S: Final = 10.0


class Backoff:
    """倍々に延び、散らばる。五百本が一斉に切れても、一斉には試し直さない。"""

    def __init__(self) -> None:
        self._next_s = _FIRST_S

    def next_delay_s(self) -> float:
        delay = self._next_s
        self._next_s = min(delay * 2, _LAST_S)
        return delay * random.uniform(0.5, 1.5)  # noqa: S311  暗号ではなく、散らすため

    def reset(self) -> None:
        self._next_s = _FIRST_S
