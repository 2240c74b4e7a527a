"""入力の検査で、どの部屋も使う部品。誤りは一つで止めず、全部を集めて返す。"""

import unicodedata
from typing import Final

from tsubame.business.shared.errors import FieldError, InvalidInputError

MAX_NAME: Final = 100
MAX_ROW_ID: Final = 2**63 - 1
"""PostgreSQL の bigint の上限。"""


class FieldErrors:
    """集めた誤り。``raise_if_any()`` で、まとめて投げる。"""

    def __init__(self) -> None:
        self._errors: list[FieldError] = []

    def add(self, field: str, code: str, message: str) -> None:
        self._errors.append(FieldError(field, code, message))

    def extend(self, error: InvalidInputError) -> None:
        """ほかで見つかった誤りを足す。"""
        self._errors.extend(error.errors)

    def raise_if_any(self) -> None:
        """Raises: InvalidInputError。"""
        if self._errors:
            raise InvalidInputError(self._errors)


def has_control_character(value: str) -> bool:
    return any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in value)


def checked_line(field: str, value: str, errors: FieldErrors, *, max_length: int = MAX_NAME) -> str:
    """一行の文字(名前など)。前後の空白は貼り付けの名残なので落とす。"""
    stripped = value.strip()
    if not stripped:
        errors.add(field, "required", "This must not be empty.")
    elif len(stripped) > max_length:
        errors.add(field, "too_long", f"This must be at most {max_length} characters long.")
    elif has_control_character(stripped):
        errors.add(field, "control_character", "This must not contain control characters.")
    return stripped


def checked_text(field: str, value: str, errors: FieldErrors) -> str:
    """何行でもよい文字。PostgreSQL が NUL をしまえないので、NUL だけを断る。"""
    if "\0" in value:
        errors.add(field, "nul_character", "This must not contain NUL characters.")
    return value
