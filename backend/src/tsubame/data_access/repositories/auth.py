"""更新券と、初回の設定の合言葉。どちらもハッシュだけを持つ。"""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Row, delete, insert, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from tsubame.business.auth.entities import RefreshGrant
from tsubame.business.shared.ids import SessionId
from tsubame.data_access.tables.users import refresh_grants, setup_token

_COLUMNS = (
    refresh_grants.c.token_hash,
    refresh_grants.c.session_id,
    refresh_grants.c.expires_at,
    refresh_grants.c.used_at,
)
_ONLY_ROW: Final = 1


class SqlGrantRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, grant: RefreshGrant) -> None:
        await self._connection.execute(
            insert(refresh_grants).values(
                token_hash=grant.token_hash, session_id=grant.session_id, expires_at=grant.expires_at
            )
        )

    async def take(self, token_hash: bytes, now: datetime) -> RefreshGrant | None:
        query = select(*_COLUMNS).where(refresh_grants.c.token_hash == token_hash).with_for_update()
        row = (await self._connection.execute(query)).one_or_none()
        if row is None:
            return None
        await self._connection.execute(
            update(refresh_grants)
            .where(refresh_grants.c.token_hash == token_hash, refresh_grants.c.used_at.is_(None))
            .values(used_at=now)
        )
        return _grant(row)

    async def find(self, token_hash: bytes) -> RefreshGrant | None:
        query = select(*_COLUMNS).where(refresh_grants.c.token_hash == token_hash)
        row = (await self._connection.execute(query)).one_or_none()
        return None if row is None else _grant(row)


class SqlSetupTokenRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def replace(self, token_hash: bytes) -> None:
        await self._connection.execute(
            upsert(setup_token)
            .values(id=_ONLY_ROW, token_hash=token_hash)
            .on_conflict_do_update(index_elements=["id"], set_={"token_hash": token_hash})
        )

    async def current(self) -> bytes | None:
        row = await self._connection.execute(select(setup_token.c.token_hash).with_for_update())
        value = row.scalar_one_or_none()
        return None if value is None else bytes(value)

    async def clear(self) -> None:
        await self._connection.execute(delete(setup_token))


def _grant(row: Row[*tuple[Any, ...]]) -> RefreshGrant:
    return RefreshGrant(
        token_hash=bytes(row.token_hash),
        session_id=SessionId(row.session_id),
        expires_at=row.expires_at,
        used_at=row.used_at,
    )
