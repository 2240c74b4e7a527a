from datetime import datetime

from pydantic import Field, SecretStr

from tsubame.business.shared.permissions import Permission, Role
from tsubame.presentation.http.api_model import ApiInput, ApiModel
from tsubame.presentation.http.schemas.users import PreferencesRead


class SetupState(ApiModel):
    """初回の設定が要るか。ログイン前に読める、ただ一つの事実。"""

    needed: bool
    practice_available: bool
    """練習用のサーバを一緒に用意できるか。"""


class SetupInput(ApiInput):
    token: str = Field(min_length=1, max_length=200)
    username: str = Field(min_length=1, max_length=64)
    password: SecretStr = Field(max_length=1024)
    practice: bool = False
    """練習用のサーバと見本のジョブを一緒に作る。"""


class LoginInput(ApiInput):
    username: str = Field(min_length=1, max_length=64)
    password: SecretStr = Field(max_length=1024)


class AccessTokenRead(ApiModel):
    access_token: str
    token_type: str
    expires_in: int
    """秒。"""


class ProjectAccess(ApiModel):
    """プロジェクトの一員としての役割と、そこでできること(どこでも効く役割の分も入れて)。"""

    id: int
    role: Role
    permissions: list[Permission]


class UserRead(ApiModel):
    id: int
    username: str
    role: Role | None
    """どこでも効く役割。null なら、``projects`` に並ぶプロジェクトだけに入れる。"""
    created_at: datetime
    has_password: bool
    """偽なら、外のログインだけで入る人。"""
    must_change_password: bool
    """真のあいだは、パスワードを替えることしかできない。"""
    preferences: PreferencesRead
    permissions: list[Permission]
    """どこでもできること。画面が、できない操作を見せないために使う。決めるのは業務層。"""
    projects: list[ProjectAccess]


class InvitationTokenInput(ApiInput):
    """リンクの値。URL に載せると記録に残るので、本文で送る。"""

    token: str = Field(min_length=1, max_length=200)


class InvitationLook(ApiModel):
    """リンクを開いた人に見せる、招待の中身。"""

    role: Role | None
    """どこでも効く役割。null なら、決められたプロジェクトだけに入れる。"""
    invited_by: str
    expires_at: datetime


class JoinInput(ApiInput):
    token: str = Field(min_length=1, max_length=200)
    username: str = Field(min_length=1, max_length=64)
    password: SecretStr = Field(max_length=1024)
