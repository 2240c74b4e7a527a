from typing import Annotated

from fastapi import APIRouter, Depends, Response

from tsubame.business.jobs.entities import Job, ScriptSpec
from tsubame.business.jobs.ports import JobDraft, JobFilter
from tsubame.business.shared.ids import JobId, ProjectId, ServerId
from tsubame.business.shared.paging import encode_cursor
from tsubame.presentation.http.api_model import RowId
from tsubame.presentation.http.dependencies import (
    CurrentActor,
    EditionDep,
    PageDep,
    ServicesDep,
    mark_version,
    problems,
)
from tsubame.presentation.http.schemas.jobs import (
    DuplicateInput,
    JobCreate,
    JobInput,
    JobPage,
    JobRead,
    LastExecutionRead,
    ServerRefRead,
)
from tsubame.presentation.http.schemas.policies import QueueingRead
from tsubame.presentation.http.schemas.policy_mapping import (
    queueing_of,
    retry_of,
    retry_read,
    strategy_of,
    strategy_read,
)

router = APIRouter(prefix="/jobs", tags=["jobs"])


def job_filter(
    q: str = "",
    server_id: RowId | None = None,
    enabled: bool | None = None,  # noqa: FBT001  問い合わせの項目
    project_id: RowId | None = None,
) -> JobFilter:
    return JobFilter(
        query=q,
        server_id=None if server_id is None else ServerId(server_id),
        enabled=enabled,
        project_id=None if project_id is None else ProjectId(project_id),
    )


FilterDep = Annotated[JobFilter, Depends(job_filter)]


@router.get("", operation_id="listJobs", responses=problems())
async def list_jobs(actor: CurrentActor, services: ServicesDep, where: FilterDep, page: PageDep) -> JobPage:
    found = await services.jobs.page(actor, where, page)
    return JobPage(items=[_read(job) for job in found.items], next_cursor=encode_cursor(found.next_after))


@router.post("", status_code=201, operation_id="createJob", responses=problems())
async def create_job(
    body: JobCreate, response: Response, actor: CurrentActor, services: ServicesDep
) -> JobRead:
    return _tagged(response, await services.jobs.create(actor, ProjectId(body.project_id), _draft(body)))


@router.get("/{job_id}", operation_id="getJob", responses=problems())
async def get_job(job_id: RowId, response: Response, actor: CurrentActor, services: ServicesDep) -> JobRead:
    return _tagged(response, await services.jobs.get(actor, JobId(job_id)))


@router.put("/{job_id}", operation_id="updateJob", responses=problems())
async def update_job(
    job_id: RowId, body: JobInput, edition: EditionDep, actor: CurrentActor, services: ServicesDep
) -> JobRead:
    job = await services.jobs.update(actor, JobId(job_id), _draft(body), edition.expected)
    edition.mark(job.version)
    return _read(job)


@router.delete("/{job_id}", status_code=204, operation_id="deleteJob", responses=problems())
async def delete_job(job_id: RowId, actor: CurrentActor, services: ServicesDep) -> None:
    await services.jobs.delete(actor, JobId(job_id))


@router.post("/{job_id}/duplicate", status_code=201, operation_id="duplicateJob", responses=problems())
async def duplicate_job(
    job_id: RowId, body: DuplicateInput, response: Response, actor: CurrentActor, services: ServicesDep
) -> JobRead:
    return _tagged(response, await services.jobs.duplicate(actor, JobId(job_id), body.name))


def _draft(body: JobInput) -> JobDraft:
    return JobDraft(
        name=body.name,
        description=body.description,
        spec=ScriptSpec(
            script=body.script,
            interpreter=body.interpreter,
            env=tuple(body.env.items()),
            working_directory=body.working_directory,
            timeout_s=body.timeout_s,
            strategy=strategy_of(body.strategy),
            retry=retry_of(body.retry),
            stop_without_contact_s=body.stop_without_contact_s,
            max_log_bytes=body.max_log_bytes,
        ),
        server_ids=tuple(ServerId(server_id) for server_id in body.server_ids),
        enabled=body.enabled,
        selector=body.selector,
        queueing=queueing_of(body.queueing),
    )


def _tagged(response: Response, job: Job) -> JobRead:
    mark_version(response, job.version)
    return _read(job)


def _read(job: Job) -> JobRead:
    last = job.last_execution
    return JobRead(
        id=job.id,
        project_id=job.project_id,
        name=job.name,
        description=job.description,
        kind=job.kind,
        script=job.spec.script,
        interpreter=job.spec.interpreter,
        servers=[ServerRefRead.model_validate(server) for server in job.servers],
        selector=job.selector,
        env=dict(job.spec.env),
        working_directory=job.spec.working_directory,
        timeout_s=job.spec.timeout_s,
        strategy=strategy_read(job.spec.strategy),
        retry=retry_read(job.spec.retry),
        queueing=QueueingRead.model_validate(job.queueing),
        stop_without_contact_s=job.spec.stop_without_contact_s,
        max_log_bytes=job.spec.max_log_bytes,
        enabled=job.enabled,
        last_execution=None if last is None else LastExecutionRead.model_validate(last),
        created_at=job.created_at,
        updated_at=job.updated_at,
        version=job.version,
    )
