"""実行の実体から、API の型への写し。HTTP と WebSocket が同じものを返す。"""

from tsubame.business.executions.entities import Execution, ExecutionDetail, Target
from tsubame.business.executions.queue_place import QueuePlace
from tsubame.business.jobs.entities import ScriptSpec
from tsubame.presentation.http.schemas.executions import (
    ExecutionRead,
    ExecutionSummary,
    SpecRead,
    TargetRead,
)
from tsubame.presentation.http.schemas.policy_mapping import retry_read, strategy_read
from tsubame.presentation.http.schemas.queue import QueuePlaceRead


def target_read(target: Target) -> TargetRead:
    return TargetRead.model_validate(target)


def execution_summary(execution: Execution) -> ExecutionSummary:
    # 型に別名を付けて写させると、OpenAPI で入る形と出る形が別の型に割れる(WebSocket の文は入る側に載る)
    return ExecutionSummary(
        id=execution.id,
        project_id=execution.project_id,
        kind=execution.kind,
        job_id=execution.job_id,
        job_name=execution.job_name,
        state=execution.state,
        state_counts=execution.state_counts,
        target_count=execution.target_count,
        requested_by_id=execution.requested_by,
        requested_by_name=execution.requested_by_name,
        rerun_of=execution.rerun_of,
        priority=execution.priority,
        queued_at=execution.queued_at,
        paused_at=execution.paused_at,
        paused_reason=execution.paused_reason,
        paused_by_name=execution.paused_by_name,
        cancel_requested_at=execution.cancel_requested_at,
        cancel_requested_by_name=execution.cancel_requested_by_name,
        cancel_reason=execution.cancel_reason,
        created_at=execution.created_at,
        started_at=execution.started_at,
        finished_at=execution.finished_at,
        pinned_at=execution.pinned_at,
        pinned_by_name=execution.pinned_by_name,
    )


def execution_read(detail: ExecutionDetail) -> ExecutionRead:
    return ExecutionRead(
        **execution_summary(detail.execution).model_dump(),
        spec=spec_read(detail.spec),
        queue=queue_place_read(detail.place),
        targets=[target_read(target) for target in detail.targets],
    )


def queue_place_read(place: QueuePlace | None) -> QueuePlaceRead | None:
    return None if place is None else QueuePlaceRead.model_validate(place)


def spec_read(spec: ScriptSpec) -> SpecRead:
    return SpecRead(
        script=spec.script,
        interpreter=spec.interpreter,
        env=dict(spec.env),
        working_directory=spec.working_directory,
        timeout_s=spec.timeout_s,
        strategy=strategy_read(spec.strategy),
        retry=retry_read(spec.retry),
        stop_without_contact_s=spec.stop_without_contact_s,
        max_log_bytes=spec.max_log_bytes,
    )
