"""探す相手になるログを並べる。"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import ColumnElement, RowMapping, Select, exists, func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from tsubame.business.executions.errors import ExecutionNotFoundError, TargetNotFoundError
from tsubame.business.executions.log_search_ports import JobPeriod, SearchedLog
from tsubame.business.jobs.errors import JobNotFoundError
from tsubame.business.shared.ids import ExecutionId, Reach, TargetId
from tsubame.data_access.db.scope import within
from tsubame.data_access.logstore.connecting import connecting
from tsubame.data_access.repositories.execution_rows import target_within
from tsubame.data_access.tables.executions import executions, targets
from tsubame.data_access.tables.jobs import jobs

_LOGS: Final = select(
    targets.c.id, targets.c.execution_id, targets.c.server_name, targets.c.log_bytes
).order_by(targets.c.execution_id.desc(), targets.c.position, targets.c.attempt)


class SqlSearchedLogs:
    """``SearchedLogs`` の実装。"""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")

    async def target(self, target_id: TargetId, reach: Reach) -> SearchedLog:
        query = _LOGS.where(*target_within(target_id, reach))
        async with connecting(self._engine) as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
        if row is None:
            raise TargetNotFoundError(f"There is no target {target_id}.")
        return _searched(row)

    async def of_execution(self, execution_id: ExecutionId, reach: Reach) -> list[SearchedLog]:
        visible = exists().where(executions.c.id == execution_id, within(executions.c.project_id, reach))
        async with connecting(self._engine) as connection:
            there = await connection.execute(select(visible))
            if not there.scalar_one():
                raise ExecutionNotFoundError(f"There is no execution {execution_id}.")
            found = await connection.execute(_LOGS.where(targets.c.execution_id == execution_id))
            return [_searched(row) for row in found.mappings()]

    async def total_of_job(self, period: JobPeriod, reach: Reach) -> int:
        visible = exists().where(jobs.c.id == period.job_id, within(jobs.c.project_id, reach))
        query = (
            select(func.coalesce(func.sum(targets.c.log_bytes), 0))
            .select_from(targets.join(executions))
            .where(*_within(period))
        )
        async with connecting(self._engine) as connection:
            there = await connection.execute(select(visible))
            if not there.scalar_one():
                raise JobNotFoundError(f"There is no job {period.job_id}.")
            return int((await connection.execute(query)).scalar_one())

    async def of_job(
        self, period: JobPeriod, before: ExecutionId | None, count: int
    ) -> Sequence[SearchedLog]:
        page = _executions(period).limit(count)
        if before is not None:
            page = page.where(executions.c.id < before)
        async with connecting(self._engine) as connection:
            found = await connection.execute(_LOGS.where(targets.c.execution_id.in_(page)))
            return [_searched(row) for row in found.mappings()]


def _executions(period: JobPeriod) -> Select[tuple[int]]:
    # 対象のない実行を数えると、それだけの頁が「もうない」に見えてしまう
    has_targets = exists().where(targets.c.execution_id == executions.c.id)
    return select(executions.c.id).where(*_within(period), has_targets).order_by(executions.c.id.desc())


def _within(period: JobPeriod) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [executions.c.job_id == period.job_id]
    if period.since is not None:
        conditions.append(executions.c.created_at >= period.since)
    if period.until is not None:
        conditions.append(executions.c.created_at < period.until)
    return conditions


def _searched(row: RowMapping) -> SearchedLog:
    return SearchedLog(
        TargetId(row["id"]), ExecutionId(row["execution_id"]), row["server_name"], row["log_bytes"]
    )
