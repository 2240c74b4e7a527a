"""利用者の名前の決まり。"""

import re
from typing import Final

from tsubame.business.shared.validation import FieldErrors

_USERNAME: Final = re.compile(r"[\w.@+-]{1,64}")


def checked_username(field: str, value: str, errors: FieldErrors) -> str:
    """前後の空白を落とした名前。文字(かなや漢字も)・数字・``. _ @ + -`` だけを許す。"""
    name = value.strip()
    if not _USERNAME.fullmatch(name):
        errors.add(
            field,
            "username_invalid",
            "A user name has 1 to 64 letters, digits and the characters . _ @ + - only.",
        )
    return name
