"""暗号文の列の名簿。"""

from tsubame.data_access.crypto.sealed_columns import SEALED_COLUMNS
from tsubame.data_access.tables.all import metadata

HOW = (
    "暗号文の列は data_access/crypto/sealed_columns.py の SEALED_COLUMNS に一行を足すこと。"
    "足さないと、鍵の入れ替えがその列を飛ばし、古い鍵を外したときに開けなくなる。"
)


def test_every_sealed_column_is_registered() -> None:
    """名前が sealed か …_sealed の列は、全部が名簿にある。"""
    named = {
        str(column)
        for table in metadata.tables.values()
        for column in table.columns
        if column.name == "sealed" or column.name.endswith("_sealed")
    }
    assert named == {str(sealed.column) for sealed in SEALED_COLUMNS}, HOW


def test_rows_are_named_by_their_primary_key() -> None:
    """暗号文の置き場所の番号は、その表の主キー。ほかの行へ写すと開かないように。"""
    for sealed in SEALED_COLUMNS:
        assert sealed.row.table is sealed.column.table, sealed.column
        assert list(sealed.row.table.primary_key) == [sealed.row], sealed.column
