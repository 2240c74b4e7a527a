"""待ち行列と上限を読む。"""

from collections.abc import Sequence
from dataclasses import fields
from typing import Final

from sqlalchemy import RowMapping, func, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tsubame.business.executions.entities import ExecutionKind
from tsubame.business.executions.queue_place import QueuePlace, WaitFacts, explain
from tsubame.business.executions.queue_service import LimitChange, Limits, ProjectLimit, QueueItem
from tsubame.business.executions.states import UNFINISHED
from tsubame.business.shared.ids import ExecutionId, JobId, ProjectId, Reach
from tsubame.data_access.db.presence import live_capacity
from tsubame.data_access.repositories.contenders import CONTENDERS, TURN
from tsubame.data_access.tables.executions import executions, limits, targets
from tsubame.data_access.tables.projects import projects

_ITEMS: Final = text(f"""
WITH {CONTENDERS},
summed AS (
    SELECT execution_id, count(*) AS waiting,
           bool_or(wave_is_open) AS some_in_open_wave,
           bool_or(wave_is_open AND due) AS some_due,
           bool_or(wave_is_open AND due AND coalesce(server_free > 0, true)) AS some_server_free,
           bool_and(execution_free <= 0) IS TRUE AS execution_full,
           bool_and(project_free <= 0) IS TRUE AS project_full,
           min(server_name) FILTER (WHERE server_free <= 0) AS full_server,
           min(not_before) FILTER (WHERE wave_is_open) AS next_due_at
    FROM (SELECT *, not_before IS NULL OR not_before <= now() AS due FROM live WHERE NOT inside) AS each
    GROUP BY execution_id
),
placed AS (
    SELECT e.id, e.project_id, e.kind, e.job_id, e.job_name, e.requested_by_name, e.priority, e.queued_at,
           e.paused_at IS NOT NULL AS paused, e.entered_at IS NOT NULL AS entered,
           projects.name AS project_name,
           everything.free <= 0 AS everything_full, everything.worker_bound,
           summed.*, row_number() OVER (ORDER BY {TURN}, e.id) AS position
    FROM summed
    JOIN executions e ON e.id = summed.execution_id
    JOIN projects ON projects.id = e.project_id
    CROSS JOIN everything
)
SELECT * FROM placed
WHERE (CAST(:execution_id AS bigint) IS NULL OR id = :execution_id)
    AND (CAST(:reach AS bigint[]) IS NULL OR project_id = ANY(CAST(:reach AS bigint[])))
ORDER BY position
""")
_SET_PRIORITY: Final = text("""
UPDATE executions SET priority = :priority
WHERE id = :execution_id AND EXISTS (
    SELECT FROM targets
    WHERE execution_id = :execution_id AND state = 'queued' AND admitted_at IS NULL
)
RETURNING id
""")


class SqlWaitingRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def items(self, reach: Reach) -> list[QueueItem]:
        return [_item(row) for row in await self._rows(None, reach)]

    async def place(self, execution_id: ExecutionId) -> QueuePlace | None:
        """その実行の居場所。待っている対象がなければ ``None``。"""
        rows = await self._rows(execution_id, None)
        return _item(rows[0]).place if rows else None

    async def _rows(self, execution_id: ExecutionId | None, reach: Reach) -> Sequence[RowMapping]:
        chosen = {"execution_id": execution_id, "reach": None if reach is None else sorted(reach)}
        found = await self._connection.execute(_ITEMS, chosen)
        return found.mappings().all()

    async def set_priority(self, execution_id: ExecutionId, priority: int) -> bool:
        changed = await self._connection.execute(
            _SET_PRIORITY, {"execution_id": execution_id, "priority": priority}
        )
        return changed.scalar_one_or_none() is not None

    async def limits(self, reach: Reach) -> Limits:
        taken = (
            select(executions.c.project_id, func.count().label("running"))
            .join(targets, targets.c.execution_id == executions.c.id)
            .where(targets.c.state.in_(UNFINISHED), targets.c.admitted_at.is_not(None))
            .group_by(executions.c.project_id)
            .subquery()
        )
        found = await self._connection.execute(
            select(
                projects.c.id,
                projects.c.name,
                projects.c.max_parallel,
                func.coalesce(taken.c.running, 0).label("running"),
            )
            .outerjoin(taken, taken.c.project_id == projects.c.id)
            .order_by(projects.c.name)
        )
        each = tuple(
            ProjectLimit(ProjectId(row.id), row.name, row.max_parallel, row.running) for row in found
        )
        whole = (
            await self._connection.execute(
                select(limits.c.max_parallel, live_capacity().scalar_subquery().label("capacity"))
            )
        ).one()
        seen = tuple(project for project in each if reach is None or project.id in reach)
        return Limits(whole.max_parallel, whole.capacity, sum(project.running for project in each), seen)

    async def set_limits(self, change: LimitChange) -> list[ProjectId]:
        await self._connection.execute(update(limits).values(max_parallel=change.max_parallel))
        unknown = []
        for project_id, max_parallel in change.projects.items():
            changed = await self._connection.execute(
                update(projects)
                .where(projects.c.id == project_id)
                .values(max_parallel=max_parallel)
                .returning(projects.c.id)
            )
            if changed.scalar_one_or_none() is None:
                unknown.append(project_id)
        return unknown


def _item(row: RowMapping) -> QueueItem:
    wait = explain(WaitFacts(**{field.name: row[field.name] for field in fields(WaitFacts)}))
    return QueueItem(
        execution_id=ExecutionId(row["id"]),
        project_id=ProjectId(row["project_id"]),
        kind=ExecutionKind(row["kind"]),
        job_id=None if row["job_id"] is None else JobId(row["job_id"]),
        job_name=row["job_name"],
        requested_by_name=row["requested_by_name"],
        priority=row["priority"],
        place=QueuePlace(
            position=row["position"],
            waiting=row["waiting"],
            since=row["queued_at"],
            waits_for=wait.reason,
            waits_for_name=wait.name,
            until=wait.until,
        ),
    )
