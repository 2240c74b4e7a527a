"""サーバに残っている実行のファイルを、ときどき見に行く。"""

import asyncio
import logging
from datetime import timedelta
from typing import Final

from tsubame.business.executions.housekeeping import Endpoints, HousekeepingTx, remember
from tsubame.business.executions.remote_run import RemoteRuns
from tsubame.business.servers.errors import ConnectionProblem, ServerNotFoundError
from tsubame.business.shared.clock import Clock
from tsubame.business.shared.errors import UnavailableError
from tsubame.business.shared.ids import ServerId
from tsubame.business.shared.transactions import Transactions

_AGAIN_AFTER: Final = timedelta(hours=6)
_AT_ONCE: Final = 10
_log = logging.getLogger(__name__)


class DiskPatrol:
    """一台につき六時間に一度まで、だれか一人のワーカーが見に行く。

    一度に見に行くのは十台まで。何百台あっても、接続は時間の中に散らばる。
    """

    def __init__(
        self, transactions: Transactions[HousekeepingTx], runs: RemoteRuns, endpoints: Endpoints, clock: Clock
    ) -> None:
        self._transactions = transactions
        self._runs = runs
        self._endpoints = endpoints
        self._clock = clock

    async def walk(self) -> None:
        """番の来たサーバを見に行く。届かないサーバは、次の番まで試さない。"""
        now = self._clock.now()
        async with self._transactions.begin() as tx:
            due = await tx.server_disk.claim(now - _AGAIN_AFTER, now, _AT_ONCE)
        async with asyncio.TaskGroup() as group:
            for server_id in due:
                group.create_task(self._look(server_id), name=f"disk-patrol-{server_id}")

    async def _look(self, server_id: ServerId) -> None:
        try:
            survey = await self._runs.survey(await self._endpoints.endpoint_of(server_id))
            async with self._transactions.begin() as tx:
                await remember(tx, server_id, survey, self._clock.now())
        except (ConnectionProblem, ServerNotFoundError, UnavailableError) as problem:
            _log.info("disk_not_measured server_id=%d reason=%s", server_id, problem.code)
