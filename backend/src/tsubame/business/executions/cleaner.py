"""終わった走りの記録を、サーバから消す。"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta
from enum import Enum, auto
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
_AT_ONCE: Final = 32
_log = logging.getLogger(__name__)


class _End(Enum):
    """片付けのゆくえ。"""

    GONE = auto()
    RUNNING = auto()
    OUT_OF_REACH = auto()


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
        self._waiting: asyncio.Queue[tuple[LeftOver, Endpoint]] = asyncio.Queue(maxsize=_WAITING)

    def clean_soon(self, assignment: Assignment, state: TargetState, endpoint: Endpoint | None) -> None:
        """終わった走りの片付けを頼む。見失った走りと、列に入り切らないものは、見回りに任せる。

        ``endpoint`` は、その走りを終わりまで追ったつなぎ方。一度もつなげていないなら ``None``。
        """
        if endpoint is not None and state is not TargetState.LOST and not self._waiting.full():
            item = LeftOver(assignment.lease.target_id, endpoint.server_id, assignment.run_id)
            self._waiting.put_nowait((item, endpoint))

    async def run(self) -> None:
        """頼まれた片付けを続ける。取り消されるまで終わらない。"""
        async with asyncio.TaskGroup() as group:
            for number in range(4):
                group.create_task(self._work(), name=f"cleaner-{number}")

    async def _work(self) -> None:
        while True:
            batch = [await self._waiting.get()]
            while len(batch) < _AT_ONCE and not self._waiting.empty():
                batch.append(self._waiting.get_nowait())
            ends = await asyncio.gather(*(self._remove(item, endpoint) for item, endpoint in batch))
            await self._mark([item for (item, _), end in zip(batch, ends, strict=True) if end is _End.GONE])

    async def patrol(self) -> None:
        """残っている記録を見回り、消す。"""
        lost_before = self._clock.now() - self._retention
        async with self._transactions.begin() as tx:
            left = await tx.targets.uncleaned(lost_before - _RETRY_WITHIN, lost_before, _BATCH)
        out_of_reach: set[ServerId] = set()
        gone: list[LeftOver] = []
        for item in left:
            # 届かないサーバの分を一つずつ待つと、ほかのサーバの番が来ない
            if item.server_id in out_of_reach:
                continue
            match await self._remove(item, None):
                case _End.GONE:
                    gone.append(item)
                case _End.OUT_OF_REACH:
                    out_of_reach.add(item.server_id)
        await self._mark(gone)

    async def _remove(self, item: LeftOver, endpoint: Endpoint | None) -> _End:
        try:
            if endpoint is None:
                endpoint = await self._endpoints.endpoint_of(item.server_id)
            await self._runs.remove(endpoint, item.run_id)
        except RunStillRunningError:
            return _End.RUNNING
        except (ConnectionProblem, ServerNotFoundError, UnavailableError) as problem:
            _log.info("cleaning_postponed target_id=%d reason=%s", item.target_id, problem.code)
            return _End.OUT_OF_REACH
        return _End.GONE

    async def _mark(self, gone: Sequence[LeftOver]) -> None:
        """消したと記す。記せなくても、見回りがもう一度消して記す。"""
        if not gone:
            return
        try:
            async with self._transactions.begin() as tx:
                await tx.targets.mark_cleaned([item.target_id for item in gone], self._clock.now())
        except UnavailableError as problem:
            _log.info("cleaning_unrecorded count=%d reason=%s", len(gone), problem.code)
