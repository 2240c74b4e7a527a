"""実行の進み: 対象が終わるたびに、やり直すか、次の波を開くか、止めるかを決める。"""

import random
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from tsubame.business.executions.entities import (
    EndedTarget,
    Ending,
    Lease,
    PauseReason,
)
from tsubame.business.executions.ports import TargetRepository
from tsubame.business.executions.reasons import Reason
from tsubame.business.executions.retries import delay_s, should_retry
from tsubame.business.executions.states import ExecutionState
from tsubame.business.executions.strategies import Progress, Step, next_step
from tsubame.business.jobs.policies import Strategy
from tsubame.business.shared.ids import ExecutionId, JobId, TargetId
from tsubame.business.shared.signals import SignalKind, Signals


@dataclass(frozen=True, slots=True)
class Flow:
    """鎖した実行の、今の進み。"""

    state: ExecutionState
    job_id: JobId | None
    job_name: str
    strategy: Strategy
    progress: Progress


@dataclass(frozen=True, slots=True)
class Pause:
    """止めること。``by_name`` は、仕組みが止めたなら ``None``。"""

    reason: PauseReason
    by_name: str | None
    at: datetime


class FlowRepository(Protocol):
    """実行の進みを動かす口。どれも、実行の行を鎖したまま使う。"""

    async def lock(self, execution_id: ExecutionId) -> Flow:
        """Raises: ExecutionNotFoundError。"""
        ...

    async def pause(self, execution_id: ExecutionId, pause: Pause) -> None: ...

    async def go_on(self, execution_id: ExecutionId, accepted_failures: int) -> None:
        """止めていたのを解く。``accepted_failures`` までの失敗は、もう数えない。"""
        ...

    async def open_wave(self, execution_id: ExecutionId, wave: int) -> None: ...

    async def skip_waiting(self, execution_id: ExecutionId, reason: Reason, at: datetime) -> None:
        """まだ始めると決めていない対象を飛ばす。"""
        ...

    async def to_try_again(self, execution_id: ExecutionId) -> list[TargetId]:
        """成功しなかった対象(位置ごとの最後の試み)。並びの順。"""
        ...

    async def queue_again(self, execution_id: ExecutionId, at: datetime) -> None:
        """終わった実行を、もう一度待ち行列に並べる。中止や一時停止の跡は消す。"""
        ...

    async def forget_secrets(self, execution_ids: Sequence[ExecutionId]) -> None:
        """終わった実行だけに渡された秘密の値を捨てる。"""
        ...

    async def refresh(self, execution_id: ExecutionId, at: datetime) -> None:
        """対象の行から、実行の状態と数を直し、合図を送る。"""
        ...


class FlowTx(Protocol):
    @property
    def targets(self) -> TargetRepository: ...

    @property
    def flow(self) -> FlowRepository: ...

    @property
    def signals(self) -> Signals: ...


async def end_targets(tx: FlowTx, endings: Sequence[Ending], at: datetime) -> AbstractSet[TargetId]:
    """対象の終わりを確定させ、それぞれの実行を次へ進める。終わりを記せた対象を返す。

    権利を失っていた対象の終わりは、記されない。
    """
    ended = await tx.targets.finish(endings, at)
    moving: dict[ExecutionId, bool] = {}
    for ending in endings:
        facts = ended.get(ending.lease.target_id)
        if facts is None or facts.cancel_requested:
            continue
        execution_id = ending.lease.execution_id
        if should_retry(facts.spec.retry, facts.attempt, ending.result, first_hand=ending.lease.epoch == 1):
            await _try_again(tx, ending.lease, facts, at)
            moving.setdefault(execution_id, False)
        elif facts.spec.strategy.waves or facts.spec.strategy.max_failures is not None:
            moving[execution_id] = True
    for execution_id, by_strategy in moving.items():
        await (advance if by_strategy else _refresh)(tx, execution_id, at)
    await tx.flow.forget_secrets(sorted({ending.lease.execution_id for ending in endings}))
    # 空きができた
    await tx.signals.send(SignalKind.QUEUE, [0])
    return ended.keys()


async def _try_again(tx: FlowTx, lease: Lease, ended: EndedTarget, at: datetime) -> None:
    wait = delay_s(ended.spec.retry, ended.attempt, random.random())  # noqa: S311  暗号ではなく、散らすため
    await tx.targets.try_again([lease.target_id], at, not_before=at + timedelta(seconds=wait))


async def _refresh(tx: FlowTx, execution_id: ExecutionId, at: datetime) -> None:
    await tx.flow.refresh(execution_id, at)


async def advance(tx: FlowTx, execution_id: ExecutionId, at: datetime) -> None:
    """作戦が言うことをする。"""
    flow = await tx.flow.lock(execution_id)
    match next_step(flow.strategy, flow.progress):
        case Step.GO_ON:
            return
        case Step.OPEN_NEXT_WAVE if flow.progress.next_wave is not None:
            await tx.flow.open_wave(execution_id, flow.progress.next_wave)
        case Step.PAUSE_BETWEEN_WAVES:
            await tx.flow.pause(execution_id, Pause(PauseReason.BETWEEN_WAVES, None, at))
        case Step.PAUSE_FOR_FAILURES:
            await tx.flow.pause(execution_id, Pause(PauseReason.TOO_MANY_FAILURES, None, at))
        case Step.STOP:
            await tx.flow.skip_waiting(execution_id, Reason.STRATEGY_STOPPED, at)
    await tx.flow.refresh(execution_id, at)
