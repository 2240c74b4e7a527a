"""権利のもとで対象の状態を動かす SQL。何百の対象でも、一つの文で、まとめて比べて置き換える。"""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import RowMapping, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from tsubame.business.executions.entities import Assignment, EndedTarget, Ending, Lease, Mark, RunOrigin
from tsubame.business.executions.reasons import Reason
from tsubame.business.executions.states import UNFINISHED, TargetState, sources_of
from tsubame.business.jobs.entities import ScriptSpec
from tsubame.business.shared.ids import ExecutionId, JobId, ProjectId, ServerId, TargetId, UserId, WorkerId
from tsubame.data_access.repositories.execution_state import refresh_execution
from tsubame.data_access.repositories.spec_json import from_json
from tsubame.data_access.tables.executions import executions, targets

# 権利と元の状態の両方が合う行だけを置き換える。どちらが違っても、その対象は返らない
_OWNED: Final = """
    t.id = move.target_id AND t.lease_worker_id = move.worker_id AND t.lease_epoch = move.epoch
    AND t.state = ANY (move.sources)
"""
_LEASE: Final = "target_id bigint, worker_id bigint, epoch int, sources text[]"
_MARK: Final = text(f"""
    UPDATE targets t SET state = move.state, reason = move.reason, detail = move.detail
    FROM jsonb_to_recordset(:moves) AS move ({_LEASE}, state text, reason text, detail text)
    WHERE {_OWNED} RETURNING t.id, t.attempt
""")
# 終わった対象の秘密の控えは、もう要らない
_FINISH: Final = text(f"""
    WITH moved AS (
        UPDATE targets t SET state = move.state, reason = move.reason, detail = move.detail,
            exit_code = move.exit_code, survivors = move.survivors, finished_at = :at, lease_worker_id = NULL
        FROM jsonb_to_recordset(:moves) AS move
            ({_LEASE}, state text, reason text, detail text, exit_code int, survivors int[])
        WHERE {_OWNED} RETURNING t.id, t.attempt
    ), forgotten AS (
        DELETE FROM target_secrets s USING moved WHERE s.target_id = moved.id
    )
    SELECT id, attempt FROM moved
""")


# 実行を番号の順に鎖してから、その対象を取る。引き受けを止められた者、去った者には渡さない
_CLAIM: Final = text("""
    WITH held AS MATERIALIZED (
        SELECT id, spec, cancel_requested_at, project_id, job_id, job_name, requested_by, requested_by_name
        FROM executions
        WHERE id IN (SELECT execution_id FROM targets WHERE id = ANY (:ids)) ORDER BY id FOR UPDATE
    )
    UPDATE targets t SET lease_worker_id = :worker_id, lease_epoch = t.lease_epoch + 1,
        state = CASE t.state WHEN 'queued' THEN 'starting' ELSE t.state END,
        started_at = coalesce(t.started_at, :at)
    FROM held
    WHERE t.execution_id = held.id AND t.id = ANY (:ids) AND t.lease_worker_id IS NULL
        AND t.admitted_at IS NOT NULL AND t.state = ANY (:unfinished)
        AND EXISTS (SELECT FROM workers w
                    WHERE w.id = :worker_id AND w.draining_at IS NULL AND w.stopped_at IS NULL)
    RETURNING t.*, held.spec, held.cancel_requested_at,
        held.project_id, held.job_id, held.job_name, held.requested_by, held.requested_by_name,
        (SELECT s.sealed FROM target_secrets s WHERE s.target_id = t.id) AS held_environment
""")


class SpecCache:
    """同じ実行の対象が何百あっても、台本の写しを読み解くのは一度だけ。"""

    def __init__(self) -> None:
        self._specs: dict[int, ScriptSpec] = {}

    def of(self, row: RowMapping) -> ScriptSpec:
        spec = self._specs.get(row["execution_id"])
        if spec is None:
            spec = self._specs[row["execution_id"]] = from_json(row["spec"])
        return spec


async def claim(
    connection: AsyncConnection, target_ids: Sequence[TargetId], worker_id: WorkerId, at: datetime
) -> dict[TargetId, Assignment]:
    claimed = await connection.execute(
        _CLAIM, {"ids": list(target_ids), "worker_id": worker_id, "at": at, "unfinished": list(UNFINISHED)}
    )
    rows = claimed.mappings().all()
    await _refresh(connection, (row["execution_id"] for row in rows), at)
    specs = SpecCache()
    return {TargetId(row["id"]): _assignment(row, specs.of(row), worker_id) for row in rows}


