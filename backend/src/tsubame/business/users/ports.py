from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from tsubame.business.audit.ports import AuditLog
from tsubame.business.shared.ids import InvitationId, ProjectId, SessionId, UserId
from tsubame.business.shared.permissions import Role
from tsubame.business.shared.secret import Secret
from tsubame.business.shared.signals import Signals
from tsubame.business.users.attempts import AttemptRepository
from tsubame.business.users.entities import Invitation, Preferences, StoredPassword, User


@dataclass(frozen=True, slots=True)
class NewUser:
    username: str
    password_hash: str | None
    """``None`` なら、パスワードでは入れない(外のログインだけ)。"""
    role: Role | None
    must_change_password: bool = False
    password_expires_at: datetime | None = None
    project_roles: Mapping[ProjectId, Role] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewInvitation:
    token_hash: bytes
    role: Role | None
    project_roles: Mapping[ProjectId, Role]
    note: str
    created_by: UserId | None
    created_by_name: str
    expires_at: datetime


class UserRepository(Protocol):
    async def add(self, new: NewUser) -> User:
        """加える。もうないプロジェクトの役割は、入れない。

        Raises:
            NameTakenError: 大文字小文字を区別せずに同じ名前がある。
        """
        ...

    async def find(self, user_id: UserId) -> User | None: ...

    async def find_locked(self, user_id: UserId) -> User | None:
        """行を鎖して読む。見てから変えるまでに、ほかの人が変えないように。"""
        ...

    async def everyone(self) -> list[User]:
        """名前の順。"""
        ...

    async def any_exists(self) -> bool: ...

    async def working_admins(self) -> Sequence[UserId]:
        """止められていない管理者。同時に二人が互いを外せないよう、行を鎖して読む。"""
        ...

    async def find_for_login(self, username: str) -> tuple[User, str | None] | None:
        """利用者とパスワードのハッシュ(なければ ``None``)。名前は大文字小文字を区別しない。"""
        ...

    async def password_hash_of(self, user_id: UserId) -> str | None: ...

    async def replace_password_hash(self, user_id: UserId, password_hash: str) -> None: ...

    async def set_password(self, user_id: UserId, password: StoredPassword) -> None: ...

    async def demand_new_password(self, user_id: UserId) -> None: ...

    async def set_role(self, user_id: UserId, role: Role | None) -> None: ...

    async def set_disabled_at(self, user_id: UserId, at: datetime | None) -> None: ...

    async def set_preferences(self, user_id: UserId, preferences: Preferences) -> None: ...

    async def delete(self, user_id: UserId) -> None:
        """消す。実行と監査記録には、名前が残る。"""
        ...


class InvitationRepository(Protocol):
    async def add(self, new: NewInvitation) -> Invitation: ...

    async def everyone(self) -> list[Invitation]:
        """新しい順。期限の過ぎたものも含む。"""
        ...

    async def find_by_token(self, token_hash: bytes) -> Invitation | None: ...

    async def take(self, token_hash: bytes, now: datetime) -> Invitation | None:
        """期限の内なら消して返す。二人が同時に使っても、片方だけが受け取る。"""
        ...

    async def delete(self, invitation_id: InvitationId) -> Invitation | None: ...

    async def delete_made_by(self, user_id: UserId) -> None: ...

    async def delete_expired(self, before: datetime) -> None: ...


class SessionEnder(Protocol):
    """その人のログインを終わらせる口。満たすのは、上の部屋(auth)の置き場。"""

    async def end_all_of(self, user_id: UserId, now: datetime, keep: SessionId | None = None) -> int:
        """終わらせた数。``keep`` は残す。"""
        ...


class UsersTx(Protocol):
    """この部屋の用件が使うリポジトリ。"""

    @property
    def users(self) -> UserRepository: ...

    @property
    def invitations(self) -> InvitationRepository: ...

    @property
    def attempts(self) -> AttemptRepository: ...

    @property
    def sessions(self) -> SessionEnder: ...

    @property
    def audit(self) -> AuditLog: ...

    @property
    def signals(self) -> Signals: ...


class Passwords(Protocol):
    """argon2id。遅い計算なので、実装は事象の輪を止めないこと。"""

    async def hash(self, password: Secret) -> str: ...

    async def verify(self, password: Secret, password_hash: str | None) -> tuple[bool, str | None]:
        """合うか、と、作り直したハッシュ(今の強さより弱いときだけ)。

        ``password_hash`` が ``None``(利用者がいない)でも同じだけ時間をかけ、名前の有無を悟らせない。

        Raises: UnavailableError(照合が混み合っている)。
        """
        ...
