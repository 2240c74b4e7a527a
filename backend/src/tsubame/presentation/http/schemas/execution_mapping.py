"""実行の実体から、API の型への写し。HTTP と WebSocket が同じものを返す。"""

from tsubame.business.executions.entities import Execution, ExecutionDetail, Target
from tsubame.business.jobs.entities import ScriptSpec
from tsubame.presentation.http.schemas.executions import (
    ExecutionRead,
    ExecutionSummary,
    SpecRead,
    TargetRead,
)


def target_read(target: Target) -> TargetRead:
    return TargetRead.model_validate(target)


def execution_summary(execution: Execution) -> ExecutionSummary:
    return ExecutionSummary.model_validate(execution)


def execution_read(detail: ExecutionDetail) -> ExecutionRead:
    return ExecutionRead(
        **execution_summary(detail.execution).model_dump(),
        spec=spec_read(detail.spec),
        targets=[target_read(target) for target in detail.targets],
    )


def spec_read(spec: ScriptSpec) -> SpecRead:
    return SpecRead(
        script=spec.script,
        interpreter=spec.interpreter,
        env=dict(spec.env),
        working_directory=spec.working_directory,
        timeout_s=spec.timeout_s,
    )
