from datetime import datetime

from pydantic import Base64Bytes, Field, SecretStr

from tsubame.business.variables.entities import VariableKind, VariableScope
from tsubame.presentation.http.api_model import ApiInput, ApiModel, RowId


class VariableInput(ApiInput):
    """``plain`` と ``secret`` は ``value``、``file`` は ``file_base64`` に値を入れる。

    更新で値を省くと、今の値のまま。秘密の値は、どの道でも返さない。
    """

    name: str = Field(min_length=1, max_length=255)
    kind: VariableKind
    value: SecretStr | None = Field(default=None, max_length=131_072)
    file_base64: Base64Bytes | None = Field(default=None, max_length=90_000, repr=False)


class NewVariableInput(VariableInput):
    """``owner_id`` は、プロジェクト・サーバ・ジョブの番号。``global`` では省く。"""

    scope: VariableScope
    owner_id: RowId | None = None


class VariableRead(ApiModel):
    id: int
    scope: VariableScope
    owner_id: int | None
    name: str
    kind: VariableKind
    value: str | None
    has_value: bool
    maskable: bool
    updated_by_name: str
    created_at: datetime
    updated_at: datetime
    version: int


class VariableList(ApiModel):
    items: list[VariableRead]


class EnvironmentEntryRead(ApiModel):
    """``overridden_by`` があれば、もっと強い所に同じ名前があり、効かない。"""

    name: str
    kind: VariableKind
    scope: VariableScope
    value: str | None
    maskable: bool
    overridden_by: VariableScope | None


class EnvironmentRead(ApiModel):
    """名前の順、同じ名前では強い順。"""

    items: list[EnvironmentEntryRead]
