"""実行と対象の、行から実体への写し。読む側と書く側が同じ列を使う。"""

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Boolean, RowMapping, case, cast, exists, literal_column
from sqlalchemy.sql.elements import ColumnElement

from tsubame.business.executions.entities import (
    Attempt,
    CancelReason,
    Execution,
    ExecutionKind,
    PauseReason,
    Target,
)
from tsubame.business.executions.log_limit import LogGap
from tsubame.business.executions.states import ExecutionState, TargetState
from tsubame.business.shared.ids import (
    ExecutionId,
    JobId,
    ProjectId,
    Reach,
    ServerId,
    TargetId,
    UserId,
)
from tsubame.data_access.db.scope import within
from tsubame.data_access.tables.executions import executions, targets

EXECUTION_COLUMNS: Final = tuple(
    column for column in executions.c if column.name not in {"spec", "idempotency_key"}
)

LOG_LINES: Final[ColumnElement[int]] = targets.c.log_newlines + case(
    (cast(targets.c.log_open_line, Boolean), 1), else_=literal_column("0")
)
"""途中の最後の行も一行と数える。"""

GAP_COLUMNS: Final = (
    targets.c.log_gap_start,
    targets.c.log_gap_end,
    targets.c.log_gap_first_line,
    targets.c.log_gap_next_line,
)

TARGET_COLUMNS: Final = (
    targets.c.id,
    targets.c.execution_id,
    targets.c.server_id,
    targets.c.server_name,
    targets.c.position,
    targets.c.attempt,
    targets.c.latest,
    targets.c.wave,
    targets.c.not_before,
    targets.c.admitted_at,
    targets.c.state,
    targets.c.reason,
    targets.c.detail,
    targets.c.exit_code,
    targets.c.remote_bytes,
    targets.c.log_bytes,
    LOG_LINES.label("log_lines"),
    targets.c.log_masked,
    *GAP_COLUMNS,
    targets.c.log_day,
    targets.c.log_archived_at.is_not(None).label("log_archived"),
    targets.c.survivors,
    targets.c.queued_at,
    targets.c.started_at,
    targets.c.finished_at,
)


def target_within(target_id: TargetId, reach: Reach) -> tuple[ColumnElement[bool], ...]:
    """届くプロジェクトの、その対象。"""
    here = targets.c.id == target_id
    if reach is None:
        return (here,)
    return here, exists().where(
        executions.c.id == targets.c.execution_id, within(executions.c.project_id, reach)
    )


def to_execution(value: RowMapping) -> Execution:
    return Execution(
        id=ExecutionId(value["id"]),
        kind=ExecutionKind(value["kind"]),
        project_id=ProjectId(value["project_id"]),
        job_id=None if value["job_id"] is None else JobId(value["job_id"]),
        job_name=value["job_name"],
        state=ExecutionState(value["state"]),
        state_counts=value["state_counts"],
        target_count=value["target_count"],
        requested_by=None if value["requested_by"] is None else UserId(value["requested_by"]),
        requested_by_name=value["requested_by_name"],
        rerun_of=None if value["rerun_of"] is None else ExecutionId(value["rerun_of"]),
        priority=value["priority"],
        queued_at=value["queued_at"],
        paused_at=value["paused_at"],
        paused_reason=None if value["paused_reason"] is None else PauseReason(value["paused_reason"]),
        paused_by_name=value["paused_by_name"],
        cancel_requested_at=value["cancel_requested_at"],
        cancel_requested_by_name=value["cancel_requested_by_name"],
        cancel_reason=None if value["cancel_reason"] is None else CancelReason(value["cancel_reason"]),
        created_at=value["created_at"],
        started_at=value["started_at"],
        finished_at=value["finished_at"],
        pinned_at=value["pinned_at"],
        pinned_by_name=value["pinned_by_name"],
    )


def to_target(value: RowMapping, earlier: tuple[Attempt, ...] = ()) -> Target:
    return Target(
        id=TargetId(value["id"]),
        execution_id=ExecutionId(value["execution_id"]),
        server_id=None if value["server_id"] is None else ServerId(value["server_id"]),
        server_name=value["server_name"],
        position=value["position"],
        attempt=value["attempt"],
        latest=value["latest"],
        wave=value["wave"],
        not_before=value["not_before"],
        state=TargetState(value["state"]),
        reason=value["reason"],
        detail=value["detail"],
        exit_code=value["exit_code"],
        remote_bytes=value["remote_bytes"],
        log_bytes=value["log_bytes"],
        log_lines=value["log_lines"],
        log_masked=value["log_masked"],
        log_gap=to_gap(value),
        log_day=value["log_day"],
        log_archived=value["log_archived"],
        survivors=tuple(value["survivors"]),
        queued_at=value["queued_at"],
        started_at=value["started_at"],
        finished_at=value["finished_at"],
        earlier_attempts=earlier,
    )


def to_gap(value: RowMapping | Mapping[str, Any]) -> LogGap | None:
    if value["log_gap_start"] is None:
        return None
    return LogGap(
        start=value["log_gap_start"],
        end=value["log_gap_end"],
        first_line=value["log_gap_first_line"],
        next_line=value["log_gap_next_line"],
    )


def to_attempt(value: RowMapping) -> Attempt:
    return Attempt(
        target_id=TargetId(value["id"]),
        attempt=value["attempt"],
        state=TargetState(value["state"]),
        reason=value["reason"],
        exit_code=value["exit_code"],
        started_at=value["started_at"],
        finished_at=value["finished_at"],
    )