async def mark(connection: AsyncConnection, marks: Sequence[Mark], at: datetime) -> set[TargetId]:
    await _lock_executions(connection, [mark.lease.target_id for mark in marks])
    moves = [
        _move(mark.lease, (*sources_of(mark.state), mark.state))
        | {"state": mark.state, "reason": mark.reason, "detail": mark.detail}
        for mark in marks
    ]
    moved = await connection.execute(_MARK, {"moves": json.dumps(moves)})
    done = {TargetId(row.id) for row in moved}
    moved_leases = (mark.lease for mark in marks if mark.lease.target_id in done)
    await _refresh(connection, (lease.execution_id for lease in moved_leases), at)
    return done


async def finish(
    connection: AsyncConnection, endings: Sequence[Ending], at: datetime
) -> dict[TargetId, EndedTarget]:
    owners = await _lock_executions(connection, [ending.lease.target_id for ending in endings])
    moves = [
        _move(ending.lease, sources_of(ending.result.state)) | _end(ending, owners[ending.lease.target_id])
        for ending in endings
        if ending.lease.target_id in owners
    ]
    moved = await connection.execute(_FINISH, {"moves": json.dumps(moves), "at": at})
    attempts = {TargetId(row.id): row.attempt for row in moved}
    ended = (ending.lease for ending in endings if ending.lease.target_id in attempts)
    await _refresh(connection, (lease.execution_id for lease in ended), at)
    specs = SpecCache()
    return {
        target_id: EndedTarget(
            spec=specs.of(owners[target_id]),
            attempt=attempt,
            cancel_requested=owners[target_id]["cancel_requested_at"] is not None,
        )
        for target_id, attempt in attempts.items()
    }


def _end(ending: Ending, execution: RowMapping) -> dict[str, object]:
    result = ending.result
    reason: str | None = result.reason
    if reason == Reason.CANCELLED_BY_USER and execution["cancel_reason"] is not None:
        reason = execution["cancel_reason"]
    return {
        "state": result.state,
        "reason": reason,
        "detail": result.detail,
        "exit_code": result.exit_code,
        "survivors": result.survivors,
    }


def _move(lease: Lease, sources: Iterable[TargetState]) -> dict[str, object]:
    return {
        "target_id": lease.target_id,
        "worker_id": lease.worker_id,
        "epoch": lease.epoch,
        "sources": list(sources),
    }


async def _lock_executions(
    connection: AsyncConnection, target_ids: Sequence[TargetId]
) -> Mapping[int, RowMapping]:
    """対象の番号から、鎖した実行の行。

    どの道も「実行(番号の順) → 対象」の順に鎖す。逆の順が混ざると、にらみ合いになる。
    """
    found = await connection.execute(
        select(
            targets.c.id.label("target_id"),
            executions.c.id.label("execution_id"),
            executions.c.spec,
            executions.c.cancel_requested_at,
            executions.c.cancel_reason,
        )
        .join(targets, targets.c.execution_id == executions.c.id)
        .where(targets.c.id == func.any(list(target_ids)))
        .order_by(executions.c.id)
        .with_for_update(of=executions)
    )
    return {row["target_id"]: row for row in found.mappings()}


async def _refresh(connection: AsyncConnection, execution_ids: Iterable[ExecutionId], at: datetime) -> None:
    for execution_id in sorted(set(execution_ids)):
        await refresh_execution(connection, execution_id, at)


def _assignment(row: RowMapping, spec: ScriptSpec, worker_id: WorkerId) -> Assignment:
    return Assignment(
        lease=Lease(TargetId(row["id"]), ExecutionId(row["execution_id"]), worker_id, row["lease_epoch"]),
        origin=RunOrigin(
            project_id=ProjectId(row["project_id"]),
            job_id=None if row["job_id"] is None else JobId(row["job_id"]),
            job_name=row["job_name"],
            requested_by=None if row["requested_by"] is None else UserId(row["requested_by"]),
            requested_by_name=row["requested_by_name"],
        ),
        state=TargetState(row["state"]),
        run_id=row["run_id"],
        spec=spec,
        server_id=None if row["server_id"] is None else ServerId(row["server_id"]),
        remote_bytes=row["remote_bytes"],
        log_bytes=row["log_bytes"],
        log_newlines=row["log_newlines"],
        log_open_line=row["log_open_line"],
        log_line_head=row["log_line_head"],
        log_marks=row["log_marks"],
        log_day=row["log_day"],
        started_at=row["started_at"],
        cancel_requested=row["cancel_requested_at"] is not None,
        held_environment=row["held_environment"],
    )
