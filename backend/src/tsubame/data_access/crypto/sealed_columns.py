"""暗号文をしまう列の名簿。鍵の入れ替えと点検は、ここに並ぶ列の全部を回る。

列を足すには、表の列の名前を ``sealed`` か ``…_sealed`` にし、ここに一行を足す。足し忘れると
``tests/unit/crypto/test_sealed_columns.py`` が落ちる。暗号文は ``Place(表, 列, row の値)`` で閉じること。
"""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, func, select

from tsubame.business.shared.vault import Place
from tsubame.data_access.tables.credentials import credentials
from tsubame.data_access.tables.identity_providers import identity_providers
from tsubame.data_access.tables.second_factor import second_factors
from tsubame.data_access.tables.users import users
from tsubame.data_access.tables.variables import target_secrets, variables


@dataclass(frozen=True, slots=True)
class SealedColumn:
    """暗号文の列。

    Attributes:
        column: 暗号文。``NULL`` の行は、何もしまっていない。
        row: ``Place.row`` にした番号の列。表の主キーであること。
        noun: 人に見せる種類(英語)。
        label: 人が見分ける名前。
    """

    column: Column[Any]
    row: Column[int]
    noun: str
    label: ColumnElement[str]

    def place(self, row: int) -> Place:
        return Place(self.column.table.name, self.column.name, row)


_HOLDER: Final = (
    select(users.c.username).where(users.c.id == second_factors.c.user_id).correlate(second_factors)
).scalar_subquery()
SEALED_COLUMNS: Final = (
    SealedColumn(credentials.c.sealed, credentials.c.id, "credential", credentials.c.name),
    SealedColumn(
        identity_providers.c.client_secret_sealed,
        identity_providers.c.id,
        "client secret of the identity provider",
        identity_providers.c.name,
    ),
    SealedColumn(second_factors.c.sealed, second_factors.c.user_id, "two-factor secret of", _HOLDER),
    SealedColumn(second_factors.c.pending_sealed, second_factors.c.user_id, "two-factor set-up of", _HOLDER),
    SealedColumn(variables.c.sealed, variables.c.id, "secret", variables.c.name),
    SealedColumn(
        target_secrets.c.sealed,
        target_secrets.c.target_id,
        "secrets of a run",
        func.concat("target ", target_secrets.c.target_id),
    ),
)
