"""トークンから操作の主体を決める。"""

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Final

from tsubame.business.shared.actor import Actor
from tsubame.business.shared.clock import Clock
from tsubame.business.shared.ids import ApiTokenId
from tsubame.business.shared.transactions import Transactions
from tsubame.business.tokens.entities import ApiToken
from tsubame.business.tokens.errors import ApiTokenExpiredError, ApiTokenInvalidError, ApiTokenPausedError
from tsubame.business.tokens.events import about_token
from tsubame.business.tokens.ports import TokensTx
from tsubame.business.tokens.values import hash_of, is_well_formed
from tsubame.business.users.entities import User

_SEEN_EVERY: Final = timedelta(minutes=1)
_MOST_PLACES: Final = 1_000


class TokenAuthenticator:
    def __init__(self, transactions: Transactions[TokensTx], clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock
        self._noted: OrderedDict[tuple[ApiTokenId, str], datetime] = OrderedDict()

    async def actor_from(self, value: str, address: str) -> Actor:
        """トークンの持ち主の役割と、トークンに許した権限の、両方に収まる主体。

        Raises: ApiTokenInvalidError, ApiTokenExpiredError, ApiTokenPausedError。
        """
        if not is_well_formed(value):
            raise ApiTokenInvalidError
        now = self._clock.now()
        async with self._transactions.look() as tx:
            token = await tx.tokens.find_by_hash(hash_of(value))
            if token is None:
                raise ApiTokenInvalidError
            owner = None if token.owner.user_id is None else await tx.users.find(token.owner.user_id)
        if token.expires_at is not None and token.expires_at <= now:
            raise ApiTokenExpiredError
        actor = _actor(token, owner, address)
        if self._is_news(token, address, now):
            await self._note_use(token, actor)
        return actor

    def _is_news(self, token: ApiToken, address: str, now: datetime) -> bool:
        """使われたことを書くか。二つの所から代わる代わる使われても、所ごとに一分に一度。"""
        used = token.last_used_at
        if used is not None and now - used < _SEEN_EVERY and token.last_address == address:
            return False
        noted = self._noted.get((token.id, address))
        if noted is not None and now - noted < _SEEN_EVERY:
            return False
        self._noted[token.id, address] = now
        self._noted.move_to_end((token.id, address))
        if len(self._noted) > _MOST_PLACES:
            self._noted.popitem(last=False)
        return True

    async def _note_use(self, token: ApiToken, actor: Actor) -> None:
        async with self._transactions.begin() as tx:
            if await tx.tokens.used(token.id, self._clock.now(), actor.address):
                await tx.audit.record(about_token(actor, "token.used_from_new_address", token))


def _actor(token: ApiToken, user: User | None, address: str) -> Actor:
    """Raises: ApiTokenInvalidError, ApiTokenPausedError。"""
    owner = token.owner
    if owner.project_id is not None and owner.role is not None:
        return Actor(
            user_id=None,
            name=token.name,
            role=None,
            project_roles={owner.project_id: owner.role},
            scope=token.scopes,
            address=address,
            token=token.name,
        )
    if user is None or user.disabled_at is not None:
        raise ApiTokenInvalidError
    if user.must_change_password:
        raise ApiTokenPausedError
    return Actor(
        user_id=user.id,
        name=f"{user.username} (token {token.name})",
        role=user.role,
        project_roles=user.project_roles,
        scope=token.scopes,
        address=address,
        token=token.name,
    )
