"""台数か割合で書く大きさ(``"3"``、``"10%"``)。"""

import re
from typing import Final

_SHARE: Final = re.compile(r"(\d{1,6})(%?)", re.ASCII)
_WHOLE: Final = 100


def is_share(text: str) -> bool:
    found = _SHARE.fullmatch(text)
    return found is not None and (not found.group(2) or int(found.group(1)) <= _WHOLE)


def at_least(text: str, total: int) -> int:
    """割合なら切り上げた台数。"""
    number, percent = _read(text)
    return -(-total * number // _WHOLE) if percent else number


def at_most(text: str, total: int) -> int:
    """割合なら切り捨てた台数。"""
    number, percent = _read(text)
    return total * number // _WHOLE if percent else number


def _read(text: str) -> tuple[int, bool]:
    found = _SHARE.fullmatch(text)
    if found is None:
        raise ValueError(f"台数でも割合でもない: {text!r}")
    return int(found.group(1)), bool(found.group(2))
