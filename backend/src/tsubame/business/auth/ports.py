from datetime import datetime
from typing import Protocol

from tsubame.business.audit.ports import AuditLog
from tsubame.business.auth.entities import AccessClaims, ClientInfo, RefreshGrant
from tsubame.business.shared.ids import UserId
from tsubame.business.shared.secret import Secret
from tsubame.business.users.ports import UserRepository


class GrantRepository(Protocol):
    async def add(self, grant: RefreshGrant, client: ClientInfo) -> None: ...

    async def take(self, token_hash: bytes, now: datetime) -> RefreshGrant | None:
        """券を使用済みにし、使う前の姿を返す。

        行を鎖したまま確かめるので、二人が同時に使っても片方だけが未使用を見る。
        """
        ...

    async def find(self, token_hash: bytes) -> RefreshGrant | None: ...

    async def revoke_family(self, family: str, now: datetime) -> None: ...

    async def revoke_all_of(self, user_id: UserId, now: datetime) -> None: ...

    async def delete_expired(self, user_id: UserId, now: datetime) -> None: ...


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
    def grants(self) -> GrantRepository: ...

    @property
    def setup_token(self) -> SetupTokenRepository: ...

    @property
    def audit(self) -> AuditLog: ...


class Passwords(Protocol):
    """argon2id。遅い計算なので、実装は事象の輪を止めないこと。"""

    async def hash(self, password: Secret) -> str: ...

    async def verify(self, password: Secret, password_hash: str | None) -> tuple[bool, str | None]:
        """合うか、と、作り直したハッシュ(今の強さより弱いときだけ)。

        ``password_hash`` が ``None``(利用者がいない)でも同じだけ時間をかけ、名前の有無を悟らせない。

        Raises: UnavailableError(照合が混み合っている)。
        """
        ...


class AccessTokens(Protocol):
    def issue(self, user_id: UserId, now: datetime) -> tuple[str, int]:
        """通行証と、その寿命(秒)。"""
        ...

    def read(self, value: str, now: datetime) -> AccessClaims:
        """Raises: TokenExpiredError, TokenInvalidError。"""
        ...
