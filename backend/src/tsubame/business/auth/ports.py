from datetime import datetime
from typing import Protocol

from tsubame.business.audit.ports import AuditLog
from tsubame.business.auth.entities import AccessClaims, ClientInfo, RefreshGrant, Session
from tsubame.business.shared.ids import SessionId, UserId
from tsubame.business.shared.signals import Signals
from tsubame.business.users.attempts import AttemptRepository
from tsubame.business.users.entities import User
from tsubame.business.users.ports import InvitationRepository, UserRepository


class SessionRepository(Protocol):
    async def add(self, session: Session) -> None: ...

    async def find(self, session_id: SessionId) -> Session | None: ...

    async def with_user(self, session_id: SessionId, user_id: UserId) -> tuple[User, Session | None] | None:
        """利用者と、その利用者のこのログインを、一度に読む。利用者がいなければ ``None``。"""
        ...

    async def alive_of(self, user_id: UserId, now: datetime) -> list[Session]:
        """使えるログイン。最後に使った順。"""
        ...

    async def seen(self, session_id: SessionId, now: datetime, address: str) -> None:
        """使われたことを、ログインと利用者に書く。"""
        ...

    async def prolong(
        self, session_id: SessionId, until: datetime, now: datetime, client: ClientInfo
    ) -> None:
        """更新された。期限が延びる。"""
        ...

    async def end(self, session_id: SessionId, now: datetime) -> bool:
        """終わらせる。もう終わっていれば ``False``。"""
        ...

    async def end_all_of(self, user_id: UserId, now: datetime, keep: SessionId | None = None) -> int: ...

    async def end_unvouched_of(self, user_id: UserId, now: datetime) -> None:
        """二段階を提供者に任せたものだけを残す。"""
        ...

    async def delete_dead(self, user_id: UserId, before: datetime) -> None:
        """``before`` より前に、終わったか切れたものを消す。更新券も一緒に消える。"""
        ...


class GrantRepository(Protocol):
    async def add(self, grant: RefreshGrant) -> None: ...

    async def take(self, token_hash: bytes, now: datetime) -> RefreshGrant | None:
        """券を使用済みにし、使う前の姿を返す。

        行を鎖したまま確かめるので、二人が同時に使っても片方だけが未使用を見る。
        """
        ...

    async def find(self, token_hash: bytes) -> RefreshGrant | None: ...


class SetupTokenRepository(Protocol):
    async def replace(self, token_hash: bytes) -> None: ...

    async def current(self) -> bytes | None:
        """今の合言葉のハッシュ。同時に二人が設定しないよう、行を鎖して読む。"""
        ...

    async def clear(self) -> None: ...


class AuthTx(Protocol):
    """この部屋の用件が使うリポジトリ。"""

    @property
    def users(self) -> UserRepository: ...

    @property
    def sessions(self) -> SessionRepository: ...

    @property
    def invitations(self) -> InvitationRepository: ...

    @property
    def attempts(self) -> AttemptRepository: ...

    @property
    def grants(self) -> GrantRepository: ...

    @property
    def setup_token(self) -> SetupTokenRepository: ...

    @property
    def audit(self) -> AuditLog: ...

    @property
    def signals(self) -> Signals: ...


class DeviceMarks(Protocol):
    """「前に入った端末」の印。"""

    def issue(self, user_id: UserId) -> str: ...

    def is_of(self, mark: str, user_id: UserId) -> bool:
        """その人のための、こちらが付けた印か。"""
        ...


class AccessTokens(Protocol):
    def issue(self, user_id: UserId, session_id: SessionId, now: datetime) -> tuple[str, int]:
        """通行証と、その寿命(秒)。"""
        ...

    def read(self, value: str, now: datetime) -> AccessClaims:
        """Raises: TokenExpiredError, TokenInvalidError。"""
        ...
