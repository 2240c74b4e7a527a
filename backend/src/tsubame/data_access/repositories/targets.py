"""対象の行。状態は、権利(lease)と元の状態を確かめて置き換える。"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from sqlalchemy import (
    Boolean,
    RowMapping,
    func,
    insert,
    literal_column,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ColumnElement

from tsubame.business.executions.entities import Assignment, Attempt, EndedTarget, Ending, Lease, Mark, Target
from tsubame.business.executions.errors import TargetNotFoundError
from tsubame.business.executions.ports import LeftOver, TargetHome
from tsubame.business.executions.run_ids import new_run_id
from tsubame.business.executions.states import UNFINISHED, TargetState
from tsubame.business.shared.ids import ProjectId, Reach, ServerId, TargetId, WorkerId
from tsubame.data_access.db.presence import dead_workers, left_workers
from tsubame.data_access.db.scope import within
from tsubame.data_access.repositories import target_moves
from tsubame.data_access.repositories.execution_rows import (
    TARGET_COLUMNS,
    target_within,
    to_attempt,
    to_target,
)
from tsubame.data_access.tables.executions import executions, targets

_UNDELIVERED: Final = literal_column(
    "NOT EXISTS (SELECT 1 FROM procrastinate_jobs j"
    " WHERE j.status = 'todo' AND j.queueing_lock = 'target:' || targets.id)",
    Boolean,
)
_DELIVERY_GRACE: Final = text("targets.admitted_at < now() - interval '2 seconds'")

# 次の試みに引き継ぐ列
_CARRIED: Final = (
    targets.c.execution_id,
    targets.c.server_id,
    targets.c.server_name,
    targets.c.position,
    targets.c.wave,
)


class SqlTargetRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def get(self, target_id: TargetId, reach: Reach = None) -> Target:
        query = select(*TARGET_COLUMNS).where(*target_within(target_id, reach))
        row = (await self._connection.execute(query)).mappings().one_or_none()
        if row is None:
            raise TargetNotFoundError(f"There is no target {target_id}.")
        return to_target(row, await self._earlier(row) if row["attempt"] > 1 else ())

    async def home(self, target_id: TargetId, reach: Reach) -> TargetHome:
        query = (
            select(*TARGET_COLUMNS, executions.c.project_id)
            .join(executions, executions.c.id == targets.c.execution_id)
            .where(targets.c.id == target_id, within(executions.c.project_id, reach))
        )
        row = (await self._connection.execute(query)).mappings().one_or_none()
        if row is None:
            raise TargetNotFoundError(f"There is no target {target_id}.")
        return TargetHome(to_target(row), ProjectId(row["project_id"]))

    async def _earlier(self, row: RowMapping) -> tuple[Attempt, ...]:
        found = await self._connection.execute(
            select(*TARGET_COLUMNS)
            .where(
                targets.c.execution_id == row["execution_id"],
                targets.c.position == row["position"],
                targets.c.attempt < row["attempt"],
            )
            .order_by(targets.c.attempt)
        )
        return tuple(to_attempt(earlier) for earlier in found.mappings())

    async def claim(
        self, target_ids: Sequence[TargetId], worker_id: WorkerId, at: datetime
    ) -> dict[TargetId, Assignment]:
        return await target_moves.claim(self._connection, target_ids, worker_id, at)

    async def mark(self, marks: Sequence[Mark], at: datetime) -> set[TargetId]:
        return await target_moves.mark(self._connection, marks, at)

    async def finish(self, endings: Sequence[Ending], at: datetime) -> dict[TargetId, EndedTarget]:
        return await target_moves.finish(self._connection, endings, at)

    async def try_again(
        self, target_ids: Sequence[TargetId], at: datetime, *, not_before: datetime | None
    ) -> None:
        earlier = await self._connection.execute(
            update(targets)
            .where(targets.c.id.in_(target_ids), targets.c.latest)
            .values(latest=False)
            .returning(*_CARRIED, targets.c.attempt)
        )
        await self._connection.execute(
            insert(targets),
            [
                {column.name: row[column.name] for column in _CARRIED}
                | {
                    "attempt": row["attempt"] + 1,
                    "state": TargetState.QUEUED,
                    "run_id": new_run_id(at),
                    "log_day": at.astimezone(UTC).date(),
                    "queued_at": at,
                    "not_before": not_before,
                }
                for row in earlier.mappings()
            ],
        )

    async def release(self, lease: Lease) -> None:
        await self._connection.execute(update(targets).where(*_owned(lease)).values(lease_worker_id=None))

    async def release_all(self, worker_id: WorkerId) -> list[TargetId]:
        released = await self._connection.execute(
            update(targets)
            .where(targets.c.state.in_(UNFINISHED), targets.c.lease_worker_id == worker_id)
            .values(lease_worker_id=None)
            .returning(targets.c.id, _UNDELIVERED.label("undelivered"))
        )
        return [TargetId(row.id) for row in released if row.undelivered]

    async def release_orphans(self, *, silent_too: bool) -> int:
        gone = dead_workers() if silent_too else left_workers()
        released = await self._connection.execute(
            update(targets)
            .where(targets.c.state.in_(UNFINISHED), targets.c.lease_worker_id.in_(gone))
            .values(lease_worker_id=None, lease_epoch=targets.c.lease_epoch + 1)
            .returning(targets.c.id)
        )
        return len(released.all())

    async def unattended(self, limit: int) -> list[TargetId]:
        found = await self._connection.execute(
            select(targets.c.id)
            .where(
                targets.c.state.in_(UNFINISHED),
                targets.c.lease_worker_id.is_(None),
                # 始めてよいと決まっていない対象は、admitted_at が空なので選ばれない
                _DELIVERY_GRACE,
                _UNDELIVERED,
            )
            .order_by(targets.c.id)
            .limit(limit)
            # 二人が同時に見つけても、片方だけが届け直す
            .with_for_update(skip_locked=True)
        )
        return [TargetId(row.id) for row in found]

    async def cancel_requested(self, target_ids: Sequence[TargetId]) -> list[TargetId]:
        found = await self._connection.execute(
            select(targets.c.id)
            .join(executions, executions.c.id == targets.c.execution_id)
            .where(targets.c.id.in_(target_ids), executions.c.cancel_requested_at.is_not(None))
        )
        return [TargetId(row.id) for row in found]

    async def uncleaned(self, finished_since: datetime, lost_before: datetime, limit: int) -> list[LeftOver]:
        found = await self._connection.execute(
            select(targets.c.id, targets.c.server_id, targets.c.run_id)
            .where(
                targets.c.cleaned_at.is_(None),
                targets.c.started_at.is_not(None),
                targets.c.finished_at >= finished_since,
                or_(targets.c.state != TargetState.LOST, targets.c.finished_at <= lost_before),
                targets.c.server_id.is_not(None),
            )
            # 届かないサーバの分が先頭に居座っても、ほかが片付くように
            .order_by(func.random())
            .limit(limit)
        )
        return [LeftOver(TargetId(row.id), ServerId(row.server_id), row.run_id) for row in found]

    async def mark_cleaned(self, target_ids: Sequence[TargetId], at: datetime) -> None:
        await self._connection.execute(
            update(targets).where(targets.c.id == func.any(list(target_ids))).values(cleaned_at=at)
        )


def _owned(lease: Lease) -> tuple[ColumnElement[bool], ...]:
    return (
        targets.c.id == lease.target_id,
        targets.c.lease_worker_id == lease.worker_id,
        targets.c.lease_epoch == lease.epoch,
    )
