"""トークンを作り、並べ、取り消す。トークンでは、どれもできない。"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from tsubame.business.shared.actor import Actor
from tsubame.business.shared.clock import Clock
from tsubame.business.shared.ids import ApiTokenId, ProjectId
from tsubame.business.shared.permissions import Permission, Role
from tsubame.business.shared.secret import Secret
from tsubame.business.shared.signals import SignalKind
from tsubame.business.shared.transactions import Transactions
from tsubame.business.shared.validation import FieldErrors, checked_line
from tsubame.business.tokens.entities import ApiToken, TokenDraft, TokenOwner
from tsubame.business.tokens.errors import ApiTokenNotFoundError, TooManyTokensError
from tsubame.business.tokens.events import about_token
from tsubame.business.tokens.ports import NewToken, TokensTx
from tsubame.business.tokens.values import hash_of, hint_of, new_value
from tsubame.business.users.people import require_person

MOST: Final = 100
LONGEST_DAYS: Final = 3650


@dataclass(frozen=True, slots=True)
class MadeToken:
    """作ったトークンと、一度だけ見せる値。"""

    token: ApiToken
    value: Secret


class TokenService:
    def __init__(self, transactions: Transactions[TokensTx], clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def mine(self, actor: Actor) -> list[ApiToken]:
        """自分のもの。新しい順。"""
        owner = _self(actor)
        async with self._transactions.look() as tx:
            return await tx.tokens.of(owner)

    async def create_mine(self, actor: Actor, draft: TokenDraft) -> MadeToken:
        """Raises: InvalidInputError, NameTakenError, TooManyTokensError。"""
        owner = _self(actor)
        async with self._transactions.begin() as tx:
            return await self._create(tx, actor, owner, draft)

    async def delete_mine(self, actor: Actor, token_id: ApiTokenId) -> None:
        """Raises: ApiTokenNotFoundError。"""
        owner = _self(actor)
        async with self._transactions.begin() as tx:
            await self._delete(tx, actor, owner, token_id)

    async def of_project(self, actor: Actor, project_id: ProjectId) -> list[ApiToken]:
        """Raises: ProjectNotFoundError。"""
        async with self._transactions.look() as tx:
            await _require_project(tx, actor, project_id)
            return await tx.tokens.of(TokenOwner(project_id=project_id))

    async def create_in_project(
        self, actor: Actor, project_id: ProjectId, role: Role, draft: TokenDraft
    ) -> MadeToken:
        """プロジェクトのトークン。人がいなくなっても働き続ける。

        Raises: ProjectNotFoundError, InvalidInputError, NameTakenError, TooManyTokensError。
        """
        async with self._transactions.begin() as tx:
            await _require_project(tx, actor, project_id)
            owner = TokenOwner(project_id=project_id, role=role)
            return await self._create(tx, actor, owner, draft)

    async def delete_in_project(self, actor: Actor, project_id: ProjectId, token_id: ApiTokenId) -> None:
        """Raises: ProjectNotFoundError, ApiTokenNotFoundError。"""
        async with self._transactions.begin() as tx:
            await _require_project(tx, actor, project_id)
            await self._delete(tx, actor, TokenOwner(project_id=project_id), token_id)

    async def _create(self, tx: TokensTx, actor: Actor, owner: TokenOwner, draft: TokenDraft) -> MadeToken:
        name = _checked_name(draft)
        if len(await tx.tokens.of(owner)) >= MOST:
            raise TooManyTokensError(MOST)
        value, days = new_value(), draft.lifetime_days
        new = NewToken(
            token_hash=hash_of(value.reveal()),
            hint=hint_of(value),
            owner=owner,
            name=name,
            scopes=draft.scopes,
            created_by_name=actor.name,
            expires_at=None if days is None else self._clock.now() + timedelta(days=days),
        )
        token = await tx.tokens.add(new)
        details = {
            "scopes": sorted(token.scopes),
            "expires_at": None if token.expires_at is None else token.expires_at.isoformat(),
        }
        await tx.audit.record(about_token(actor, "token.created", token, details))
        return MadeToken(token, value)

    async def _delete(self, tx: TokensTx, actor: Actor, owner: TokenOwner, token_id: ApiTokenId) -> None:
        token = await tx.tokens.delete(token_id, owner)
        if token is None:
            raise ApiTokenNotFoundError
        await tx.audit.record(about_token(actor, "token.revoked", token))
        await tx.signals.send(SignalKind.TOKEN, [token.id])


def _self(actor: Actor) -> TokenOwner:
    """Raises: PersonNeededError。"""
    return TokenOwner(user_id=require_person(actor))


async def _require_project(tx: TokensTx, actor: Actor, project_id: ProjectId) -> None:
    """そのプロジェクトの管理者に限る。Raises: PersonNeededError, ProjectNotFoundError。"""
    await tx.projects.get(project_id, actor.sight)
    actor.require(Permission.PROJECT_WRITE, project_id)
    require_person(actor)


def _checked_name(draft: TokenDraft) -> str:
    """Raises: InvalidInputError。"""
    errors = FieldErrors()
    name = checked_line("name", draft.name, errors)
    if not draft.scopes:
        errors.add("scopes", "required", "Choose at least one permission.")
    if draft.lifetime_days is not None and not 1 <= draft.lifetime_days <= LONGEST_DAYS:
        errors.add("lifetime_days", "out_of_range", f"A token lasts from 1 to {LONGEST_DAYS} days.")
    errors.raise_if_any()
    return name
