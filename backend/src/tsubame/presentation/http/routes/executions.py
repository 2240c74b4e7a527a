"""実行の道。"""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query

from tsubame.business.executions.ports import ExecutionFilter
from tsubame.business.executions.service import StartRequest
from tsubame.business.executions.states import ExecutionState
from tsubame.business.shared.ids import ExecutionId, JobId, ServerId, TargetId, UserId
from tsubame.business.shared.paging import encode_cursor
from tsubame.presentation.http.api_model import RowId
from tsubame.presentation.http.dependencies import CurrentActor, PageDep, ServicesDep, problems
from tsubame.presentation.http.schemas.execution_mapping import (
    execution_read,
    execution_summary,
    target_read,
)
from tsubame.presentation.http.schemas.executions import ExecutionPage, ExecutionRead, TargetRead

router = APIRouter(tags=["executions"], responses=problems())

IdempotencyKey = Annotated[str | None, Header(min_length=1, max_length=255)]


def created_range(
    created_from: datetime | None = None, created_to: datetime | None = None
) -> tuple[datetime | None, datetime | None]:
    """頼んだ時刻の範囲。``created_from`` 以上、``created_to`` 未満。帯のない時刻は協定世界時とみなす。"""
    return _in_utc(created_from), _in_utc(created_to)


def _in_utc(value: datetime | None) -> datetime | None:
    return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


def execution_filter(
    state: Annotated[list[ExecutionState] | None, Query()] = None,
    job_id: RowId | None = None,
    server_id: RowId | None = None,
    requested_by: RowId | None = None,
    created: Annotated[tuple[datetime | None, datetime | None], Depends(created_range)] = (None, None),
) -> ExecutionFilter:
    """一覧の絞り込み。``state`` は繰り返すと「どれか」になる。"""
    return ExecutionFilter(
        states=tuple(state or ()),
        job_id=None if job_id is None else JobId(job_id),
        server_id=None if server_id is None else ServerId(server_id),
        requested_by=None if requested_by is None else UserId(requested_by),
        created_from=created[0],
        created_to=created[1],
    )


FilterDep = Annotated[ExecutionFilter, Depends(execution_filter)]


@router.post("/jobs/{job_id}/executions", status_code=201, operation_id="startExecution")
async def start_execution(
    job_id: RowId, actor: CurrentActor, services: ServicesDep, idempotency_key: IdempotencyKey = None
) -> ExecutionRead:
    """ジョブを動かす。待ち行列に積んだら戻る。"""
    request = StartRequest(JobId(job_id), idempotency_key=idempotency_key)
    return execution_read(await services.executions.start(actor, request))


@router.get("/executions", operation_id="listExecutions")
async def list_executions(
    actor: CurrentActor, services: ServicesDep, where: FilterDep, page: PageDep
) -> ExecutionPage:
    """新しい順。"""
    found = await services.executions.page(actor, where, page)
    items = [execution_summary(item) for item in found.items]
    return ExecutionPage(items=items, next_cursor=encode_cursor(found.next_after))


@router.get("/executions/{execution_id}", operation_id="getExecution")
async def get_execution(execution_id: RowId, actor: CurrentActor, services: ServicesDep) -> ExecutionRead:
    return execution_read(await services.executions.get(actor, ExecutionId(execution_id)))


@router.post("/executions/{execution_id}/cancel", operation_id="cancelExecution")
async def cancel_execution(execution_id: RowId, actor: CurrentActor, services: ServicesDep) -> ExecutionRead:
    """中止を求める。プロセスが消えるのを待たずに戻る。"""
    return execution_read(await services.executions.cancel(actor, ExecutionId(execution_id)))


@router.post("/executions/{execution_id}/rerun", status_code=201, operation_id="rerunExecution")
async def rerun_execution(execution_id: RowId, actor: CurrentActor, services: ServicesDep) -> ExecutionRead:
    """同じ中身を、同じサーバで、もう一度動かす。"""
    return execution_read(await services.executions.rerun(actor, ExecutionId(execution_id)))


@router.get("/targets/{target_id}", operation_id="getTarget")
async def get_target(target_id: RowId, actor: CurrentActor, services: ServicesDep) -> TargetRead:
    return target_read(await services.executions.target(actor, TargetId(target_id)))
