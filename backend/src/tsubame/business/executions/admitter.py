"""入口係: 合図のたびに、待っている対象の順番を進める。一つのワーカーに一つ。"""

import asyncio
import logging
from typing import Final

from tsubame.business.executions.admission import AdmissionTx, admit
from tsubame.business.shared.clock import Clock
from tsubame.business.shared.errors import UnavailableError
from tsubame.business.shared.signals import Signal, SignalKind
from tsubame.business.shared.transactions import Transactions

# 同時に終わった対象の合図を、一度の決定にまとめる
_GATHER_S: Final = 0.02
# 合図が失われても、やり直しの間が過ぎても、これだけ待てば見る
_LOOK_AGAIN_S: Final = 1.0
_log = logging.getLogger(__name__)


class Admitter:
    def __init__(self, transactions: Transactions[AdmissionTx], clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock
        self._woken = asyncio.Event()

    def on_signal(self, signal: Signal) -> None:
        if signal.kind in {SignalKind.QUEUE, SignalKind.WORKER}:
            self._woken.set()

    async def run(self) -> None:
        """取り消されるまで続ける。"""
        while True:
            self._woken.clear()
            try:
                await self.look()
            except UnavailableError as problem:
                _log.warning("admission_postponed reason=%s", problem.code)
            await self._wait()

    async def look(self) -> int:
        """今始められる対象を始め、その数を返す。"""
        async with self._transactions.begin() as tx:
            return len(await admit(tx, self._clock.now()))

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(_LOOK_AGAIN_S):
                await self._woken.wait()
        except TimeoutError:
            return
        await asyncio.sleep(_GATHER_S)
