"""引き継ぎ: だれも見ていない対象を見つけ、配達し直す。"""

from typing import Final, Protocol

from tsubame.business.executions.ports import Queue, TargetRepository
from tsubame.business.shared.transactions import Transactions

_BATCH: Final = 1000


class DispatchTx(Protocol):
    @property
    def targets(self) -> TargetRepository: ...

    @property
    def queue(self) -> Queue: ...


class Dispatch:
    def __init__(self, transactions: Transactions[DispatchTx]) -> None:
        self._transactions = transactions

    async def sweep(self, *, take_over: bool = True) -> int:
        """死んだワーカーの対象を手放させ、だれも持たない対象を配達し直す。配達した数を返す。

        配達の列が失った分も、ここで拾う。二度届いても、権利を取れるのは一度だけ。
        ``take_over`` が偽なら、黙っている者を死んだとは決めず、去った者の分だけを引き継ぐ。
        """
        async with self._transactions.begin() as tx:
            await tx.targets.release_orphans(silent_too=take_over)
            unattended = await tx.targets.unattended(_BATCH)
            if unattended:
                await tx.queue.deliver(unattended)
        return len(unattended)
