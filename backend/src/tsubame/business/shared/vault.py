"""秘密を暗号にしてしまう口。どの部屋も、同じ金庫を使う。"""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Place:
    """暗号文の置き場所。別の行へ写された暗号文は、開くときに拒まれる。"""

    table: str
    column: str
    row: int


class Vault(Protocol):
    """金庫。鍵は環境か 0600 のファイルから来る。"""

    def seal(self, plain: bytes, place: Place) -> str: ...

    def open(self, sealed: str, place: Place) -> bytes:
        """Raises: VaultError。"""
        ...


class VaultError(Exception):
    """開けない: 鍵が違うか、壊れているか、別の場所から写された。"""
