"""値を、しまう形にする。暗号文は置き場所に結びつき、よその行へ写すと開かない。"""

from tsubame.business.shared.ids import VariableId
from tsubame.business.shared.vault import Place, Vault
from tsubame.business.variables.entities import Content, VariableKind
from tsubame.business.variables.masks import is_maskable
from tsubame.business.variables.ports import StoredVariable, ValueColumns


def columns_of(vault: Vault, variable_id: VariableId, kind: VariableKind, content: Content) -> ValueColumns:
    if not kind.is_secret:
        return ValueColumns(content.text(), None, maskable=True)
    sealed = vault.seal(content.raw, _place(variable_id))
    return ValueColumns(None, sealed, is_maskable(content.raw))


def content_of(vault: Vault, stored: StoredVariable) -> Content | None:
    """しまってある値。実行が終わって消えた秘密なら ``None``。

    Raises: VaultError。
    """
    if not stored.kind.is_secret:
        return Content((stored.value or "").encode())
    return None if stored.sealed is None else Content(vault.open(stored.sealed, _place(stored.id)))


def _place(variable_id: VariableId) -> Place:
    return Place(table="variables", column="sealed", row=variable_id)
