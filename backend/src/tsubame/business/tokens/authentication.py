"""トークンから操作の主体を決める。"""

from datetime import timedelta
from typing import Final

from tsubame.business.shared.actor import Actor
from tsubame.business.shared.clock import Clock
from tsubame.business.shared.transactions import Transactions
from tsubame.business.tokens.entities import ApiToken
from tsubame.business.tokens.errors import ApiTokenExpiredError, ApiTokenInvalidError, ApiTokenPausedError
from tsubame.business.tokens.events import about_token
from tsubame.business.tokens.ports import TokensTx
from tsubame.business.tokens.values import hash_of, is_well_formed
from tsubame.business.users.entities import User

_SEEN_EVERY: Final = timedelta(minutes=1)


class TokenAuthenticator:
    def __init__(self, transactions: Transactions[TokensTx], clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

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
        fresh = token.last_used_at is not None and now - token.last_used_at < _SEEN_EVERY
        if not fresh or token.last_address != address:
            await self._note_use(token, actor)
        return actor

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
