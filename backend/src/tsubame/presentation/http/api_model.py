"""API の型の根。"""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from tsubame.business.shared.validation import MAX_ROW_ID


class ApiModel(BaseModel):
    """応答の型。既定値を持たせない(持たせると、画面の型で「無いかもしれない」になる)。"""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class ApiInput(BaseModel):
    """入力の型。知らない項目は誤りとして返す。綴りの間違いが黙って捨てられないように。"""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=False)


def _fits_a_row(value: int) -> int:
    if not 0 < value <= MAX_ROW_ID:
        raise ValueError("this is not the number of anything")
    return value


RowId = Annotated[int, AfterValidator(_fits_a_row)]
"""実体の番号。bigint に入らない数を、データベースへ渡す前に断る。"""
