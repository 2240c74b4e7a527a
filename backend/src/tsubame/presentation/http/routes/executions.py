"""実行の道。"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query

from tsubame.business.executions.commands import CommandDraft
from tsubame.business.executions.entities import ExecutionKind
from tsubame.business.executions.ports import ExecutionFilter
from tsubame.business.executions.starting import StartRequest
from tsubame.business.executions.states import ExecutionState
from tsubame.business.jobs.entities import ScriptSpec
from tsubame.business.shared.ids import ExecutionId, JobId, ProjectId, ServerId, TargetId, UserId
from tsubame.business.shared.paging import encode_cursor
from tsubame.business.variables.drafts import VariableDraft
from tsubame.business.variables.entities import Content
from tsubame.presentation.http.api_model import RowId
from tsubame.presentation.http.dependencies import CurrentActor, PageDep, ServicesDep, problems
from tsubame.presentation.http.schemas.execution_mapping import (
    execution_read,
    execution_summary,
    target_read,
)
from tsubame.presentation.http.schemas.executions import (
    CommandInput,
    ExecutionPage,
    ExecutionRead,
    ExecutionVariablesRead,
    GivenVariableInput,
    GivenVariableRead,
    RerunInput,
    StartInput,
    TargetRead,
    UsedSecretRead,
)
from tsubame.presentation.http.schemas.policy_mapping import strategy_of

router = APIRouter(tags=["executions"], responses=problems())

IdempotencyKey = Annotated[str | None, Header(min_length=1, max_length=255)]


def created_range(
    created_from: datetime | None = None, created_to: datetime | None = None
) -> tuple[datetime | None, datetime | None]:
    """頼んだ時刻の範囲。``created_from`` 以上、``created_to`` 未満。帯のない時刻は協定世界時とみなす。"""
    return _in_utc(created_from), _in_utc(created_to)


def _in_utc(value: datetime | None) -> datetime | None:
    return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value


def execution_filter(  # noqa: PLR0917  問い合わせの項目
    state: Annotated[list[ExecutionState] | None, Query()] = None,
    kind: ExecutionKind | None = None,
    job_id: RowId | None = None,
    server_id: RowId | None = None,
    requested_by: RowId | None = None,
    project_id: RowId | None = None,
    created: Annotated[tuple[datetime | None, datetime | None], Depends(created_range)] = (None, None),
) -> ExecutionFilter:
    """一覧の絞り込み。``state`` は繰り返すと「どれか」になる。"""
    return ExecutionFilter(
        project_id=None if project_id is None else ProjectId(project_id),
        states=tuple(state or ()),
        kind=kind,
        job_id=None if job_id is None else JobId(job_id),
        server_id=None if server_id is None else ServerId(server_id),
        requested_by=None if requested_by is None else UserId(requested_by),
        created_from=created[0],
        created_to=created[1],
    )


FilterDep = Annotated[ExecutionFilter, Depends(execution_filter)]


@router.post("/jobs/{job_id}/executions", status_code=201, operation_id="startExecution")
async def start_execution(
    job_id: RowId,
    actor: CurrentActor,
    services: ServicesDep,
    body: StartInput | None = None,
    idempotency_key: IdempotencyKey = None,
) -> ExecutionRead:
    """ジョブを動かす。待ち行列に並べたら戻る。

    同時に動かしてよい数が一杯なら、ジョブの ``when_full`` のとおりに、待つか、``skipped`` として終わるか、
    古い実行を中止して場所を取る。
    """
    body = body or StartInput()
    request = StartRequest(
        JobId(job_id),
        idempotency_key=idempotency_key,
        only=None if body.server_ids is None else tuple(map(ServerId, body.server_ids)),
        priority=body.priority,
        variables=_given(body.variables),
    )
    return execution_read(await services.starts.start(actor, request))


@router.post("/commands", status_code=201, operation_id="runCommand")
async def run_command(
    body: CommandInput, actor: CurrentActor, services: ServicesDep, idempotency_key: IdempotencyKey = None
) -> ExecutionRead:
    """その場の命令を動かす。ジョブの実行と同じに記録され、同じに止められる。"""
    draft = CommandDraft(
        project_id=ProjectId(body.project_id),
        spec=ScriptSpec(
            script=body.command,
            interpreter=None,
            env=(),
            working_directory=None,
            timeout_s=body.timeout_s,
            strategy=strategy_of(body.strategy),
        ),
        server_ids=tuple(map(ServerId, body.server_ids)),
        selector=body.selector,
        priority=body.priority,
    )
    return execution_read(await services.starts.command(actor, draft, idempotency_key))


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
async def rerun_execution(
    execution_id: RowId, actor: CurrentActor, services: ServicesDep, body: RerunInput | None = None
) -> ExecutionRead:
    """同じ中身を、同じサーバで、もう一度動かす。"""
    given = _given(() if body is None else body.variables)
    return execution_read(await services.starts.rerun(actor, ExecutionId(execution_id), given))


@router.post("/executions/{execution_id}/rerun-failed", operation_id="rerunFailedTargets")
async def rerun_failed(
    execution_id: RowId, actor: CurrentActor, services: ServicesDep, body: RerunInput | None = None
) -> ExecutionRead:
    """成功しなかった対象だけを、同じ実行の中で、もう一度動かす。前の試みは ``earlier_attempts`` に残る。"""
    given = _given(() if body is None else body.variables)
    return execution_read(await services.starts.rerun_failed(actor, ExecutionId(execution_id), given))


@router.post("/executions/{execution_id}/pause", operation_id="pauseExecution")
async def pause_execution(execution_id: RowId, actor: CurrentActor, services: ServicesDep) -> ExecutionRead:
    """新しい対象を始めないようにする。動いている対象は、最後まで動く。"""
    return execution_read(await services.executions.pause(actor, ExecutionId(execution_id)))


@router.post("/executions/{execution_id}/continue", operation_id="continueExecution")
async def continue_execution(
    execution_id: RowId, actor: CurrentActor, services: ServicesDep
) -> ExecutionRead:
    """待たせていた実行を続ける。ここまでの失敗は許したことになる。"""
    return execution_read(await services.executions.go_on(actor, ExecutionId(execution_id)))


@router.get("/executions/{execution_id}/variables", operation_id="getExecutionVariables")
async def get_execution_variables(
    execution_id: RowId, actor: CurrentActor, services: ServicesDep
) -> ExecutionVariablesRead:
    """渡した変数と、使った秘密の名前と版。秘密の値は返さない。"""
    found = await services.executions.variables(actor, ExecutionId(execution_id))
    return ExecutionVariablesRead(
        given=[GivenVariableRead.model_validate(variable) for variable in found.given],
        used=[UsedSecretRead.model_validate(secret) for secret in found.used],
    )


@router.get("/targets/{target_id}", operation_id="getTarget")
async def get_target(target_id: RowId, actor: CurrentActor, services: ServicesDep) -> TargetRead:
    return target_read(await services.executions.target(actor, TargetId(target_id)))


def _given(variables: Iterable[GivenVariableInput]) -> tuple[VariableDraft, ...]:
    return tuple(
        VariableDraft(each.name, each.kind, Content.of_text(each.value.get_secret_value()))
        for each in variables
    )
