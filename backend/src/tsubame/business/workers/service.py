"""ワーカーの用件: 見る、引き受けを止める、再開する。"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from tsubame.business.audit.entities import AuditEvent
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.ids import WorkerId
from tsubame.business.shared.permissions import Permission
from tsubame.business.shared.signals import SignalKind
from tsubame.business.shared.transactions import Transactions
from tsubame.business.workers.entities import Worker, WorkerState
from tsubame.business.workers.errors import WorkerStoppedError
from tsubame.business.workers.ports import WorkersTx

_REMEMBERED: Final = timedelta(days=1)
"""去った者、黙った者を、一覧に残しておく長さ。"""


class WorkerService:
    def __init__(self, transactions: Transactions[WorkersTx]) -> None:
        self._transactions = transactions

    async def list(self, actor: Actor) -> Sequence[Worker]:
        actor.require(Permission.WORKER_READ)
        async with self._transactions.begin() as tx:
            return await tx.workers.heard_within(_REMEMBERED)

    async def drain(self, actor: Actor, worker_id: WorkerId) -> Worker:
        """新しい対象を引き受けさせない。動いているものは最後まで動く。

        Raises: WorkerNotFoundError, WorkerStoppedError。
        """
        return await self._set_draining(actor, worker_id, draining=True)

    async def resume(self, actor: Actor, worker_id: WorkerId) -> Worker:
        """また引き受けさせる。Raises: WorkerNotFoundError, WorkerStoppedError。"""
        return await self._set_draining(actor, worker_id, draining=False)

    async def _set_draining(self, actor: Actor, worker_id: WorkerId, *, draining: bool) -> Worker:
        actor.require(Permission.WORKER_DRAIN)
        async with self._transactions.begin() as tx:
            changed = await tx.workers.set_draining(worker_id, draining=draining)
            worker = await tx.workers.get(worker_id)
            if worker.state is WorkerState.STOPPED:
                raise WorkerStoppedError(f"The worker {worker.name} has already stopped.")
            if changed:
                action = "worker.drained" if draining else "worker.resumed"
                await tx.audit.record(AuditEvent(actor, action, "worker", worker_id, worker.name))
                await tx.signals.send(SignalKind.WORKER, [worker_id])
        return worker
