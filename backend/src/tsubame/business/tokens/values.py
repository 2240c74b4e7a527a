"""トークンの値の形。``tsb_`` + 乱数 30 字(178 ビット)+ 検査の 6 字。

決まった頭と検査の字があるので、置き忘れを探す道具が、値だけを見て取り違えなく見つけられる。
データベースに尋ねる前に、打ち間違いも断れる。
"""

import hashlib
import secrets
import string
import zlib
from typing import Final

from tsubame.business.shared.secret import Secret

PREFIX: Final = "tsb_"
_ALPHABET: Final = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANDOM: Final = 30
_CHECK: Final = 6
_HINT: Final = 4


def new_value() -> Secret:
    body = "".join(secrets.choice(_ALPHABET) for _ in range(_RANDOM))
    return Secret(PREFIX + body + _check_of(body))


def is_token(value: str) -> bool:
    """通行証(JWT)ではなく、トークンか。形が正しいかは見ない。"""
    return value.startswith(PREFIX)


def is_well_formed(value: str) -> bool:
    body, check = value[len(PREFIX) : -_CHECK], value[-_CHECK:]
    return is_token(value) and len(body) == _RANDOM and check == _check_of(body)


def hash_of(value: str) -> bytes:
    """178 ビットの乱数なので、遅いハッシュは要らない。"""
    return hashlib.sha256(value.encode("utf-8", "replace")).digest()


def hint_of(value: Secret) -> str:
    """一覧で見分けるための、はじめの数字。"""
    return value.reveal()[: len(PREFIX) + _HINT]


def _check_of(body: str) -> str:
    number = zlib.crc32(body.encode("utf-8", "replace"))
    digits = []
    for _ in range(_CHECK):
        number, digit = divmod(number, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))
