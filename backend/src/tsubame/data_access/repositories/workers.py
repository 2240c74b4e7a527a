"""ワーカーの名簿の行。"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from sqlalchemy import RowMapping, Select, case, func, null, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tsubame.business.executions.states import ENDED, TargetState
from tsubame.business.shared.ids import WorkerId
from tsubame.business.workers.entities import Identity, Vitals, Worker
from tsubame.business.workers.errors import WorkerNotFoundError
from tsubame.data_access.tables.executions import targets, workers

_UNFINISHED: Final = tuple(state for state in TargetState if state not in ENDED)


class SqlWorkerRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def heard_within(self, age: timedelta) -> Sequence[Worker]:
        query = (
            _workers()
            .where(workers.c.heartbeat_at > func.now() - age)
            .order_by(workers.c.stopped_at.is_not(None), workers.c.id.desc())
        )
        return [_to_worker(row) for row in (await self._connection.execute(query)).mappings()]

    async def get(self, worker_id: WorkerId) -> Worker:
        found = await self._connection.execute(_workers().where(workers.c.id == worker_id))
        row = found.mappings().one_or_none()
        if row is None:
            raise WorkerNotFoundError(f"There is no worker {worker_id}.")
        return _to_worker(row)

    async def set_draining(self, worker_id: WorkerId, *, draining: bool) -> bool:
        was = workers.c.draining_at.is_(None) if draining else workers.c.draining_at.is_not(None)
        changed = await self._connection.execute(
            update(workers)
            .where(workers.c.id == worker_id, workers.c.stopped_at.is_(None), was)
            .values(draining_at=func.now() if draining else null())
            .returning(workers.c.id)
        )
        return changed.scalar_one_or_none() is not None


def _workers() -> Select[tuple[object, ...]]:
    running = (
        select(func.count())
        .where(targets.c.lease_worker_id == workers.c.id, targets.c.state.in_(_UNFINISHED))
        .scalar_subquery()
    )
    silence_s = func.extract("epoch", func.now() - workers.c.heartbeat_at)
    columns = [column for column in workers.c if column is not workers.c.stats]
    vitals = case((workers.c.stats != {}, workers.c.stats))
    return select(*columns, vitals.label("vitals"), running.label("running"), silence_s.label("silence_s"))


def _to_worker(row: RowMapping) -> Worker:
    return Worker(
        id=WorkerId(row["id"]),
        identity=Identity(row["host"], row["pid"], row["version"], row["capacity"]),
        running=row["running"],
        vitals=None if row["vitals"] is None else Vitals(**row["vitals"]),
        started_at=row["started_at"],
        heartbeat_at=row["heartbeat_at"],
        silence_s=float(row["silence_s"]),
        draining_at=row["draining_at"],
        stopped_at=row["stopped_at"],
    )
