"""保管と保存期間の道。"""

from fastapi import APIRouter

from tsubame.business.shared.errors import InvalidInputError
from tsubame.business.shared.ids import ExecutionId, JobId, ProjectId
from tsubame.business.storage.entities import PolicyPlace, Scope
from tsubame.presentation.http.api_model import RowId
from tsubame.presentation.http.dependencies import CurrentActor, ServicesDep, problems
from tsubame.presentation.http.schemas.execution_mapping import execution_read
from tsubame.presentation.http.schemas.executions import ExecutionRead
from tsubame.presentation.http.schemas.storage import (
    PolicyInput,
    PolicyList,
    PreviewInput,
    PreviewRead,
    StorageRead,
    policy_read,
    preview_read,
    storage_read,
)

router = APIRouter(tags=["storage"], responses=problems())


@router.get("/storage", operation_id="getStorage")
async def get_storage(actor: CurrentActor, services: ServicesDep) -> StorageRead:
    """表と保管先の大きさ、日ごとの伸び、大きなジョブ、保管の調子、決まり。"""
    return storage_read(await services.storage.report(actor))


@router.get("/storage/policies", operation_id="listRetentionPolicies")
async def list_policies(actor: CurrentActor, services: ServicesDep) -> PolicyList:
    return PolicyList(items=[policy_read(stored) for stored in await services.storage.policies(actor)])


@router.post("/storage/preview", operation_id="previewRetention")
async def preview_retention(body: PreviewInput, actor: CurrentActor, services: ServicesDep) -> PreviewRead:
    """その決まりにしたら、今すぐ消えるもの。何も変えない。"""
    policy = None if body.policy is None else body.policy.to_policy()
    return preview_read(await services.storage.preview(actor, _place(body), policy))


@router.put("/storage/policies/global", operation_id="setGlobalRetention")
async def set_global(body: PolicyInput, actor: CurrentActor, services: ServicesDep) -> PolicyList:
    return await _set(services, actor, PolicyPlace.everywhere(), body)


@router.put("/storage/policies/projects/{project_id}", operation_id="setProjectRetention")
async def set_project(
    project_id: RowId, body: PolicyInput, actor: CurrentActor, services: ServicesDep
) -> PolicyList:
    return await _set(services, actor, PolicyPlace.project(ProjectId(project_id)), body)


@router.delete("/storage/policies/projects/{project_id}", operation_id="removeProjectRetention")
async def remove_project(project_id: RowId, actor: CurrentActor, services: ServicesDep) -> PolicyList:
    return await _remove(services, actor, PolicyPlace.project(ProjectId(project_id)))


@router.put("/storage/policies/jobs/{job_id}", operation_id="setJobRetention")
async def set_job(job_id: RowId, body: PolicyInput, actor: CurrentActor, services: ServicesDep) -> PolicyList:
    return await _set(services, actor, PolicyPlace.job(JobId(job_id)), body)


@router.delete("/storage/policies/jobs/{job_id}", operation_id="removeJobRetention")
async def remove_job(job_id: RowId, actor: CurrentActor, services: ServicesDep) -> PolicyList:
    return await _remove(services, actor, PolicyPlace.job(JobId(job_id)))


@router.put("/executions/{execution_id}/pin", operation_id="pinExecution")
async def pin_execution(execution_id: RowId, actor: CurrentActor, services: ServicesDep) -> ExecutionRead:
    """「これは残す」。付いているあいだは、保存の決まりで消さない。"""
    return execution_read(await services.storage.set_pinned(actor, ExecutionId(execution_id), pinned=True))


@router.delete("/executions/{execution_id}/pin", operation_id="unpinExecution")
async def unpin_execution(execution_id: RowId, actor: CurrentActor, services: ServicesDep) -> ExecutionRead:
    return execution_read(await services.storage.set_pinned(actor, ExecutionId(execution_id), pinned=False))


async def _set(
    services: ServicesDep, actor: CurrentActor, place: PolicyPlace, body: PolicyInput
) -> PolicyList:
    changed = await services.storage.set_policy(actor, place, body.to_policy())
    return PolicyList(items=[policy_read(stored) for stored in changed])


async def _remove(services: ServicesDep, actor: CurrentActor, place: PolicyPlace) -> PolicyList:
    changed = await services.storage.remove_policy(actor, place)
    return PolicyList(items=[policy_read(stored) for stored in changed])


def _place(body: PreviewInput) -> PolicyPlace:
    """Raises: InvalidInputError。"""
    if (body.id is None) != (body.scope is Scope.GLOBAL):
        raise InvalidInputError.one("id", "scope_and_id", "A project or a job needs an id; global has none.")
    return PolicyPlace(body.scope, body.id)
