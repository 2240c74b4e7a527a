from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from tsubame.business.shared.errors import NameTakenError
from tsubame.business.shared.ids import ApiTokenId, ProjectId, UserId
from tsubame.business.shared.permissions import Permission, Role
from tsubame.business.tokens.entities import ApiToken, TokenOwner
from tsubame.business.tokens.ports import NewToken
from tsubame.data_access.db.constraints import translated
from tsubame.data_access.tables.tokens import api_token_addresses, api_tokens

_COLUMNS = tuple(column for column in api_tokens.c if column.name != "token_hash")
_SAME_NAME = "uq_api_tokens_user_id_project_id_name"
_KNOWN = frozenset(Permission)


class SqlTokenRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, new: NewToken) -> ApiToken:
        values = {
            "token_hash": new.token_hash,
            "hint": new.hint,
            "name": new.name,
            "user_id": new.owner.user_id,
            "project_id": new.owner.project_id,
            "role": new.owner.role,
            "scopes": sorted(new.scopes),
            "created_by_name": new.created_by_name,
            "expires_at": new.expires_at,
        }
        with translated({_SAME_NAME: NameTakenError(new.name)}):
            added = await self._connection.execute(insert(api_tokens).values(values).returning(*_COLUMNS))
        return _token(added.one())

    async def of(self, owner: TokenOwner) -> list[ApiToken]:
        query = select(*_COLUMNS).where(_owned_by(owner)).order_by(api_tokens.c.id.desc())
        return [_token(row) for row in await self._connection.execute(query)]

    async def find_by_hash(self, token_hash: bytes) -> ApiToken | None:
        query = select(*_COLUMNS).where(api_tokens.c.token_hash == token_hash)
        row = (await self._connection.execute(query)).one_or_none()
        return None if row is None else _token(row)

    async def used(self, token_id: ApiTokenId, now: datetime, address: str) -> bool:
        # 行がもうなければ(取り消された直後)、住所も書かない
        touched = await self._connection.execute(
            update(api_tokens)
            .where(api_tokens.c.id == token_id)
            .values(last_used_at=now, last_address=address)
        )
        if touched.rowcount == 0:
            return False
        added = await self._connection.execute(
            upsert(api_token_addresses)
            .values(token_id=token_id, address=address, first_used_at=now)
            .on_conflict_do_nothing()
            .returning(api_token_addresses.c.address)
        )
        return added.scalar_one_or_none() is not None

    async def delete(self, token_id: ApiTokenId, owner: TokenOwner) -> ApiToken | None:
        deleted = await self._connection.execute(
            delete(api_tokens).where(api_tokens.c.id == token_id, _owned_by(owner)).returning(*_COLUMNS)
        )
        row = deleted.one_or_none()
        return None if row is None else _token(row)


def _owned_by(owner: TokenOwner) -> ColumnElement[bool]:
    if owner.project_id is not None:
        return api_tokens.c.project_id == owner.project_id
    return api_tokens.c.user_id == owner.user_id


def _token(row: Row[*tuple[Any, ...]]) -> ApiToken:
    return ApiToken(
        id=ApiTokenId(row.id),
        owner=TokenOwner(
            user_id=None if row.user_id is None else UserId(row.user_id),
            project_id=None if row.project_id is None else ProjectId(row.project_id),
            role=None if row.role is None else Role(row.role),
        ),
        name=row.name,
        hint=row.hint,
        # なくなった権限は、許していないのと同じ
        scopes=frozenset(Permission(scope) for scope in row.scopes if scope in _KNOWN),
        created_at=row.created_at,
        created_by_name=row.created_by_name,
        expires_at=row.expires_at,
        last_used_at=row.last_used_at,
        last_address=row.last_address,
    )
