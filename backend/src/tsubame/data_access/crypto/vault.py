"""金庫。Fernet で暗号にし、平文の先頭に置き場所を書いて、よそへの写しを見破る。"""

import json
from collections.abc import Sequence
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from tsubame.business.shared.vault import Place, VaultError

_SEPARATOR: Final = b"\n"


class FernetVault:
    def __init__(self, keys: Sequence[str]) -> None:
        """``keys`` は Fernet の鍵(32 バイトの base64)。先頭で閉じ、どれでも開ける。"""
        self._fernet = MultiFernet([Fernet(key) for key in keys])

    def seal(self, plain: bytes, place: Place) -> str:
        return self._fernet.encrypt(_label(place) + _SEPARATOR + plain).decode()

    def open(self, sealed: str, place: Place) -> bytes:
        try:
            opened = self._fernet.decrypt(sealed)
        except InvalidToken as exc:
            raise VaultError("No encryption key opens this document, or it is damaged.") from exc
        label, _, plain = opened.partition(_SEPARATOR)
        if label != _label(place):
            raise VaultError("This document was sealed for another place.")
        return plain


def _label(place: Place) -> bytes:
    return json.dumps([place.table, place.column, place.row], separators=(",", ":")).encode()
