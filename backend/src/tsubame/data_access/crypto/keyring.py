"""鍵の束: どの鍵が、どの暗号文を開くか。"""

import base64
import hashlib
from collections.abc import Sequence
from typing import Final

from tsubame.business.shared.vault import Place, VaultError
from tsubame.data_access.crypto.vault import FernetVault

# 鍵は 256 ビットの乱数なので、指紋から鍵は分からない
_LABEL: Final = b"tsubame key fingerprint v1\n"


def fingerprint(key: str) -> str:
    """鍵を人が見分けるための、十六桁。"""
    return hashlib.sha256(_LABEL + base64.urlsafe_b64decode(key)).hexdigest()[:16]


class Keyring:
    """先頭の鍵で閉じ、どれでも開ける。"""

    def __init__(self, keys: Sequence[str]) -> None:
        self.fingerprints = tuple(fingerprint(key) for key in keys)
        self._vaults = [FernetVault([key]) for key in keys]

    def opener(self, sealed: str, place: Place) -> int | None:
        """開ける鍵の番号(先頭が 0)。どれでも開かなければ ``None``。"""
        for number, vault in enumerate(self._vaults):
            try:
                vault.open(sealed, place)
            except VaultError:
                continue
            return number
        return None

    def reseal(self, sealed: str, place: Place, opener: int) -> str:
        """``opener`` の鍵で開き、先頭の鍵で閉じ直す。"""
        return self._vaults[0].seal(self._vaults[opener].open(sealed, place), place)
