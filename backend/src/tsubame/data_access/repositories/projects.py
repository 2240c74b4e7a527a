"""プロジェクトと、その一員の行。"""

from typing import Any, Final

import psycopg
from sqlalchemy import Row, Select, Table, and_, delete, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from tsubame.business.projects.entities import Contents, Member, Project, ProjectDraft
from tsubame.business.projects.errors import (
    MemberNotFoundError,
    ProjectNotEmptyError,
    ProjectNotFoundError,
)
from tsubame.business.shared.errors import NameTakenError
from tsubame.business.shared.ids import ProjectId, Reach, UserId
from tsubame.business.shared.permissions import Role
from tsubame.data_access.db.constraints import translated
from tsubame.data_access.db.scope import within
from tsubame.data_access.tables.credentials import credentials
from tsubame.data_access.tables.executions import executions
from tsubame.data_access.tables.jobs import jobs
from tsubame.data_access.tables.projects import project_members, projects
from tsubame.data_access.tables.servers import servers
from tsubame.data_access.tables.users import users

_COUNTED: Final = {
    "servers": servers,
    "jobs": jobs,
    "credentials": credentials,
    "executions": executions,
    "members": project_members,
}


class SqlProjectRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def all(self, reach: Reach) -> list[Project]:
        query = _select().where(within(projects.c.id, reach)).order_by(func.lower(projects.c.name))
        return [_project(row) for row in await self._connection.execute(query)]

    async def get(self, project_id: ProjectId, reach: Reach = None) -> Project:
        query = _select().where(projects.c.id == project_id, within(projects.c.id, reach))
        row = (await self._connection.execute(query)).one_or_none()
        if row is None:
            raise ProjectNotFoundError
        return _project(row)

    async def add(self, draft: ProjectDraft) -> ProjectId:
        statement = insert(projects).values(_columns(draft)).returning(projects.c.id)
        with translated(_taken(draft)):
            added = await self._connection.execute(statement)
        return ProjectId(added.scalar_one())

    async def replace(self, project_id: ProjectId, draft: ProjectDraft) -> None:
        statement = update(projects).where(projects.c.id == project_id).values(_columns(draft))
        with translated(_taken(draft)):
            await self._connection.execute(statement)

    async def delete(self, project_id: ProjectId) -> None:
        project = await self.get(project_id)
        if project.contents.left:
            raise ProjectNotEmptyError(project.contents.left)
        try:
            await self._connection.execute(delete(projects).where(projects.c.id == project_id))
        except IntegrityError as exc:
            # 数えたあとで、だれかが物を置いた
            if not isinstance(exc.orig, psycopg.errors.ForeignKeyViolation):
                raise
            raise ProjectNotEmptyError({}) from exc

    async def members(self, project_id: ProjectId) -> list[Member]:
        query = (
            _people(project_id)
            .where(or_(project_members.c.role.is_not(None), users.c.role.is_not(None)))
            .order_by(project_members.c.role.is_(None), func.lower(users.c.username))
        )
        return [_member(row) for row in await self._connection.execute(query)]

    async def member(self, project_id: ProjectId, user_id: UserId) -> Member:
        query = _people(project_id).where(users.c.id == user_id)
        row = (await self._connection.execute(query)).one_or_none()
        if row is None:
            raise MemberNotFoundError
        return _member(row)

    async def set_role(self, project_id: ProjectId, user_id: UserId, role: Role | None) -> None:
        if role is None:
            await self._connection.execute(
                delete(project_members).where(
                    project_members.c.project_id == project_id, project_members.c.user_id == user_id
                )
            )
            return
        with translated({"fk_project_members_user_id": MemberNotFoundError()}):
            await self._connection.execute(
                upsert(project_members)
                .values(project_id=project_id, user_id=user_id, role=role)
                .on_conflict_do_update(index_elements=["user_id", "project_id"], set_={"role": role})
            )


def _select() -> Select[*tuple[Any, ...]]:
    return select(projects, *(_count(table).label(name) for name, table in _COUNTED.items()))


def _count(table: Table) -> Any:
    return (
        select(func.count()).select_from(table).where(table.c.project_id == projects.c.id).scalar_subquery()
    )


def _people(project_id: ProjectId) -> Select[*tuple[Any, ...]]:
    belongs = and_(project_members.c.user_id == users.c.id, project_members.c.project_id == project_id)
    return select(
        users.c.id,
        users.c.username,
        users.c.role.label("everywhere"),
        users.c.disabled_at,
        project_members.c.role,
    ).outerjoin(project_members, belongs)


def _columns(draft: ProjectDraft) -> dict[str, object]:
    return {"name": draft.name, "max_parallel": draft.max_parallel}


def _taken(draft: ProjectDraft) -> dict[str, NameTakenError]:
    return {"uq_projects_name": NameTakenError(draft.name)}


def _project(row: Row[Any]) -> Project:
    return Project(
        id=ProjectId(row.id),
        name=row.name,
        max_parallel=row.max_parallel,
        members=row.members,
        contents=Contents(row.servers, row.jobs, row.credentials, row.executions),
        created_at=row.created_at,
    )


def _member(row: Row[Any]) -> Member:
    return Member(
        user_id=UserId(row.id),
        username=row.username,
        role=None if row.role is None else Role(row.role),
        everywhere=None if row.everywhere is None else Role(row.everywhere),
        disabled=row.disabled_at is not None,
    )
