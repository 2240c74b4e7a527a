"""対象の状態から、実行の行を直す。"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tsubame.business.executions.states import ENDED_EXECUTIONS, ExecutionState, TargetState, derive
from tsubame.business.shared.ids import ExecutionId
from tsubame.business.shared.signals import Signal, SignalKind
from tsubame.data_access.db.signals import CHANNEL, encode
from tsubame.data_access.tables.executions import executions, targets
from tsubame.data_access.tables.variables import variables

_NOT_STARTED: Final = (ExecutionState.QUEUED, ExecutionState.PAUSED, ExecutionState.SKIPPED)


async def refresh_execution(
    connection: AsyncConnection, execution_id: ExecutionId, at: datetime
) -> ExecutionState:
    """状態と数を数え直し、変わったことを合図する。

    呼ぶ側が実行の行を鎖していること。鎖していないと、同時に終わった二つの対象が互いの終わりを見落とす。
    """
    counted = await connection.execute(
        select(targets.c.state, func.count().label("n"), executions.c.paused_at)
        .join(executions, executions.c.id == targets.c.execution_id)
        .where(targets.c.execution_id == execution_id, targets.c.latest)
        .group_by(targets.c.state, executions.c.paused_at)
    )
    rows = counted.all()
    counts = {TargetState(row.state): row.n for row in rows}
    state = derive(counts, paused=any(row.paused_at is not None for row in rows))
    values: dict[str, object] = {
        "state": state,
        "state_counts": {str(key): n for key, n in counts.items()},
        "finished_at": at if state in ENDED_EXECUTIONS else None,
    }
    if state not in _NOT_STARTED:
        values["started_at"] = func.coalesce(executions.c.started_at, at)
    # 置き換えと合図を、一度の往復で済ませる
    told = func.pg_notify(CHANNEL, encode(Signal(SignalKind.EXECUTION, (execution_id,))))
    await connection.execute(
        update(executions).where(executions.c.id == execution_id).values(values).returning(told)
    )
    return state


async def forget_given_secrets(connection: AsyncConnection, execution_ids: Sequence[ExecutionId]) -> None:
    """実行だけに渡された秘密は、終わったら値を捨てる。まだ終わっていない実行(やり直しがある)のものは残す。"""
    ended = select(executions.c.id).where(
        executions.c.id == func.any(list(execution_ids)), executions.c.finished_at.is_not(None)
    )
    await connection.execute(
        update(variables)
        .where(variables.c.execution_id.in_(ended), variables.c.sealed.is_not(None))
        .values(sealed=None)
    )
