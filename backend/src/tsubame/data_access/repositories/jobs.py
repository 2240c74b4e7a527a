from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row, Select, and_, delete, exists, func, insert, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tsubame.business.jobs.entities import Job, JobKind, LastExecution, ServerRef
from tsubame.business.jobs.errors import JobNotFoundError
from tsubame.business.jobs.policies import Queueing, WhenFull
from tsubame.business.jobs.ports import JobDraft, JobFilter
from tsubame.business.projects.errors import ProjectNotFoundError
from tsubame.business.servers.errors import ServerNotFoundError
from tsubame.business.shared.errors import NameTakenError, VersionConflictError
from tsubame.business.shared.ids import JobId, ProjectId, Reach, ServerId
from tsubame.business.shared.paging import Page, PageRequest
from tsubame.data_access.db.constraints import translated
from tsubame.data_access.db.paging import contains, page_by_name
from tsubame.data_access.db.scope import hidden, within
from tsubame.data_access.repositories.spec_json import from_json, to_json
from tsubame.data_access.tables.executions import executions
from tsubame.data_access.tables.jobs import job_servers, jobs
from tsubame.data_access.tables.servers import servers

_NAME_CONSTRAINT: Final = "uq_jobs_project_id_name"
_SERVERS: Final = (
    select(
        func.coalesce(
            func.jsonb_agg(
                func.jsonb_build_array(servers.c.id, servers.c.name).op("ORDER BY")(job_servers.c.position)
            ),
            func.jsonb_build_array(),
        )
    )
    .select_from(job_servers.join(servers, servers.c.id == job_servers.c.server_id))
    .where(job_servers.c.job_id == jobs.c.id)
    .scalar_subquery()
    .label("servers")
)
# ジョブごとに索引の先頭の一行だけを読む
_LAST: Final = (
    select(
        executions.c.id.label("last_id"),
        executions.c.state.label("last_state"),
        executions.c.created_at.label("last_created_at"),
        executions.c.finished_at.label("last_finished_at"),
    )
    .where(executions.c.job_id == jobs.c.id)
    .order_by(executions.c.id.desc())
    .limit(1)
    .lateral("last")
)


class SqlJobRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, project_id: ProjectId, draft: JobDraft) -> Job:
        values = {"project_id": project_id, "kind": JobKind.SCRIPT, **_columns(draft)}
        refusals = {
            _NAME_CONSTRAINT: NameTakenError(draft.name),
            "fk_jobs_project_id": ProjectNotFoundError(),
        }
        with translated(refusals):
            added = await self._connection.execute(insert(jobs).values(values).returning(jobs.c.id))
        job_id = JobId(added.scalar_one())
        await self._place_servers(job_id, draft.server_ids)
        return await self.get(job_id)

    async def replace(self, job_id: JobId, draft: JobDraft, expected_version: int | None) -> Job:
        statement = (
            update(jobs)
            .where(jobs.c.id == job_id)
            .values(updated_at=func.now(), version=jobs.c.version + 1, **_columns(draft))
            .returning(jobs.c.id)
        )
        if expected_version is not None:
            statement = statement.where(jobs.c.version == expected_version)
        with translated({_NAME_CONSTRAINT: NameTakenError(draft.name)}):
            changed = (await self._connection.execute(statement)).scalar_one_or_none()
        if changed is None:
            await self.get(job_id)
            raise VersionConflictError
        await self._connection.execute(delete(job_servers).where(job_servers.c.job_id == job_id))
        await self._place_servers(job_id, draft.server_ids)
        return await self.get(job_id)

    async def get(self, job_id: JobId, reach: Reach = None) -> Job:
        query = _select().where(jobs.c.id == job_id, within(jobs.c.project_id, reach))
        row = (await self._connection.execute(query)).one_or_none()
        if row is None:
            raise _not_found(job_id)
        return _job(row)

    async def page(self, where: JobFilter, reach: Reach, request: PageRequest) -> Page[Job]:
        query = _select().where(within(jobs.c.project_id, reach))
        if where.project_id is not None:
            query = query.where(jobs.c.project_id == where.project_id)
        if where.query:
            query = query.where(contains(where.query, jobs.c.name, jobs.c.description))
        if where.enabled is not None:
            query = query.where(jobs.c.enabled == where.enabled)
        if where.server_id is not None:
            runs_there = and_(job_servers.c.job_id == jobs.c.id, job_servers.c.server_id == where.server_id)
            query = query.where(exists().where(runs_there))
        return await page_by_name(self._connection, query, (jobs.c.name, jobs.c.id), request, _job)

    async def hidden(self, ids: Sequence[int], reach: Reach) -> frozenset[int]:
        return await hidden(self._connection, jobs, ids, reach)

    async def delete(self, job_id: JobId) -> None:
        deleted = await self._connection.execute(delete(jobs).where(jobs.c.id == job_id).returning(jobs.c.id))
        if deleted.scalar_one_or_none() is None:
            raise _not_found(job_id)

    async def _place_servers(self, job_id: JobId, server_ids: Sequence[ServerId]) -> None:
        if not server_ids:
            return
        rows = [
            {"job_id": job_id, "server_id": server_id, "position": position}
            for position, server_id in enumerate(server_ids)
        ]
        missing = ServerNotFoundError("One of the servers does not exist any more.")
        with translated({"fk_job_servers_server_id": missing}):
            await self._connection.execute(insert(job_servers), rows)


def _select() -> Select[*tuple[Any, ...]]:
    return select(jobs, _SERVERS, *_LAST.c).select_from(jobs.outerjoin(_LAST, true()))


def _not_found(job_id: JobId) -> JobNotFoundError:
    return JobNotFoundError(f"There is no job {job_id}.")


def _columns(draft: JobDraft) -> dict[str, object]:
    return {
        "name": draft.name,
        "description": draft.description,
        "spec": to_json(draft.spec),
        "enabled": draft.enabled,
        "selector": draft.selector,
        "priority": draft.queueing.priority,
        "concurrency_limit": draft.queueing.concurrency_limit,
        "when_full": draft.queueing.when_full,
    }


def _job(row: Row[*tuple[Any, ...]]) -> Job:
    last = None
    if row.last_id is not None:
        last = LastExecution(row.last_id, row.last_state, row.last_created_at, row.last_finished_at)
    return Job(
        id=JobId(row.id),
        project_id=ProjectId(row.project_id),
        name=row.name,
        description=row.description,
        kind=JobKind(row.kind),
        spec=from_json(row.spec),
        servers=tuple(ServerRef(ServerId(server_id), name) for server_id, name in row.servers),
        selector=row.selector,
        queueing=Queueing(row.priority, row.concurrency_limit, WhenFull(row.when_full)),
        enabled=row.enabled,
        last_execution=last,
        created_at=row.created_at,
        updated_at=row.updated_at,
        version=row.version,
    )
