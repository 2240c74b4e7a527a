"""対象の引き受けから結末までの記録。同時に来た分を、一つの取引にまとめる。"""

from collections.abc import Sequence
from typing import Protocol

from tsubame.business.executions.entities import Assignment, Ending, Mark
from tsubame.business.executions.errors import LeaseLostError
from tsubame.business.executions.flow import FlowTx, end_targets
from tsubame.business.executions.ports import Queue
from tsubame.business.shared.batching import Batcher
from tsubame.business.shared.clock import Clock
from tsubame.business.shared.ids import TargetId, WorkerId
from tsubame.business.shared.persistence import insist
from tsubame.business.shared.transactions import Transactions


class RecordTx(FlowTx, Protocol):
    @property
    def queue(self) -> Queue: ...


class TargetRecords:
    """一つのワーカーに一つ。

    二百の対象が一斉に終わっても、取引は数回で済む。ひとりで来た記録は待たされない。
    どの記録も、データベースが落ちているあいだは、戻るまで試し続ける。
    """

    def __init__(self, transactions: Transactions[RecordTx], clock: Clock, worker_id: WorkerId) -> None:
        self._transactions = transactions
        self._clock = clock
        self._worker_id = worker_id
        self._claims = Batcher("claim-targets", self._claim)
        self._marks = Batcher("mark-targets", self._mark)
        self._endings = Batcher("end-targets", self._end)

    async def claim(self, target_id: TargetId) -> Assignment | None:
        """権利を取る。取れなければ ``None``。"""
        return await insist(lambda: self._claims.submit(target_id))

    async def mark(self, mark: Mark) -> None:
        """Raises: LeaseLostError。"""
        if not await insist(lambda: self._marks.submit(mark)):
            raise _lost(mark)

    async def end(self, ending: Ending) -> None:
        """終わりを確定させ、実行を次へ進める。Raises: LeaseLostError。"""
        if not await insist(lambda: self._endings.submit(ending)):
            raise _lost(ending)

    async def _claim(self, target_ids: Sequence[TargetId]) -> Sequence[Assignment | None]:
        async with self._transactions.begin() as tx:
            got = await tx.targets.claim(target_ids, self._worker_id, self._clock.now())
        # 同じ対象が重ねて届いても、渡すのは一人だけ
        return [got.pop(target_id, None) for target_id in target_ids]

    async def _mark(self, marks: Sequence[Mark]) -> Sequence[bool]:
        async with self._transactions.begin() as tx:
            done = await tx.targets.mark(marks, self._clock.now())
        return [mark.lease.target_id in done for mark in marks]

    async def _end(self, endings: Sequence[Ending]) -> Sequence[bool]:
        async with self._transactions.begin() as tx:
            done = await end_targets(tx, endings, self._clock.now())
        return [ending.lease.target_id in done for ending in endings]


def _lost(record: Mark | Ending) -> LeaseLostError:
    return LeaseLostError(f"target {record.lease.target_id} epoch {record.lease.epoch}")
