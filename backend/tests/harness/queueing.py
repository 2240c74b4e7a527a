"""待ち行列の姿を、HTTP も SSH も通さずに作る道具。"""

import itertools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import func, insert, select, update

from harness.executions import claim_target
from tsubame.business.executions.admission import admit
from tsubame.business.executions.entities import Ending, ExecutionDetail, ExecutionKind, Mark, TargetResult
from tsubame.business.executions.flow import end_targets
from tsubame.business.executions.ports import NewExecution
from tsubame.business.executions.states import TargetState
from tsubame.business.executions.strategies import plan_waves
from tsubame.business.jobs.entities import ScriptSpec, ServerRef
from tsubame.business.jobs.policies import ALL_AT_ONCE, NO_RETRY, Retry, Strategy
from tsubame.business.shared.actor import SYSTEM
from tsubame.business.shared.ids import DEFAULT_PROJECT, ExecutionId, JobId, ServerId, TargetId, WorkerId
from tsubame.data_access.tables.credentials import credentials
from tsubame.data_access.tables.executions import executions, limits, targets, workers
from tsubame.data_access.tables.jobs import jobs
from tsubame.data_access.tables.projects import projects
from tsubame.data_access.tables.servers import servers
from tsubame.data_access.transactions import SqlTransactions

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Order:
    """並べる実行。``age_s`` 秒前から待っていることになる。"""

    job_id: JobId | None = None
    priority: int = 0
    age_s: float = 0.0
    strategy: Strategy = ALL_AT_ONCE
    retry: Retry = NO_RETRY
    limited: bool = False


@dataclass(frozen=True)
class Floor:
    """一つの設置の、待ち行列のまわり。"""

    transactions: SqlTransactions

    async def worker(self, capacity: int) -> None:
        async with self.transactions.begin() as tx:
            await tx.connection.execute(
                insert(workers).values(host="test", pid=1, version="0", capacity=capacity)
            )

    async def limit(self, everything: int | None = None, project: int | None = None) -> None:
        async with self.transactions.begin() as tx:
            await tx.connection.execute(update(limits).values(max_parallel=everything))
            await tx.connection.execute(update(projects).values(max_parallel=project))

    async def servers(self, count: int, max_parallel: int | None = None) -> list[ServerRef]:
        async with self.transactions.begin() as tx:
            values = {"project_id": DEFAULT_PROJECT, "name": f"c{next(_numbers)}", "kind": "password"}
            secret = {"has_passphrase": False, "sealed": ""}
            credential = await tx.connection.execute(
                insert(credentials).values(values | secret).returning(credentials.c.id)
            )
            same = {
                "project_id": DEFAULT_PROJECT,
                "host": "127.0.0.1",
                "port": 22,
                "username": "root",
                "credential_id": credential.scalar_one(),
                "max_parallel": max_parallel,
            }
            rows = [same | {"name": f"s{next(_numbers)}"} for _ in range(count)]
            added = await tx.connection.execute(
                insert(servers).returning(servers.c.id, servers.c.name, sort_by_parameter_order=True), rows
            )
            return [ServerRef(ServerId(row.id), row.name) for row in added]

    async def job(self, concurrency_limit: int | None = None) -> JobId:
        values = {"project_id": DEFAULT_PROJECT, "name": f"j{next(_numbers)}", "kind": "script", "spec": {}}
        async with self.transactions.begin() as tx:
            added = await tx.connection.execute(
                insert(jobs).values(values | {"concurrency_limit": concurrency_limit}).returning(jobs.c.id)
            )
            return JobId(added.scalar_one())

    async def queue(self, on: list[ServerRef], order: Order | None = None) -> ExecutionId:
        """実行を並べる。まだだれも始めない。"""
        order = order or Order()
        spec = ScriptSpec("true", None, (), None, None, order.strategy, order.retry)
        async with self.transactions.begin() as tx:
            added = await tx.executions.add(
                NewExecution(
                    kind=ExecutionKind.AD_HOC if order.job_id is None else ExecutionKind.JOB,
                    project_id=DEFAULT_PROJECT,
                    job_id=order.job_id,
                    job_name=f"x{next(_numbers)}",
                    spec=spec,
                    priority=order.priority,
                    servers=tuple(on),
                    waves=plan_waves(order.strategy, len(on)),
                    entered=not order.limited,
                    skipped=None,
                    requested_by=SYSTEM,
                    rerun_of=None,
                    idempotency_key=None,
                    created_at=datetime.now(UTC) - timedelta(seconds=order.age_s),
                )
            )
            return added.execution.id

    async def admit(self) -> int:
        async with self.transactions.begin() as tx:
            return len(await admit(tx, datetime.now(UTC)))

    async def inside(self, execution_id: ExecutionId) -> list[int]:
        """始めてよいと決まった、終わっていない対象の位置。"""
        query = select(targets.c.position).where(
            targets.c.execution_id == execution_id,
            targets.c.admitted_at.is_not(None),
            targets.c.finished_at.is_(None),
        )
        async with self.transactions.begin() as tx:
            return sorted((await tx.connection.execute(query)).scalars())

    async def entered(self, execution_id: ExecutionId) -> bool:
        query = select(executions.c.entered_at).where(executions.c.id == execution_id)
        async with self.transactions.begin() as tx:
            return (await tx.connection.execute(query)).scalar_one() is not None

    async def end(self, execution_id: ExecutionId, *positions: int) -> None:
        """動かしたことにして、成功で終える。位置を言わなければ全部。"""
        ended = (
            update(targets)
            .where(targets.c.execution_id == execution_id, targets.c.finished_at.is_(None))
            .values(state="succeeded", finished_at=func.now())
        )
        if positions:
            ended = ended.where(targets.c.position.in_(positions))
        async with self.transactions.begin() as tx:
            # 数え直す前に鎖すのが約束。でないと、同時に終わった二つが互いの終わりを見落とす
            await tx.flow.lock(execution_id)
            await tx.connection.execute(ended)
            await tx.flow.refresh(execution_id, datetime.now(UTC))

    async def target(self, execution_id: ExecutionId, position: int) -> TargetId:
        """その位置の、最後の試み。"""
        query = select(targets.c.id).where(
            targets.c.execution_id == execution_id, targets.c.position == position, targets.c.latest
        )
        async with self.transactions.begin() as tx:
            return TargetId((await tx.connection.execute(query)).scalar_one())

    async def run(self, execution_id: ExecutionId, position: int, result: TargetResult) -> None:
        """始めると決まった対象を引き受け、走らせたことにして、その終わり方で終える。"""
        target_id = await self.target(execution_id, position)
        now = datetime.now(UTC)
        async with self.transactions.begin() as tx:
            worker = (await tx.connection.execute(select(func.min(workers.c.id)))).scalar_one()
        assignment = await claim_target(self.transactions, target_id, WorkerId(worker), now)
        assert assignment is not None, f"位置 {position} は引き受けられない"
        async with self.transactions.begin() as tx:
            await tx.targets.mark([Mark(assignment.lease, TargetState.RUNNING)], now)
        async with self.transactions.begin() as tx:
            await end_targets(tx, [Ending(assignment.lease, result)], now)

    async def detail(self, execution_id: ExecutionId) -> ExecutionDetail:
        async with self.transactions.begin() as tx:
            return await tx.executions.detail(execution_id)
