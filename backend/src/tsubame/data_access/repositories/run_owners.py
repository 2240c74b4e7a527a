"""サーバの上の走りの名前から、それを動かした対象を引く。"""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from tsubame.business.executions.ports import RunOwner
from tsubame.business.executions.states import TargetState
from tsubame.business.shared.ids import ExecutionId, ProjectId, TargetId
from tsubame.data_access.tables.executions import executions, targets


class SqlRunOwnerRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def of(self, run_ids: Sequence[str]) -> dict[str, RunOwner]:
        found = await self._connection.execute(
            select(
                targets.c.run_id,
                targets.c.id,
                targets.c.execution_id,
                executions.c.project_id,
                targets.c.state,
            )
            .join(executions, executions.c.id == targets.c.execution_id)
            .where(targets.c.run_id.in_(run_ids))
        )
        return {
            row.run_id: RunOwner(
                TargetId(row.id),
                ExecutionId(row.execution_id),
                ProjectId(row.project_id),
                TargetState(row.state),
            )
            for row in found
        }
