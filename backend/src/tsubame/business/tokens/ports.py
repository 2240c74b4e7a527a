from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tsubame.business.audit.ports import AuditLog
from tsubame.business.projects.ports import ProjectRepository
from tsubame.business.shared.ids import ApiTokenId
from tsubame.business.shared.permissions import Permission
from tsubame.business.shared.signals import Signals
from tsubame.business.tokens.entities import ApiToken, TokenOwner
from tsubame.business.users.ports import UserRepository


@dataclass(frozen=True, slots=True)
class NewToken:
    token_hash: bytes
    hint: str
    owner: TokenOwner
    name: str
    scopes: frozenset[Permission]
    created_by_name: str
    expires_at: datetime | None


class TokenRepository(Protocol):
    async def add(self, new: NewToken) -> ApiToken:
        """Raises: NameTakenError(同じ持ち主の、同じ名前)。"""
        ...

    async def of(self, owner: TokenOwner) -> list[ApiToken]:
        """その持ち主のもの。新しい順。期限の過ぎたものも含む。"""
        ...

    async def find_by_hash(self, token_hash: bytes) -> ApiToken | None: ...

    async def used(self, token_id: ApiTokenId, now: datetime, address: str) -> bool:
        """使われたことを書く。この住所からは初めてなら真。"""
        ...

    async def delete(self, token_id: ApiTokenId, owner: TokenOwner) -> ApiToken | None:
        """その持ち主のものでなければ、ないのと同じ。"""
        ...


class TokensTx(Protocol):
    """この部屋の用件が使うリポジトリ。"""

    @property
    def tokens(self) -> TokenRepository: ...

    @property
    def users(self) -> UserRepository: ...

    @property
    def projects(self) -> ProjectRepository: ...

    @property
    def audit(self) -> AuditLog: ...

    @property
    def signals(self) -> Signals: ...
