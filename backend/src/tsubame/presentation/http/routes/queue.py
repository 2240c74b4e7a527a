"""待ち行列と、同時に動かす数の上限の道。"""

from fastapi import APIRouter

from tsubame.business.executions.queue_service import LimitChange, QueueItem
from tsubame.business.shared.ids import ExecutionId, ProjectId
from tsubame.presentation.http.api_model import RowId
from tsubame.presentation.http.dependencies import CurrentActor, ServicesDep, problems
from tsubame.presentation.http.schemas.execution_mapping import execution_read
from tsubame.presentation.http.schemas.executions import ExecutionRead
from tsubame.presentation.http.schemas.queue import (
    LimitsInput,
    LimitsRead,
    PriorityInput,
    QueueItemRead,
    QueuePlaceRead,
    QueueRead,
)

router = APIRouter(tags=["queue"], responses=problems())


@router.get("/queue", operation_id="getQueue")
async def get_queue(actor: CurrentActor, services: ServicesDep, project_id: RowId | None = None) -> QueueRead:
    """待っている対象のある実行。始まる順。"""
    chosen = None if project_id is None else ProjectId(project_id)
    return QueueRead(items=[_item(item) for item in await services.queue.items(actor, chosen)])


@router.patch("/queue/{execution_id}", operation_id="setQueuePriority")
async def set_queue_priority(
    execution_id: RowId, body: PriorityInput, actor: CurrentActor, services: ServicesDep
) -> ExecutionRead:
    """待っている実行の優先度を変える。"""
    return execution_read(await services.queue.set_priority(actor, ExecutionId(execution_id), body.priority))


@router.get("/limits", operation_id="getLimits")
async def get_limits(actor: CurrentActor, services: ServicesDep) -> LimitsRead:
    return LimitsRead.model_validate(await services.queue.limits(actor))


@router.put("/limits", operation_id="setLimits")
async def set_limits(body: LimitsInput, actor: CurrentActor, services: ServicesDep) -> LimitsRead:
    """下げても、動いているものは止めない。空いた分から効く。"""
    projects = {ProjectId(project.id): project.max_parallel for project in body.projects}
    change = LimitChange(max_parallel=body.max_parallel, projects=projects)
    return LimitsRead.model_validate(await services.queue.set_limits(actor, change))


def _item(item: QueueItem) -> QueueItemRead:
    place = QueuePlaceRead.model_validate(item.place)
    return QueueItemRead(
        **place.model_dump(),
        execution_id=item.execution_id,
        project_id=item.project_id,
        kind=item.kind,
        job_id=item.job_id,
        job_name=item.job_name,
        requested_by_name=item.requested_by_name,
        priority=item.priority,
    )
