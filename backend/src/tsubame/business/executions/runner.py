"""配達された対象を動かす。一つのワーカーに一つ。"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from tsubame.business.executions.cleaner import Cleaner
from tsubame.business.executions.driver import DriverPorts, TargetDriver
from tsubame.business.executions.entities import Assignment
from tsubame.business.executions.errors import LeaseLostError
from tsubame.business.executions.records import RecordTx
from tsubame.business.shared.ids import TargetId, WorkerId
from tsubame.business.shared.persistence import persist
from tsubame.business.shared.signals import Signal, SignalKind
from tsubame.business.shared.transactions import Transactions

_CLOSE_S: Final = 1.0
_log = logging.getLogger(__name__)


class TargetRunner:
    """動かしている対象の名簿と、中止の取り次ぎ。"""

    def __init__(
        self,
        transactions: Transactions[RecordTx],
        ports: DriverPorts,
        cleaner: Cleaner,
        worker_id: WorkerId,
    ) -> None:
        self._transactions = transactions
        self._ports = ports
        self._cleaner = cleaner
        self._worker_id = worker_id
        self._cancels: dict[TargetId, asyncio.Event] = {}
        self._drives: set[asyncio.Task[None]] = set()
        self._stopping = False

    @property
    def running_count(self) -> int:
        return len(self._drives)

    async def deliver(self, target_id: TargetId, claimed: asyncio.Event | None = None) -> None:
        """配達を受ける。引き受けたら ``claimed`` を立て、終わるまで戻らない。番でなければ、すぐ戻る。"""
        if self._stopping:
            return
        drive = asyncio.create_task(
            self._deliver(target_id, claimed or asyncio.Event()), name=f"drive-{target_id}"
        )
        self._drives.add(drive)
        drive.add_done_callback(self._drives.discard)
        # 配達の列が途切れて待つのをやめても、運転は続ける。止めるのは stop() だけ
        await asyncio.shield(drive)

    async def _deliver(self, target_id: TargetId, claimed: asyncio.Event) -> None:
        assignment = await self._ports.records.claim(target_id)
        if assignment is None:
            return
        claimed.set()
        cancel = self._cancels[target_id] = asyncio.Event()
        if assignment.cancel_requested:
            cancel.set()
        try:
            await self._drive(assignment, cancel)
        finally:
            del self._cancels[target_id]

    async def _drive(self, assignment: Assignment, cancel: asyncio.Event) -> None:
        driver = TargetDriver(self._ports, assignment)
        try:
            result = await driver.drive(cancel)
        except LeaseLostError:
            _log.warning("lease_lost target_id=%d", assignment.lease.target_id)
            # 引き継がれたとは限らない。データベースが倒れて、書いたログの最後が巻き戻ることもある
            await self._let_go(assignment)
        except Exception:  # noqa: BLE001  ワーカーの輪は、想定外の失敗を一つの対象に閉じ込める
            # 手放せば、間をおいて配達し直される
            _log.exception("drive_failed target_id=%d", assignment.lease.target_id)
            await self._let_go(assignment)
        else:
            self._cleaner.clean_soon(assignment, result.state, driver.endpoint)

    async def _let_go(self, assignment: Assignment) -> None:
        """自分がまだ持っているなら手放す。見回りが、間をおいて配達し直す。"""
        await persist(self._transactions, lambda tx: tx.targets.release(assignment.lease))

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
        async with self._transactions.begin() as tx:
            for target_id in await tx.targets.cancel_requested(watched):
                self._set_cancel(target_id)

    async def stop(self) -> None:
        """静かに止まる。走りはサーバの上で続き、ほかのワーカーか次の起動が引き継ぐ。"""
        self._stopping = True
        for drive in self._drives:
            drive.cancel()
        if self._drives:
            # 届かないサーバの接続を閉じるのに手間取る運転がいても、引き継ぎは遅らせない。
            # 権利を手放したあとに書こうとしても、もう何も書けない
            await asyncio.wait(self._drives, timeout=_CLOSE_S)
        await persist(self._transactions, self._put_back)

    async def _put_back(self, tx: RecordTx) -> None:
        """手放すのと列に戻すのを、一つの取引で。見回りを待たずに、ほかの者が続きを追う。"""
        await tx.queue.deliver(await tx.targets.release_all(self._worker_id))
