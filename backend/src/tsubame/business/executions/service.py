"""実行の用件: 止める、待たせる、続ける、見る。始めるのは starting.py。"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from tsubame.business.audit.entities import AuditEvent
from tsubame.business.audit.ports import AuditLog
from tsubame.business.executions.entities import Execution, ExecutionDetail, PauseReason, Target
from tsubame.business.executions.environments import RunSecretRepository, UsedSecret
from tsubame.business.executions.errors import AlreadyEndedError, AlreadyPausedError, NotPausedError
from tsubame.business.executions.flow import Flow, FlowRepository, Pause
from tsubame.business.executions.ports import (
    ExecutionFilter,
    ExecutionRepository,
    HourCount,
    Sizes,
    TargetHome,
    TargetRepository,
)
from tsubame.business.executions.states import ENDED_EXECUTIONS, LIVE_EXECUTIONS, ExecutionState
from tsubame.business.executions.strategies import wave_to_open_on_continue
from tsubame.business.shared.actor import Actor, narrowed
from tsubame.business.shared.clock import Clock
from tsubame.business.shared.ids import ExecutionId, ProjectId, TargetId
from tsubame.business.shared.paging import Page, PageRequest
from tsubame.business.shared.permissions import Permission
from tsubame.business.shared.signals import SignalKind, Signals
from tsubame.business.shared.transactions import Transactions
from tsubame.business.variables.entities import Owner, Variable, VariableScope
from tsubame.business.variables.ports import VariableRepository


class ExecutionTx(Protocol):
    @property
    def executions(self) -> ExecutionRepository: ...

    @property
    def targets(self) -> TargetRepository: ...

    @property
    def flow(self) -> FlowRepository: ...

    @property
    def variables(self) -> VariableRepository: ...

    @property
    def run_secrets(self) -> RunSecretRepository: ...

    @property
    def audit(self) -> AuditLog: ...

    @property
    def signals(self) -> Signals: ...


@dataclass(frozen=True, slots=True)
class Overview:
    """ダッシュボードの中身。"""

    running: Sequence[Execution]
    failed: Sequence[Execution]
    hours: Sequence[HourCount]
    sizes: Sizes


@dataclass(frozen=True, slots=True)
class ExecutionVariables:
    """実行に渡した変数と、対象が使った秘密(名前と版)。"""

    given: Sequence[Variable]
    used: Sequence[UsedSecret]


class ExecutionService:
    def __init__(self, transactions: Transactions[ExecutionTx], clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def variables(self, actor: Actor, execution_id: ExecutionId) -> ExecutionVariables:
        """Raises: ExecutionNotFoundError。"""
        reach = actor.reach(Permission.EXECUTION_READ)
        async with self._transactions.begin() as tx:
            await tx.executions.get(execution_id, reach)
            given = await tx.variables.of(Owner(VariableScope.EXECUTION, execution_id))
            return ExecutionVariables(given, await tx.run_secrets.used(execution_id))

    async def cancel(self, actor: Actor, execution_id: ExecutionId) -> ExecutionDetail:
        """中止を求める。プロセスが消えるのを待たずに戻る。

        Raises:
            ExecutionNotFoundError, AlreadyEndedError。
        """
        async with self._transactions.begin() as tx:
            await _check(tx, actor, Permission.EXECUTION_CANCEL, execution_id)
            left = await tx.executions.request_cancel(execution_id, actor, self._clock.now())
            detail = await tx.executions.detail(execution_id)
            await tx.signals.send(SignalKind.CANCEL, left)
            await _tell(tx, _event(actor, "execution.cancelled", detail.execution))
        return detail

    async def pause(self, actor: Actor, execution_id: ExecutionId) -> ExecutionDetail:
        """新しい対象を始めないようにする。動いている対象は、最後まで動く。

        Raises: ExecutionNotFoundError, AlreadyEndedError, AlreadyPausedError。
        """
        async with self._transactions.begin() as tx:
            await _check(tx, actor, Permission.EXECUTION_PAUSE, execution_id)
            now = self._clock.now()
            flow = await _live(tx, execution_id)
            if flow.progress.paused:
                raise AlreadyPausedError(f"Execution {execution_id} is already paused.")
            await tx.flow.pause(execution_id, Pause(PauseReason.BY_PERSON, actor.name, now))
            await tx.flow.refresh(execution_id, now)
            detail = await tx.executions.detail(execution_id)
            await _tell(tx, _event(actor, "execution.paused", detail.execution))
            return detail

    async def go_on(self, actor: Actor, execution_id: ExecutionId) -> ExecutionDetail:
        """待たせていた実行を続ける。ここまでの失敗は許したことにし、終わった波の次を開く。

        Raises: ExecutionNotFoundError, AlreadyEndedError, NotPausedError。
        """
        async with self._transactions.begin() as tx:
            await _check(tx, actor, Permission.EXECUTION_PAUSE, execution_id)
            now = self._clock.now()
            flow = await _live(tx, execution_id)
            if not flow.progress.paused:
                raise NotPausedError(f"Execution {execution_id} is not paused.")
            await tx.flow.go_on(execution_id, flow.progress.failures)
            wave = wave_to_open_on_continue(flow.progress)
            if wave is not None:
                await tx.flow.open_wave(execution_id, wave)
            await tx.flow.refresh(execution_id, now)
            detail = await tx.executions.detail(execution_id)
            await _tell(tx, _event(actor, "execution.continued", detail.execution))
            return detail

    async def get(self, actor: Actor, execution_id: ExecutionId) -> ExecutionDetail:
        reach = actor.reach(Permission.EXECUTION_READ)
        async with self._transactions.begin() as tx:
            return await tx.executions.detail(execution_id, reach)

    async def target(self, actor: Actor, target_id: TargetId) -> Target:
        reach = actor.reach(Permission.EXECUTION_READ)
        async with self._transactions.look() as tx:
            return await tx.targets.get(target_id, reach)

    async def home(self, actor: Actor, target_id: TargetId) -> TargetHome:
        """ログを読んでよい対象と、そのあるプロジェクト。Raises: TargetNotFoundError。"""
        reach = actor.reach(Permission.EXECUTION_READ)
        async with self._transactions.look() as tx:
            return await tx.targets.home(target_id, reach)

    async def page(self, actor: Actor, where: ExecutionFilter, request: PageRequest) -> Page[Execution]:
        reach = actor.reach(Permission.EXECUTION_READ)
        async with self._transactions.begin() as tx:
            return await tx.executions.page(where, reach, request)

    async def by_ids(self, actor: Actor, execution_ids: Sequence[ExecutionId]) -> list[Execution]:
        reach = actor.reach(Permission.EXECUTION_READ)
        async with self._transactions.begin() as tx:
            return await tx.executions.by_ids(execution_ids, reach)

    async def overview(self, actor: Actor, project_id: ProjectId | None = None) -> Overview:
        """今動いているもの、最後に失敗したもの、直近二十四時間。"""
        reach = narrowed(actor.reach(Permission.EXECUTION_READ), project_id)
        async with self._transactions.begin() as tx:
            live = ExecutionFilter(states=LIVE_EXECUTIONS)
            bad = ExecutionFilter(states=_BAD)
            return Overview(
                running=(await tx.executions.page(live, reach, PageRequest(limit=20))).items,
                failed=(await tx.executions.page(bad, reach, PageRequest(limit=10))).items,
                hours=await tx.executions.hourly(self._clock.now() - timedelta(hours=24), reach),
                sizes=await tx.executions.sizes(reach),
            )


_BAD = (
    ExecutionState.FAILED,
    ExecutionState.PARTIALLY_FAILED,
    ExecutionState.TIMED_OUT,
    ExecutionState.LOST,
)


async def _check(tx: ExecutionTx, actor: Actor, permission: Permission, execution_id: ExecutionId) -> None:
    """Raises: ExecutionNotFoundError, PermissionDeniedError。"""
    execution = await tx.executions.get(execution_id, actor.sight)
    actor.require(permission, execution.project_id)


async def _live(tx: ExecutionTx, execution_id: ExecutionId) -> Flow:
    flow = await tx.flow.lock(execution_id)
    if flow.state in ENDED_EXECUTIONS:
        raise AlreadyEndedError(f"Execution {execution_id} has already ended.")
    return flow


def _event(actor: Actor, action: str, execution: Execution) -> AuditEvent:
    return AuditEvent(
        actor, action, "execution", execution.id, execution.job_name, project_id=execution.project_id
    )


async def _tell(tx: ExecutionTx, event: AuditEvent) -> None:
    """記録し、待ち行列が動けるかもしれないことを知らせる。"""
    await tx.audit.record(event)
    await tx.signals.send(SignalKind.QUEUE, [0])
