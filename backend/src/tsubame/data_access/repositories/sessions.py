from datetime import datetime

from sqlalchemy import RowMapping, and_, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tsubame.business.auth.entities import ClientInfo, Session
from tsubame.business.shared.ids import SessionId, UserId
from tsubame.business.users.entities import User
from tsubame.data_access.repositories.users import USER_COLUMNS, user_of
from tsubame.data_access.tables.users import sessions, users


class SqlSessionRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, session: Session) -> None:
        await self._connection.execute(
            insert(sessions).values(
                id=session.id,
                user_id=session.user_id,
                created_at=session.created_at,
                last_used_at=session.last_used_at,
                expires_at=session.expires_at,
                client_address=session.address,
                user_agent=session.user_agent,
                vouched=session.vouched,
            )
        )

    async def find(self, session_id: SessionId) -> Session | None:
        query = select(sessions).where(sessions.c.id == session_id)
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return None if row is None else _session(row)

    async def with_user(self, session_id: SessionId, user_id: UserId) -> tuple[User, Session | None] | None:
        query = (
            select(*USER_COLUMNS, *sessions.c)
            .outerjoin_from(
                users, sessions, and_(sessions.c.user_id == users.c.id, sessions.c.id == session_id)
            )
            .where(users.c.id == user_id)
        )
        row = (await self._connection.execute(query)).mappings().one_or_none()
        if row is None:
            return None
        return user_of(row), None if row[sessions.c.id] is None else _session(row)

    async def alive_of(self, user_id: UserId, now: datetime) -> list[Session]:
        query = (
            select(sessions)
            .where(sessions.c.user_id == user_id, sessions.c.ended_at.is_(None), sessions.c.expires_at > now)
            .order_by(sessions.c.last_used_at.desc(), sessions.c.id)
        )
        return [_session(row) for row in (await self._connection.execute(query)).mappings()]

    async def seen(self, session_id: SessionId, now: datetime, address: str) -> None:
        used = (
            update(sessions)
            .where(sessions.c.id == session_id)
            .values(last_used_at=now, client_address=address)
            .returning(sessions.c.user_id)
            .cte("used")
        )
        # 二台の web の時計がずれていても、戻さない
        await self._connection.execute(
            update(users)
            .where(users.c.id == used.c.user_id)
            .values(last_seen_at=func.greatest(users.c.last_seen_at, now))
        )

    async def prolong(
        self, session_id: SessionId, until: datetime, now: datetime, client: ClientInfo
    ) -> None:
        await self._connection.execute(
            update(sessions)
            .where(sessions.c.id == session_id)
            .values(
                expires_at=until,
                last_used_at=now,
                client_address=client.address,
                user_agent=client.user_agent,
            )
        )

    async def end(self, session_id: SessionId, now: datetime) -> bool:
        ended = await self._connection.execute(
            update(sessions)
            .where(sessions.c.id == session_id, sessions.c.ended_at.is_(None))
            .values(ended_at=now)
        )
        return ended.rowcount > 0

    async def end_all_of(self, user_id: UserId, now: datetime, keep: SessionId | None = None) -> int:
        ended = await self._connection.execute(
            update(sessions)
            .where(
                sessions.c.user_id == user_id,
                sessions.c.ended_at.is_(None),
                sessions.c.expires_at > now,
                sessions.c.id.is_distinct_from(keep),
            )
            .values(ended_at=now)
        )
        return ended.rowcount

    async def end_unvouched_of(self, user_id: UserId, now: datetime) -> None:
        await self._connection.execute(
            update(sessions)
            .where(
                sessions.c.user_id == user_id,
                sessions.c.ended_at.is_(None),
                sessions.c.vouched.is_(False),
            )
            .values(ended_at=now)
        )

    async def delete_dead(self, user_id: UserId, before: datetime) -> None:
        dead = or_(sessions.c.ended_at <= before, sessions.c.expires_at <= before)
        await self._connection.execute(delete(sessions).where(sessions.c.user_id == user_id, dead))


def _session(row: RowMapping) -> Session:
    # 利用者の列と並べて読むこともあるので、名前でなく列で引く
    return Session(
        id=SessionId(row[sessions.c.id]),
        user_id=UserId(row[sessions.c.user_id]),
        created_at=row[sessions.c.created_at],
        last_used_at=row[sessions.c.last_used_at],
        expires_at=row[sessions.c.expires_at],
        ended_at=row[sessions.c.ended_at],
        address=row[sessions.c.client_address],
        user_agent=row[sessions.c.user_agent],
        vouched=row[sessions.c.vouched],
    )
