"""配達された対象を動かす。一つのワーカーに一つ。"""

import asyncio
import logging
from collections.abc import Sequence

from tsubame.business.executions.cleaner import Cleaner
from tsubame.business.executions.driver import DriverPorts, TargetDriver
from tsubame.business.executions.entities import Assignment
from tsubame.business.executions.errors import LeaseLostError
from tsubame.business.shared.ids import TargetId, WorkerId
from tsubame.business.shared.persistence import persist
from tsubame.business.shared.signals import Signal, SignalKind

_log = logging.getLogger(__name__)


class TargetRunner:
    """動かしている対象の名簿と、中止の取り次ぎ。"""

    def __init__(self, ports: DriverPorts, cleaner: Cleaner, worker_id: WorkerId) -> None:
        self._ports = ports
        self._cleaner = cleaner
        self._worker_id = worker_id
        self._cancels: dict[TargetId, asyncio.Event] = {}
        self._drives: set[asyncio.Task[None]] = set()
        self._stopping = False

    @property
    def running_count(self) -> int:
        return len(self._drives)

    async def deliver(self, target_id: TargetId) -> None:
        """配達を受ける。終わるまで戻らない。自分の番でなければ、すぐ戻る。"""
        if self._stopping:
            return
        drive = asyncio.create_task(self._deliver(target_id), name=f"drive-{target_id}")
        self._drives.add(drive)
        drive.add_done_callback(self._drives.discard)
        # 配達の列が途切れて待つのをやめても、運転は続ける。止めるのは stop() だけ
        await asyncio.shield(drive)

    async def _deliver(self, target_id: TargetId) -> None:
        assignment = await persist(
            self._ports.transactions,
            lambda tx: tx.targets.claim(target_id, self._worker_id, self._ports.clock.now()),
        )
        if assignment is None:
            return
        cancel = self._cancels[target_id] = asyncio.Event()
        if assignment.cancel_requested:
            cancel.set()
        try:
            await self._drive(assignment, cancel)
        finally:
            del self._cancels[target_id]

    async def _drive(self, assignment: Assignment, cancel: asyncio.Event) -> None:
        try:
            result = await TargetDriver(self._ports, assignment).drive(cancel)
        except LeaseLostError:
            _log.warning("lease_lost target_id=%d", assignment.lease.target_id)
        except asyncio.CancelledError:
            await self._hand_over(assignment)
            raise
        except Exception:  # noqa: BLE001  ワーカーの輪は、想定外の失敗を一つの対象に閉じ込める
            # 手放せば、間をおいて配達し直される
            _log.exception("drive_failed target_id=%d", assignment.lease.target_id)
            await self._hand_over(assignment)
        else:
            self._cleaner.clean_soon(assignment, result.state)

    async def _hand_over(self, assignment: Assignment) -> None:
        await persist(self._ports.transactions, lambda tx: tx.targets.release(assignment.lease))

    def on_signal(self, signal: Signal) -> None:
        if signal.kind is SignalKind.CANCEL:
            for target_id in signal.ids:
                self._set_cancel(TargetId(target_id))

    def _set_cancel(self, target_id: TargetId) -> None:
        if (cancel := self._cancels.get(target_id)) is not None:
            cancel.set()

    async def look_for_cancels(self) -> None:
        """合図を取りこぼしたときのための、読み直し。"""
        watched: Sequence[TargetId] = [key for key, cancel in self._cancels.items() if not cancel.is_set()]
        if not watched:
            return
        async with self._ports.transactions.begin() as tx:
            for target_id in await tx.targets.cancel_requested(watched):
                self._set_cancel(target_id)

    async def stop(self) -> None:
        """静かに止まる。走りはサーバの上で続き、ほかのワーカーか次の起動が引き継ぐ。"""
        self._stopping = True
        drives = list(self._drives)
        for drive in drives:
            drive.cancel()
        await asyncio.gather(*drives, return_exceptions=True)
