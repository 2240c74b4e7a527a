from datetime import datetime

from pydantic import Field, SecretStr

from tsubame.business.credentials.entities import CredentialKind
from tsubame.business.shared.ids import DEFAULT_PROJECT
from tsubame.presentation.http.api_model import ApiInput, ApiModel, RowId


class CredentialInput(ApiInput):
    """鍵なら ``private_key``(と ``passphrase``)、パスワードなら ``password`` が要る。

    更新で秘密の項目を省くと、今の値のまま。
    """

    name: str = Field(min_length=1, max_length=100)
    kind: CredentialKind
    private_key: SecretStr | None = Field(default=None, max_length=65536)
    passphrase: SecretStr | None = Field(default=None, max_length=1024)
    password: SecretStr | None = Field(default=None, max_length=1024)


class CredentialCreate(CredentialInput):
    project_id: RowId = DEFAULT_PROJECT
    """置くプロジェクト。あとからは変えられない。"""


class GenerateKeyInput(ApiInput):
    project_id: RowId = DEFAULT_PROJECT
    name: str = Field(min_length=1, max_length=100)


class CredentialRead(ApiModel):
    id: int
    project_id: int
    name: str
    kind: CredentialKind
    algorithm: str | None
    fingerprint: str | None
    authorized_keys_line: str | None
    has_passphrase: bool
    server_count: int
    created_at: datetime
    updated_at: datetime
    version: int


class CredentialPage(ApiModel):
    items: list[CredentialRead]
    next_cursor: str | None
