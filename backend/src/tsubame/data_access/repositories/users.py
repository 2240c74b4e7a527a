from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import RowMapping, delete, exists, func, insert, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tsubame.business.shared.errors import NameTakenError
from tsubame.business.shared.ids import ProjectId, UserId
from tsubame.business.shared.permissions import Role
from tsubame.business.users.entities import Language, Preferences, StoredPassword, Theme, User
from tsubame.business.users.ports import NewUser
from tsubame.data_access.db.constraints import translated
from tsubame.data_access.tables.projects import project_members, projects
from tsubame.data_access.tables.users import users

# 主体は要求のたびに読む。プロジェクトの役割も同じ一文で
_PROJECT_ROLES = (
    select(func.jsonb_object_agg(project_members.c.project_id, project_members.c.role))
    .where(project_members.c.user_id == users.c.id)
    .correlate(users)
    .scalar_subquery()
    .label("project_roles")
)
USER_COLUMNS = (
    *(column for column in users.c if column.name != "password_hash"),
    users.c.password_hash.is_not(None).label("has_password"),
    _PROJECT_ROLES,
)


class SqlUserRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, new: NewUser) -> User:
        values = {
            "username": new.username,
            "password_hash": new.password_hash,
            "role": new.role,
            "must_change_password": new.must_change_password,
            "password_expires_at": new.password_expires_at,
        }
        with translated({"uq_users_username": NameTakenError(new.username)}):
            added = await self._connection.execute(insert(users).values(values).returning(users.c.id))
        user_id = UserId(added.scalar_one())
        await self._join(user_id, new.project_roles)
        query = select(*USER_COLUMNS).where(users.c.id == user_id)
        return user_of((await self._connection.execute(query)).mappings().one())

    async def _join(self, user_id: UserId, roles: Mapping[ProjectId, Role]) -> None:
        for project_id, role in roles.items():
            # 招いてから入るまでに、プロジェクトが消えたかもしれない
            there = select(literal(user_id), projects.c.id, literal(role.value)).where(
                projects.c.id == project_id
            )
            await self._connection.execute(
                insert(project_members).from_select(["user_id", "project_id", "role"], there)
            )

    async def find(self, user_id: UserId) -> User | None:
        query = select(*USER_COLUMNS).where(users.c.id == user_id)
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return None if row is None else user_of(row)

    async def find_locked(self, user_id: UserId) -> User | None:
        query = select(*USER_COLUMNS).where(users.c.id == user_id).with_for_update(of=users)
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return None if row is None else user_of(row)

    async def everyone(self) -> list[User]:
        rows = await self._connection.execute(select(*USER_COLUMNS).order_by(func.lower(users.c.username)))
        return [user_of(row) for row in rows.mappings()]

    async def any_exists(self) -> bool:
        return bool((await self._connection.execute(select(exists().select_from(users)))).scalar_one())

    async def working_admins(self) -> Sequence[UserId]:
        # 番号の順に鎖す。二人が逆の順で鎖し合い、にらみ合わないように
        query = (
            select(users.c.id)
            .where(users.c.role == Role.ADMIN, users.c.disabled_at.is_(None))
            .order_by(users.c.id)
            .with_for_update()
        )
        return [UserId(found) for found in (await self._connection.execute(query)).scalars()]

    async def find_for_login(self, username: str) -> tuple[User, str | None] | None:
        if "\0" in username:
            # PostgreSQL は NUL を文字として受け取れない。そんな名前の利用者もいない
            return None
        query = select(*USER_COLUMNS, users.c.password_hash).where(
            func.lower(users.c.username) == func.lower(username)
        )
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return None if row is None else (user_of(row), row["password_hash"])

    async def password_hash_of(self, user_id: UserId) -> str | None:
        query = select(users.c.password_hash).where(users.c.id == user_id)
        found: str | None = (await self._connection.execute(query)).scalar_one_or_none()
        return found

    async def replace_password_hash(self, user_id: UserId, password_hash: str) -> None:
        await self._set(user_id, password_hash=password_hash)

    async def set_password(self, user_id: UserId, password: StoredPassword) -> None:
        await self._set(
            user_id,
            password_hash=password.hash,
            must_change_password=password.must_change,
            password_expires_at=password.expires_at,
        )

    async def demand_new_password(self, user_id: UserId) -> None:
        await self._set(user_id, must_change_password=True)

    async def set_role(self, user_id: UserId, role: Role | None) -> None:
        await self._set(user_id, role=role)

    async def set_disabled_at(self, user_id: UserId, at: datetime | None) -> None:
        await self._set(user_id, disabled_at=at)

    async def set_preferences(self, user_id: UserId, preferences: Preferences) -> None:
        await self._set(
            user_id,
            language=preferences.language,
            theme=preferences.theme,
            time_zone=preferences.time_zone,
        )

    async def delete(self, user_id: UserId) -> None:
        await self._connection.execute(delete(users).where(users.c.id == user_id))

    async def _set(self, user_id: UserId, **values: object) -> None:
        await self._connection.execute(update(users).where(users.c.id == user_id).values(values))


def user_of(row: RowMapping) -> User:
    roles = row["project_roles"] or {}
    return User(
        id=UserId(row["id"]),
        username=row["username"],
        role=None if row["role"] is None else Role(row["role"]),
        created_at=row["created_at"],
        disabled_at=row["disabled_at"],
        project_roles={ProjectId(int(project_id)): Role(role) for project_id, role in roles.items()},
        has_password=row["has_password"],
        must_change_password=row["must_change_password"],
        password_expires_at=row["password_expires_at"],
        last_seen_at=row["last_seen_at"],
        preferences=Preferences(
            language=None if row["language"] is None else Language(row["language"]),
            theme=None if row["theme"] is None else Theme(row["theme"]),
            time_zone=row["time_zone"],
        ),
    )
