"""実行の用件: 始める、止める、もう一度、見る。"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol

from tsubame.business.audit.entities import AuditEvent
from tsubame.business.audit.ports import AuditLog
from tsubame.business.executions.entities import Execution, ExecutionDetail, Target
from tsubame.business.executions.errors import IdempotencyMismatchError
from tsubame.business.executions.ports import (
    ExecutionFilter,
    ExecutionRepository,
    HourCount,
    NewExecution,
    Queue,
    Sizes,
    TargetRepository,
)
from tsubame.business.executions.states import ExecutionState
from tsubame.business.jobs.entities import Job, ServerRef
from tsubame.business.jobs.errors import JobDisabledError, JobHasNoServersError, JobNotFoundError
from tsubame.business.jobs.ports import JobRepository
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.clock import Clock
from tsubame.business.shared.ids import ExecutionId, JobId, TargetId
from tsubame.business.shared.paging import Page, PageRequest
from tsubame.business.shared.permissions import Permission
from tsubame.business.shared.signals import SignalKind, Signals
from tsubame.business.shared.transactions import Transactions


class ExecutionTx(Protocol):
    @property
    def jobs(self) -> JobRepository: ...

    @property
    def executions(self) -> ExecutionRepository: ...

    @property
    def targets(self) -> TargetRepository: ...

    @property
    def queue(self) -> Queue: ...

    @property
    def audit(self) -> AuditLog: ...

    @property
    def signals(self) -> Signals: ...


@dataclass(frozen=True, slots=True)
class StartRequest:
    """実行を始める頼み。

    Attributes:
        idempotency_key: 同じ鍵で二度頼まれたら、二度目は最初の実行を返す。
        rerun_of: もう一度動かすときの、元の実行。
    """

    job_id: JobId
    idempotency_key: str | None = None
    rerun_of: ExecutionId | None = None


@dataclass(frozen=True, slots=True)
class Overview:
    """ダッシュボードの中身。"""

    running: Sequence[Execution]
    failed: Sequence[Execution]
    hours: Sequence[HourCount]
    sizes: Sizes


class ExecutionService:
    def __init__(self, transactions: Transactions[ExecutionTx], clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def start(self, actor: Actor, request: StartRequest) -> ExecutionDetail:
        """実行を頼む。待ち行列に積んだら戻る。

        Raises:
            JobNotFoundError, JobDisabledError, JobHasNoServersError, IdempotencyMismatchError。
        """
        actor.require(Permission.EXECUTION_START)
        async with self._transactions.begin() as tx:
            if request.idempotency_key is not None:
                earlier = await tx.executions.find_by_idempotency_key(actor.user_id, request.idempotency_key)
                if earlier is not None:
                    if earlier.job_id != request.job_id:
                        raise IdempotencyMismatchError("This Idempotency-Key already started another job.")
                    return await tx.executions.detail(earlier.id)
            job = await tx.jobs.get(request.job_id)
            return await self._add(tx, actor, job, request)

    async def rerun(self, actor: Actor, execution_id: ExecutionId) -> ExecutionDetail:
        """同じ中身(当時の写し)を、同じサーバで、もう一度動かす。"""
        actor.require(Permission.EXECUTION_START)
        async with self._transactions.begin() as tx:
            earlier = await tx.executions.detail(execution_id)
            if earlier.execution.job_id is None:
                raise JobNotFoundError("The job of this execution was deleted.")
            job = await tx.jobs.get(earlier.execution.job_id)
            servers = tuple(
                ServerRef(target.server_id, target.server_name)
                for target in earlier.targets
                if target.server_id is not None
            )
            as_it_was = replace(job, spec=earlier.spec, servers=servers)
            return await self._add(tx, actor, as_it_was, StartRequest(job.id, rerun_of=execution_id))

    async def _add(self, tx: ExecutionTx, actor: Actor, job: Job, request: StartRequest) -> ExecutionDetail:
        if not job.enabled:
            raise JobDisabledError(f"The job {job.name!r} is disabled.", params={"name": job.name})
        if not job.servers:
            raise JobHasNoServersError(f"The job {job.name!r} has no servers to run on.")
        now = self._clock.now()
        execution_id = await tx.executions.add(
            NewExecution(
                job=job,
                servers=job.servers,
                run_ids=tuple(new_run_id(now.strftime("%y%m%d%H%M%S")) for _ in job.servers),
                requested_by=actor,
                rerun_of=request.rerun_of,
                idempotency_key=request.idempotency_key,
                created_at=now,
            )
        )
        await tx.queue.deliver(await tx.executions.target_ids(execution_id))
        await tx.audit.record(AuditEvent(actor, "execution.started", "execution", execution_id, job.name))
        await tx.signals.send(SignalKind.EXECUTION, [execution_id])
        return await tx.executions.detail(execution_id)

    async def cancel(self, actor: Actor, execution_id: ExecutionId) -> ExecutionDetail:
        """中止を求める。プロセスが消えるのを待たずに戻る。

        Raises:
            ExecutionNotFoundError, AlreadyEndedError。
        """
        actor.require(Permission.EXECUTION_CANCEL)
        async with self._transactions.begin() as tx:
            left = await tx.executions.request_cancel(execution_id, actor, self._clock.now())
            detail = await tx.executions.detail(execution_id)
            name = detail.execution.job_name
            await tx.audit.record(AuditEvent(actor, "execution.cancelled", "execution", execution_id, name))
            await tx.signals.send(SignalKind.CANCEL, left)
        return detail

    async def get(self, actor: Actor, execution_id: ExecutionId) -> ExecutionDetail:
        actor.require(Permission.EXECUTION_READ)
        async with self._transactions.begin() as tx:
            return await tx.executions.detail(execution_id)

    async def target(self, actor: Actor, target_id: TargetId) -> Target:
        actor.require(Permission.EXECUTION_READ)
        async with self._transactions.begin() as tx:
            return await tx.targets.get(target_id)

    async def page(self, actor: Actor, where: ExecutionFilter, request: PageRequest) -> Page[Execution]:
        actor.require(Permission.EXECUTION_READ)
        async with self._transactions.begin() as tx:
            return await tx.executions.page(where, request)

    async def by_ids(self, actor: Actor, execution_ids: Sequence[ExecutionId]) -> list[Execution]:
        actor.require(Permission.EXECUTION_READ)
        async with self._transactions.begin() as tx:
            return await tx.executions.by_ids(execution_ids)

    async def overview(self, actor: Actor) -> Overview:
        """今動いているもの、最後に失敗したもの、直近二十四時間。"""
        actor.require(Permission.EXECUTION_READ)
        async with self._transactions.begin() as tx:
            live = ExecutionFilter(states=(ExecutionState.QUEUED, ExecutionState.RUNNING))
            bad = ExecutionFilter(states=_BAD)
            return Overview(
                running=(await tx.executions.page(live, PageRequest(limit=20))).items,
                failed=(await tx.executions.page(bad, PageRequest(limit=10))).items,
                hours=await tx.executions.hourly(self._clock.now() - timedelta(hours=24)),
                sizes=await tx.executions.sizes(),
            )


_BAD = (
    ExecutionState.FAILED,
    ExecutionState.PARTIALLY_FAILED,
    ExecutionState.TIMED_OUT,
    ExecutionState.LOST,
)


def new_run_id(stamp: str) -> str:
    """サーバの上での走りの名前。ほかの設置のつばめとも、決して重ならない。"""
    return f"{stamp}-{secrets.token_hex(8)}"
