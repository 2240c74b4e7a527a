"""実行の進み。呼ぶ側が実行の行を鎖してから使う(``lock``)。"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tsubame.business.executions.errors import ExecutionNotFoundError
from tsubame.business.executions.flow import Flow, Pause
from tsubame.business.executions.reasons import Reason
from tsubame.business.executions.states import ENDED_EXECUTIONS, UNFINISHED, ExecutionState, TargetState
from tsubame.business.executions.strategies import Progress
from tsubame.business.shared.ids import ExecutionId, JobId, TargetId
from tsubame.data_access.repositories.execution_state import forget_given_secrets, refresh_execution
from tsubame.data_access.repositories.spec_json import from_json
from tsubame.data_access.tables.executions import executions, targets

_FAILURES: Final = (TargetState.FAILED, TargetState.TIMED_OUT, TargetState.LOST)


class SqlFlowRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def lock(self, execution_id: ExecutionId) -> Flow:
        locked = await self._connection.execute(
            select(executions).where(executions.c.id == execution_id).with_for_update()
        )
        row = locked.one_or_none()
        if row is None:
            raise ExecutionNotFoundError(f"There is no execution {execution_id}.")
        unfinished = targets.c.state.in_(UNFINISHED)
        closed = targets.c.wave > row.open_wave
        waiting = (targets.c.state == TargetState.QUEUED) & targets.c.admitted_at.is_(None)
        counted = await self._connection.execute(
            select(
                func.count().label("total"),
                func.count().filter(targets.c.state.in_(_FAILURES)).label("failures"),
                func.count().filter(unfinished, ~closed).label("unfinished_in_open_waves"),
                func.count().filter(waiting).label("waiting"),
                func.min(targets.c.wave).filter(unfinished, closed).label("next_wave"),
            ).where(targets.c.execution_id == execution_id, targets.c.latest)
        )
        return Flow(
            state=ExecutionState(row.state),
            job_id=None if row.job_id is None else JobId(row.job_id),
            job_name=row.job_name,
            strategy=from_json(row.spec).strategy,
            progress=Progress(
                **counted.mappings().one(),
                accepted_failures=row.accepted_failures,
                paused=row.paused_at is not None,
            ),
        )

    async def pause(self, execution_id: ExecutionId, pause: Pause) -> None:
        await self._set(
            execution_id, paused_at=pause.at, paused_reason=pause.reason, paused_by_name=pause.by_name
        )

    async def go_on(self, execution_id: ExecutionId, accepted_failures: int) -> None:
        await self._set(execution_id, **_NOT_PAUSED, accepted_failures=accepted_failures)

    async def open_wave(self, execution_id: ExecutionId, wave: int) -> None:
        await self._set(execution_id, open_wave=wave)

    async def skip_waiting(self, execution_id: ExecutionId, reason: Reason, at: datetime) -> None:
        await self._connection.execute(
            update(targets)
            .where(
                targets.c.execution_id == execution_id,
                targets.c.state == TargetState.QUEUED,
                targets.c.admitted_at.is_(None),
            )
            .values(state=TargetState.SKIPPED, reason=reason, finished_at=at)
        )

    async def to_try_again(self, execution_id: ExecutionId) -> list[TargetId]:
        found = await self._connection.execute(
            select(targets.c.id)
            .where(
                targets.c.execution_id == execution_id,
                targets.c.latest,
                targets.c.state != TargetState.SUCCEEDED,
            )
            .order_by(targets.c.position)
        )
        return [TargetId(row.id) for row in found]

    async def queue_again(self, execution_id: ExecutionId, at: datetime) -> None:
        first_wave = (
            select(func.min(targets.c.wave))
            .where(targets.c.execution_id == execution_id, targets.c.state.in_(UNFINISHED))
            .scalar_subquery()
        )
        await self._set(
            execution_id,
            **_NOT_PAUSED,
            queued_at=at,
            entered_at=None,
            open_wave=first_wave,
            accepted_failures=0,
            cancel_requested_at=None,
            cancel_requested_by_name=None,
            cancel_reason=None,
        )

    async def refresh(self, execution_id: ExecutionId, at: datetime) -> None:
        if await refresh_execution(self._connection, execution_id, at) in ENDED_EXECUTIONS:
            await forget_given_secrets(self._connection, [execution_id])

    async def forget_secrets(self, execution_ids: Sequence[ExecutionId]) -> None:
        await forget_given_secrets(self._connection, execution_ids)

    async def _set(self, execution_id: ExecutionId, **values: object) -> None:
        await self._connection.execute(
            update(executions).where(executions.c.id == execution_id).values(values)
        )


_NOT_PAUSED: Final = {"paused_at": None, "paused_reason": None, "paused_by_name": None}
