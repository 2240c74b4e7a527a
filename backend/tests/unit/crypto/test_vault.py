"""金庫。"""

from dataclasses import replace

import pytest

from tsubame.business.shared.vault import Place, VaultError
from tsubame.data_access.crypto.vault import FernetVault
from tsubame.entrypoints.data_directory import new_encryption_key

PLACE = Place(table="credentials", column="sealed", row=5)
OLD, NEW = new_encryption_key(), new_encryption_key()


@pytest.mark.parametrize("plain", [b"", b"secret", b"a\nb\n", bytes(range(256))])
def test_round_trip(plain: bytes) -> None:
    """しまったバイト列は、改行を含んでもそのまま戻る。"""
    vault = FernetVault([OLD])
    sealed = vault.seal(plain, PLACE)
    assert plain not in sealed.encode() or not plain
    assert vault.open(sealed, PLACE) == plain


@pytest.mark.parametrize("changes", [{"table": "servers"}, {"column": "name"}, {"row": 6}])
def test_bound_to_its_place(changes: dict[str, object]) -> None:
    """表・列・行のどれか一つでも違う場所では開かない。"""
    vault = FernetVault([OLD])
    sealed = vault.seal(b"secret", PLACE)
    with pytest.raises(VaultError):
        vault.open(sealed, replace(PLACE, **changes))  # type: ignore[arg-type]  # 欄ごとに型が違う


def test_rotation() -> None:
    """鍵を先頭に足すと、前の鍵の物も読め、新しい物は新しい鍵だけで開く。"""
    before = FernetVault([OLD]).seal(b"secret", PLACE)
    rotated = FernetVault([NEW, OLD])
    assert rotated.open(before, PLACE) == b"secret"
    assert FernetVault([NEW]).open(rotated.seal(b"secret", PLACE), PLACE) == b"secret"
    with pytest.raises(VaultError):
        FernetVault([NEW]).open(before, PLACE)


def test_damaged() -> None:
    """一字でも変わった物は開かない。"""
    vault = FernetVault([OLD])
    sealed = vault.seal(b"secret", PLACE)
    with pytest.raises(VaultError):
        vault.open(sealed[:-3] + "AA=", PLACE)
