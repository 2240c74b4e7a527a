"""終わった走りの記録を、サーバから消す。"""

import asyncio
import logging
from datetime import timedelta
from typing import Final, Protocol

from tsubame.business.executions.entities import Assignment
from tsubame.business.executions.errors import RunStillRunningError
from tsubame.business.executions.ports import LeftOver, TargetRepository
from tsubame.business.executions.remote_run import RemoteRuns
from tsubame.business.executions.states import TargetState
from tsubame.business.servers.entities import Endpoint
from tsubame.business.servers.errors import ConnectionProblem, ServerNotFoundError
from tsubame.business.shared.clock import Clock
from tsubame.business.shared.errors import UnavailableError
from tsubame.business.shared.ids import ServerId
from tsubame.business.shared.transactions import Transactions

_RETRY_WITHIN: Final = timedelta(days=30)
DEFAULT_RETENTION: Final = timedelta(days=7)
_BATCH: Final = 100
_WAITING: Final = 1000
_log = logging.getLogger(__name__)


class CleanerTx(Protocol):
    @property
    def targets(self) -> TargetRepository: ...


class Endpoints(Protocol):
    async def endpoint_of(self, server_id: ServerId) -> Endpoint: ...


class Cleaner:
    """終わりを確定させた走りだけを消す。届かなければ、あとの見回りがもう一度試す。

    ログを最後まで受け取って終わった走りは、すぐ消す。見失った走り(``lost``)の記録は、
    人が調べられるように ``retention`` のあいだサーバに残す。
    """

    def __init__(
        self,
        transactions: Transactions[CleanerTx],
        runs: RemoteRuns,
        endpoints: Endpoints,
        clock: Clock,
        retention: timedelta = DEFAULT_RETENTION,
    ) -> None:
        self._transactions = transactions
        self._runs = runs
        self._endpoints = endpoints
        self._clock = clock
        self._retention = retention
        self._waiting: asyncio.Queue[LeftOver] = asyncio.Queue(maxsize=_WAITING)

    def clean_soon(self, assignment: Assignment, state: TargetState) -> None:
        """終わった走りの片付けを頼む。見失った走りと、列に入り切らないものは、見回りに任せる。"""
        server_id = assignment.server_id
        if server_id is not None and state is not TargetState.LOST and not self._waiting.full():
            self._waiting.put_nowait(LeftOver(assignment.lease.target_id, server_id, assignment.run_id))

    async def run(self) -> None:
        """頼まれた片付けを続ける。取り消されるまで終わらない。"""
        async with asyncio.TaskGroup() as group:
            for number in range(4):
                group.create_task(self._work(), name=f"cleaner-{number}")

    async def _work(self) -> None:
        while True:
            await self._clean(await self._waiting.get())

    async def patrol(self) -> None:
        """残っている記録を見回り、消す。"""
        lost_before = self._clock.now() - self._retention
        async with self._transactions.begin() as tx:
            left = await tx.targets.uncleaned(lost_before - _RETRY_WITHIN, lost_before, _BATCH)
        out_of_reach: set[ServerId] = set()
        for item in left:
            # 届かないサーバの分を一つずつ待つと、ほかのサーバの番が来ない
            if item.server_id not in out_of_reach and not await self._clean(item):
                out_of_reach.add(item.server_id)

    async def _clean(self, item: LeftOver) -> bool:
        """消す。サーバに届かなければ偽。"""
        try:
            endpoint = await self._endpoints.endpoint_of(item.server_id)
            await self._runs.remove(endpoint, item.run_id)
            async with self._transactions.begin() as tx:
                await tx.targets.mark_cleaned(item.target_id, self._clock.now())
        except (ConnectionProblem, ServerNotFoundError, UnavailableError, RunStillRunningError) as problem:
            _log.info("cleaning_postponed target_id=%d reason=%s", item.target_id, problem.code)
            return isinstance(problem, RunStillRunningError)
        return True
