"""キーセット方式の頁送り。二百万行でも、深い頁が先頭の頁と同じ速さで開く。"""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from tsubame.business.shared.errors import InvalidInputError

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 200

ItemT = TypeVar("ItemT")


@dataclass(frozen=True, slots=True)
class PageRequest:
    """求める頁。

    Attributes:
        after: 前の頁の最後の行の並び順の値(先頭の頁なら空)。
        limit: 行の数。1 から ``MAX_LIMIT``。
    """

    after: tuple[str | int, ...] = ()
    limit: int = DEFAULT_LIMIT


@dataclass(frozen=True, slots=True)
class Page(Generic[ItemT]):
    """一頁分の行。``next_after`` が ``None`` なら最後の頁。"""

    items: Sequence[ItemT]
    next_after: tuple[str | int, ...] | None


def encode_cursor(after: tuple[str | int, ...] | None) -> str | None:
    if after is None:
        return None
    return base64.urlsafe_b64encode(json.dumps(after).encode()).decode().rstrip("=")


def decode_cursor(cursor: str | None) -> tuple[str | int, ...]:
    """``encode_cursor`` の逆。

    Raises:
        InvalidInputError: 壊れた、または作りものの値。
    """
    if not cursor:
        return ()
    try:
        value = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError) as exc:
        raise InvalidInputError.one(
            "cursor", "invalid_cursor", "This is not a cursor from a previous page."
        ) from exc
    if not isinstance(value, list) or not all(isinstance(part, str | int) for part in value):
        raise InvalidInputError.one("cursor", "invalid_cursor", "This is not a cursor from a previous page.")
    return tuple(value)
