"""実行の行。"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from operator import attrgetter

from sqlalchemy import ColumnElement, Select, func, insert, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tsubame.business.executions.entities import Attempt, CancelReason, Execution, ExecutionDetail
from tsubame.business.executions.errors import AlreadyEndedError, ExecutionNotFoundError
from tsubame.business.executions.ports import ExecutionFilter, HourCount, NewExecution, Sizes
from tsubame.business.executions.reasons import Reason
from tsubame.business.executions.run_ids import new_run_id
from tsubame.business.executions.states import (
    ENDED_EXECUTIONS,
    UNFINISHED,
    ExecutionState,
    TargetState,
)
from tsubame.business.shared.actor import Actor, narrowed
from tsubame.business.shared.ids import ExecutionId, JobId, Reach, TargetId, UserId
from tsubame.business.shared.paging import Page, PageRequest
from tsubame.data_access.db.paging import id_key
from tsubame.data_access.db.scope import as_array, within
from tsubame.data_access.repositories.execution_rows import (
    EXECUTION_COLUMNS,
    TARGET_COLUMNS,
    to_attempt,
    to_execution,
    to_target,
)
from tsubame.data_access.repositories.execution_state import forget_given_secrets, refresh_execution
from tsubame.data_access.repositories.spec_json import from_json, to_json
from tsubame.data_access.repositories.waiting import SqlWaitingRepository
from tsubame.data_access.tables.credentials import credentials
from tsubame.data_access.tables.executions import executions, targets
from tsubame.data_access.tables.jobs import jobs
from tsubame.data_access.tables.servers import servers


class SqlExecutionRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, new: NewExecution) -> ExecutionDetail:
        added = await self._connection.execute(
            insert(executions).values(_execution_values(new)).returning(*EXECUTION_COLUMNS)
        )
        execution = to_execution(added.mappings().one())
        rows = await self._connection.execute(
            insert(targets).returning(*TARGET_COLUMNS), _target_values(execution.id, new)
        )
        return ExecutionDetail(
            execution=execution,
            spec=new.spec,
            targets=tuple(sorted(map(to_target, rows.mappings()), key=attrgetter("position"))),
            place=None,
        )

    async def find_by_idempotency_key(self, user_id: UserId | None, key: str) -> Execution | None:
        query = select(*EXECUTION_COLUMNS).where(
            executions.c.requested_by == user_id, executions.c.idempotency_key == key
        )
        row = (await self._connection.execute(query)).mappings().one_or_none()
        return None if row is None else to_execution(row)

    async def get(self, execution_id: ExecutionId, reach: Reach = None) -> Execution:
        query = select(*EXECUTION_COLUMNS).where(*_at(execution_id, reach))
        row = (await self._connection.execute(query)).mappings().one_or_none()
        if row is None:
            raise ExecutionNotFoundError(f"There is no execution {execution_id}.")
        return to_execution(row)

    async def detail(self, execution_id: ExecutionId, reach: Reach = None) -> ExecutionDetail:
        query = select(*EXECUTION_COLUMNS, executions.c.spec).where(*_at(execution_id, reach))
        row = (await self._connection.execute(query)).mappings().one_or_none()
        if row is None:
            raise ExecutionNotFoundError(f"There is no execution {execution_id}.")
        found = await self._connection.execute(
            select(*TARGET_COLUMNS)
            .where(targets.c.execution_id == execution_id, targets.c.latest)
            .order_by(targets.c.position)
        )
        rows = found.mappings().all()
        earlier = await self._earlier(execution_id) if any(row["attempt"] > 1 for row in rows) else {}
        execution = to_execution(row)
        # 居場所の問い合わせは軽くない。順番を待つものがあるときだけ読む
        waits = any(target["admitted_at"] is None and target["finished_at"] is None for target in rows)
        return ExecutionDetail(
            execution=execution,
            spec=from_json(row["spec"]),
            targets=tuple(to_target(target, tuple(earlier.get(target["position"], ()))) for target in rows),
            place=await SqlWaitingRepository(self._connection).place(execution_id) if waits else None,
        )

    async def _earlier(self, execution_id: ExecutionId) -> dict[int, list[Attempt]]:
        """位置ごとの、前の試み。"""
        found = await self._connection.execute(
            select(*TARGET_COLUMNS)
            .where(targets.c.execution_id == execution_id, targets.c.latest.is_(False))
            .order_by(targets.c.attempt)
        )
        earlier: dict[int, list[Attempt]] = defaultdict(list)
        for row in found.mappings():
            earlier[row["position"]].append(to_attempt(row))
        return earlier

    async def target_ids(self, execution_id: ExecutionId) -> list[TargetId]:
        query = (
            select(targets.c.id)
            .where(targets.c.execution_id == execution_id, targets.c.latest)
            .order_by(targets.c.position)
        )
        return [TargetId(row.id) for row in await self._connection.execute(query)]

    async def page(self, where: ExecutionFilter, reach: Reach, request: PageRequest) -> Page[Execution]:
        conditions = _conditions(where)
        if request.after:
            conditions.append(executions.c.id < id_key(request.after))
        query = _newest(conditions, narrowed(reach, where.project_id), request.limit + 1)
        rows = [to_execution(row) for row in (await self._connection.execute(query)).mappings()]
        items = rows[: request.limit]
        more = len(rows) > request.limit
        return Page(items=items, next_after=(int(items[-1].id),) if more else None)

    async def by_ids(self, execution_ids: Sequence[ExecutionId], reach: Reach) -> list[Execution]:
        query = select(*EXECUTION_COLUMNS).where(
            executions.c.id.in_(execution_ids), within(executions.c.project_id, reach)
        )
        return [to_execution(row) for row in (await self._connection.execute(query)).mappings()]

    async def hourly(self, since: datetime, reach: Reach) -> list[HourCount]:
        hour = func.date_trunc("hour", executions.c.created_at, "UTC").label("hour")
        query = (
            select(hour, executions.c.state, func.count().label("count"))
            .where(executions.c.created_at >= since, within(executions.c.project_id, reach))
            .group_by(hour, executions.c.state)
            .order_by(hour)
        )
        return [
            HourCount(hour=row["hour"], state=ExecutionState(row["state"]), count=row["count"])
            for row in (await self._connection.execute(query)).mappings()
        ]

    async def sizes(self, reach: Reach) -> Sizes:
        counts = [
            select(func.count()).select_from(table).where(within(table.c.project_id, reach)).scalar_subquery()
            for table in (servers, jobs, credentials)
        ]
        found = (await self._connection.execute(select(*counts))).one()
        return Sizes(*found)

    async def occupants(self, job_id: JobId) -> list[ExecutionId]:
        await self._connection.execute(
            select(jobs.c.id).where(jobs.c.id == job_id).with_for_update(key_share=True)
        )
        found = await self._connection.execute(
            select(executions.c.id)
            .where(
                executions.c.job_id == job_id,
                executions.c.finished_at.is_(None),
                executions.c.cancel_requested_at.is_(None),
            )
            .order_by(executions.c.id)
        )
        return [ExecutionId(row.id) for row in found]

    async def request_cancel(
        self, execution_id: ExecutionId, by: Actor, at: datetime, reason: CancelReason | None = None
    ) -> list[TargetId]:
        # 実行の行を先に鎖す。対象から鎖すと、終わりを書く側と順が逆になり、にらみ合う
        locked = await self._connection.execute(
            select(executions.c.state).where(executions.c.id == execution_id).with_for_update()
        )
        state = locked.scalar_one_or_none()
        if state is None:
            raise ExecutionNotFoundError(f"There is no execution {execution_id}.")
        if ExecutionState(state) in ENDED_EXECUTIONS:
            raise AlreadyEndedError(f"Execution {execution_id} has already ended.")
        await self._connection.execute(
            update(executions)
            .where(executions.c.id == execution_id, executions.c.cancel_requested_at.is_(None))
            .values(cancel_requested_at=at, cancel_requested_by_name=by.name, cancel_reason=reason)
        )
        # だれも手をつけていない対象は、始めずに終わらせる
        await self._connection.execute(
            update(targets)
            .where(
                targets.c.execution_id == execution_id,
                targets.c.state == TargetState.QUEUED,
                targets.c.lease_worker_id.is_(None),
            )
            .values(state=TargetState.CANCELLED, reason=reason or Reason.CANCELLED_BY_USER, finished_at=at)
        )
        if await refresh_execution(self._connection, execution_id, at) in ENDED_EXECUTIONS:
            await forget_given_secrets(self._connection, [execution_id])
        left = await self._connection.execute(
            select(targets.c.id).where(
                targets.c.execution_id == execution_id, targets.c.state.in_(UNFINISHED)
            )
        )
        return [TargetId(row.id) for row in left]


def _execution_values(new: NewExecution) -> dict[str, object]:
    state = ExecutionState.QUEUED if new.skipped is None else ExecutionState.SKIPPED
    return {
        "kind": new.kind,
        "project_id": new.project_id,
        "job_id": new.job_id,
        "job_name": new.job_name,
        "spec": to_json(new.spec),
        "state": state,
        "state_counts": {state: len(new.servers)},
        "target_count": len(new.servers),
        "priority": new.priority,
        "max_parallel": new.spec.strategy.max_parallel,
        "requested_by": new.requested_by.user_id,
        "requested_by_name": new.requested_by.name,
        "rerun_of": new.rerun_of,
        "idempotency_key": new.idempotency_key,
        "created_at": new.created_at,
        "queued_at": new.created_at,
        "entered_at": new.created_at if new.entered else None,
        "finished_at": None if new.skipped is None else new.created_at,
    }


def _target_values(execution_id: ExecutionId, new: NewExecution) -> list[dict[str, object]]:
    return [
        {
            "execution_id": execution_id,
            "server_id": server.id,
            "server_name": server.name,
            "position": position,
            "wave": wave,
            "state": TargetState.QUEUED if new.skipped is None else TargetState.SKIPPED,
            "reason": new.skipped,
            "run_id": new_run_id(new.created_at),
            "log_day": new.created_at.astimezone(UTC).date(),
            "queued_at": new.created_at,
            "finished_at": None if new.skipped is None else new.created_at,
        }
        for position, (server, wave) in enumerate(zip(new.servers, new.waves, strict=True))
    ]


def _at(execution_id: ExecutionId, reach: Reach) -> tuple[ColumnElement[bool], ...]:
    return executions.c.id == execution_id, within(executions.c.project_id, reach)


def _newest(conditions: Sequence[ColumnElement[bool]], reach: Reach, most: int) -> Select[tuple[object, ...]]:
    """新しい順の ``most`` 行。"""
    if reach is None:
        found: Select[tuple[object, ...]] = select(*EXECUTION_COLUMNS).where(*conditions)
    else:
        # プロジェクトごとに索引の先頭だけを読む。まとめて絞ると、少ししか動かないプロジェクトの分を、
        # ほかの二百万行の中に探すことになる
        project = func.unnest(as_array(reach)).table_valued("id", name="project").render_derived()
        each = (
            select(*EXECUTION_COLUMNS)
            .where(executions.c.project_id == project.c.id, *conditions)
            .order_by(executions.c.id.desc())
            .limit(most)
            .lateral("each")
        )
        found = select(*each.c).select_from(project.join(each, true()))
    newest = found.selected_columns["id"].desc()
    return found.order_by(newest).limit(most)


def _conditions(where: ExecutionFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if where.states:
        conditions.append(executions.c.state.in_(where.states))
    if where.kind is not None:
        conditions.append(executions.c.kind == where.kind)
    if where.job_id is not None:
        conditions.append(executions.c.job_id == where.job_id)
    if where.requested_by is not None:
        conditions.append(executions.c.requested_by == where.requested_by)
    if where.created_from is not None:
        conditions.append(executions.c.created_at >= where.created_from)
    if where.created_to is not None:
        conditions.append(executions.c.created_at < where.created_to)
    if where.server_id is not None:
        ran_there = select(targets.c.execution_id).where(targets.c.server_id == where.server_id)
        conditions.append(executions.c.id.in_(ran_there))
    return conditions
