"""API の型の根。"""

from pydantic import BaseModel, ConfigDict


class ApiModel(BaseModel):
    """応答の型。既定値を持たせない(持たせると、画面の型で「無いかもしれない」になる)。"""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class ApiInput(BaseModel):
    """入力の型。知らない項目は誤りとして返す。綴りの間違いが黙って捨てられないように。"""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=False)
