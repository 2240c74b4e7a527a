from typing import Any

from sqlalchemy import Row, exists, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tsubame.business.shared.errors import NameTakenError
from tsubame.business.shared.ids import ProjectId, UserId
from tsubame.business.shared.permissions import Role
from tsubame.business.users.entities import User
from tsubame.business.users.ports import NewUser
from tsubame.data_access.db.constraints import translated
from tsubame.data_access.tables.projects import project_members
from tsubame.data_access.tables.users import users

# 主体は要求のたびに読む。プロジェクトの役割も同じ一文で
_PROJECT_ROLES = (
    select(func.jsonb_object_agg(project_members.c.project_id, project_members.c.role))
    .where(project_members.c.user_id == users.c.id)
    .correlate(users)
    .scalar_subquery()
    .label("project_roles")
)
_COLUMNS = (
    users.c.id,
    users.c.username,
    users.c.role,
    users.c.created_at,
    users.c.disabled_at,
    _PROJECT_ROLES,
)


class SqlUserRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, new: NewUser) -> User:
        values = {"username": new.username, "password_hash": new.password_hash, "role": new.role}
        with translated({"uq_users_username": NameTakenError(new.username)}):
            added = await self._connection.execute(insert(users).values(values).returning(*_COLUMNS))
        return _user(added.one())

    async def find(self, user_id: UserId) -> User | None:
        row = (await self._connection.execute(select(*_COLUMNS).where(users.c.id == user_id))).one_or_none()
        return None if row is None else _user(row)

    async def everyone(self) -> list[User]:
        rows = await self._connection.execute(select(*_COLUMNS).order_by(func.lower(users.c.username)))
        return [_user(row) for row in rows]

    async def any_exists(self) -> bool:
        return bool((await self._connection.execute(select(exists().select_from(users)))).scalar_one())

    async def find_for_login(self, username: str) -> tuple[User, str] | None:
        if "\0" in username:
            # PostgreSQL は NUL を文字として受け取れない。そんな名前の利用者もいない
            return None
        query = select(*_COLUMNS, users.c.password_hash).where(
            func.lower(users.c.username) == func.lower(username)
        )
        row = (await self._connection.execute(query)).one_or_none()
        return None if row is None else (_user(row), row.password_hash)

    async def replace_password_hash(self, user_id: UserId, password_hash: str) -> None:
        await self._connection.execute(
            update(users).where(users.c.id == user_id).values(password_hash=password_hash)
        )


def _user(row: Row[*tuple[Any, ...]]) -> User:
    return User(
        id=UserId(row.id),
        username=row.username,
        role=None if row.role is None else Role(row.role),
        created_at=row.created_at,
        disabled_at=row.disabled_at,
        project_roles={
            ProjectId(int(project_id)): Role(role) for project_id, role in (row.project_roles or {}).items()
        },
    )
