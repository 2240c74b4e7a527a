from collections.abc import Mapping
from datetime import datetime

from pydantic import Field, SecretStr

from tsubame.business.auth.entities import Session
from tsubame.business.shared.ids import ProjectId
from tsubame.business.shared.permissions import Role
from tsubame.business.users.entities import Invitation, Language, Theme, User
from tsubame.presentation.http.api_model import ApiInput, ApiModel


class UserOption(ApiModel):
    """絞り込みの選択肢に使う、利用者の名前。"""

    id: int
    username: str


class UserOptions(ApiModel):
    items: list[UserOption]


class ProjectRoleRead(ApiModel):
    project_id: int
    role: Role


class AccountRead(ApiModel):
    """管理者が見る、人の出入り。"""

    id: int
    username: str
    role: Role | None
    project_roles: list[ProjectRoleRead]
    created_at: datetime
    disabled_at: datetime | None
    last_seen_at: datetime | None
    has_password: bool
    """偽なら、外のログインだけで入る人。"""
    must_change_password: bool
    password_expires_at: datetime | None
    """渡した一度きりのパスワードの期限。自分で選んだパスワードなら ``None``。"""


class AccountList(ApiModel):
    items: list[AccountRead]


class AccountInput(ApiInput):
    username: str = Field(min_length=1, max_length=64)
    role: Role | None
    """どこでも効く役割。null なら、あとからプロジェクトに入れるまで何も見えない。"""


class RoleInput(ApiInput):
    role: Role | None


class HandedRead(ApiModel):
    """作った、またはやり直した人と、渡すパスワード。二度と読めない。"""

    account: AccountRead
    one_time_password: str


class EndedRead(ApiModel):
    ended: int
    """終わらせたログインの数。"""


class ProjectRole(ApiInput):
    project_id: int
    role: Role


class InvitationInput(ApiInput):
    role: Role | None
    project_roles: list[ProjectRole] = Field(default=[], max_length=1000)
    note: str = Field(default="", max_length=100)
    """だれのための物かの覚え書き。招かれた人には見えない。"""
    expires_in_hours: int = Field(default=72, ge=1, le=720)


class InvitationRead(ApiModel):
    id: int
    role: Role | None
    project_roles: list[ProjectRoleRead]
    note: str
    created_at: datetime
    created_by_name: str
    expires_at: datetime


class InvitationList(ApiModel):
    items: list[InvitationRead]


class InvitationMade(ApiModel):
    """作った招待と、渡すリンク。二度と読めない。"""

    invitation: InvitationRead
    path: str
    """この設置の住所に続ける。秘密は ``#`` の後ろにあり、サーバへは送られない。"""


class PreferencesRead(ApiModel):
    """``None`` は、その端末に合わせる。"""

    language: Language | None
    theme: Theme | None
    time_zone: str | None


class PreferencesInput(ApiInput):
    language: Language | None
    theme: Theme | None
    time_zone: str | None = Field(max_length=64)
    """IANA の名前(``Asia/Tokyo``)。"""


class PasswordInput(ApiInput):
    current_password: SecretStr = Field(max_length=1024)
    new_password: SecretStr = Field(max_length=1024)


class SessionRead(ApiModel):
    id: str
    current: bool
    """この要求を送ったログインか。"""
    created_at: datetime
    last_used_at: datetime
    expires_at: datetime
    address: str
    user_agent: str


class SessionList(ApiModel):
    items: list[SessionRead]


def account_read(user: User) -> AccountRead:
    return AccountRead(
        id=user.id,
        username=user.username,
        role=user.role,
        project_roles=project_roles_read(user.project_roles),
        created_at=user.created_at,
        disabled_at=user.disabled_at,
        last_seen_at=user.last_seen_at,
        has_password=user.has_password,
        must_change_password=user.must_change_password,
        password_expires_at=user.password_expires_at,
    )


def invitation_read(invitation: Invitation) -> InvitationRead:
    return InvitationRead(
        id=invitation.id,
        role=invitation.role,
        project_roles=project_roles_read(invitation.project_roles),
        note=invitation.note,
        created_at=invitation.created_at,
        created_by_name=invitation.created_by_name,
        expires_at=invitation.expires_at,
    )


def project_roles_read(roles: Mapping[ProjectId, Role]) -> list[ProjectRoleRead]:
    return [ProjectRoleRead(project_id=project, role=role) for project, role in sorted(roles.items())]


def session_read(session: Session, current: Session) -> SessionRead:
    return SessionRead(
        id=session.id,
        current=session.id == current.id,
        created_at=session.created_at,
        last_used_at=session.last_used_at,
        expires_at=session.expires_at,
        address=session.address,
        user_agent=session.user_agent,
    )
