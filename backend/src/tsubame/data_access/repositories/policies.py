"""保管と保存期間の決まりの行。"""

from typing import Any

from sqlalchemy import Row, delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ColumnElement

from tsubame.business.projects.entities import ProjectRef
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.ids import ProjectId, Reach
from tsubame.business.storage.entities import Policy, PolicyPlace, Scope, StoredPolicy
from tsubame.business.storage.errors import PolicyNotFoundError
from tsubame.data_access.db.constraints import translated
from tsubame.data_access.db.scope import within
from tsubame.data_access.tables.jobs import jobs
from tsubame.data_access.tables.projects import projects
from tsubame.data_access.tables.storage import retention_policies as table


class SqlPolicyRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def all(self) -> list[StoredPolicy]:
        return await self.seen(None)

    async def seen(self, reach: Reach) -> list[StoredPolicy]:
        query = (
            select(table, func.coalesce(jobs.c.name, projects.c.name, "").label("name"))
            .outerjoin(jobs, jobs.c.id == table.c.job_id)
            .outerjoin(projects, projects.c.id == table.c.project_id)
            .where(
                table.c.project_id.is_(None) & table.c.job_id.is_(None)
                | within(func.coalesce(jobs.c.project_id, projects.c.id), reach)
            )
            .order_by(table.c.job_id.is_not(None), table.c.project_id.is_not(None), "name")
        )
        return [
            StoredPolicy(_place(row), row.name, _policy(row), row.updated_at, row.updated_by_name)
            for row in await self._connection.execute(query)
        ]

    async def projects(self, reach: Reach) -> list[ProjectRef]:
        found = await self._connection.execute(
            select(projects.c.id, projects.c.name)
            .where(within(projects.c.id, reach))
            .order_by(projects.c.name)
        )
        return [ProjectRef(ProjectId(row.id), row.name) for row in found]

    async def project_of(self, place: PolicyPlace, reach: Reach) -> ProjectId | None:
        if place.scope is Scope.GLOBAL:
            return None
        project = jobs.c.project_id if place.scope is Scope.JOB else projects.c.id
        found = await self._connection.execute(
            select(project).where(project.table.c.id == place.id, within(project, reach))
        )
        project_id = found.scalar_one_or_none()
        if project_id is None:
            raise _missing(place)
        return ProjectId(project_id)

    async def put(self, place: PolicyPlace, policy: Policy, by: Actor) -> Policy | None:
        found = await self._connection.execute(select(table).where(_at(place)).with_for_update())
        before = found.one_or_none()
        values = {
            "archive_after_days": policy.archive_after_days,
            "keep_days": policy.keep_days,
            "keep_executions": policy.keep_executions,
            "updated_by_name": by.name,
            "updated_at": func.now(),
        }
        missing = _missing(place)
        names = ("fk_retention_policies_job_id", "fk_retention_policies_project_id")
        with translated(dict.fromkeys(names, missing)):
            await self._connection.execute(
                insert(table)
                .values(_columns(place) | values)
                .on_conflict_do_update(index_elements=["project_id", "job_id"], set_=values)
            )
        return None if before is None else _policy(before)

    async def remove(self, place: PolicyPlace) -> Policy:
        gone = await self._connection.execute(delete(table).where(_at(place)).returning(table))
        row = gone.one_or_none()
        if row is None:
            raise _missing(place)
        return _policy(row)


def _columns(place: PolicyPlace) -> dict[str, object]:
    return {
        "project_id": place.id if place.scope is Scope.PROJECT else None,
        "job_id": place.id if place.scope is Scope.JOB else None,
    }


def _at(place: PolicyPlace) -> ColumnElement[bool]:
    columns = _columns(place)
    return table.c.project_id.is_not_distinct_from(
        columns["project_id"]
    ) & table.c.job_id.is_not_distinct_from(columns["job_id"])


def _missing(place: PolicyPlace) -> PolicyNotFoundError:
    return PolicyNotFoundError(f"There is no retention policy for {place.scope} {place.id}.")


def _place(row: Row[Any]) -> PolicyPlace:
    if row.job_id is not None:
        return PolicyPlace(Scope.JOB, row.job_id)
    if row.project_id is not None:
        return PolicyPlace(Scope.PROJECT, row.project_id)
    return PolicyPlace.everywhere()


def _policy(row: Row[Any]) -> Policy:
    return Policy(row.archive_after_days, row.keep_days, row.keep_executions)
