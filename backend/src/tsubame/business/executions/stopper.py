"""一つの対象を、求めや時間切れで止める。"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

from tsubame.business.executions.outcomes import StopCause, Stopped
from tsubame.business.executions.remote_run import RemoteRuns
from tsubame.business.servers.entities import Endpoint
from tsubame.business.servers.errors import ConnectionProblem
from tsubame.business.shared.backoff import Backoff
from tsubame.business.shared.clock import Clock
from tsubame.business.shared.errors import UnavailableError

GRACE_S: Final = 5.0
"""TERM を送ってから KILL までに待つ秒数。後片付けの猶予。"""
GIVE_UP_AFTER_S: Final = 60.0
"""中止を求められてから、届かないサーバをあきらめるまで。"""


class Stopper:
    """求めを待ち、来たら止める。止め終えた記録は ``stopped`` に残る。"""

    def __init__(self, runs: RemoteRuns, clock: Clock, run_id: str, nothing_sent: Callable[[], bool]) -> None:
        self._runs = runs
        self._nothing_sent = nothing_sent
        self._clock = clock
        self._run_id = run_id
        self._hello = asyncio.Event()
        self.stopped: Stopped | None = None

    def run_began(self) -> None:
        """走りが始まったと分かった。これより前に止めても、あとから届いた開始が走り出してしまう。"""
        self._hello.set()

    async def watch(
        self, cancel: asyncio.Event, deadline: datetime | None, endpoint: Callable[[], Awaitable[Endpoint]]
    ) -> None:
        """求めか期限を待って止める。止める命令が届くか、あきらめるまで戻らない。

        まだ何も送り出していなければ、止めるものもないので、すぐ戻る。

        ``endpoint`` は試すたびに読む。届かないあいだに、人が設定を直すことがある。
        """
        cause = await self._wait(cancel, deadline)
        self.stopped = Stopped(cause, report=None)
        if self._nothing_sent():
            return
        try:
            async with asyncio.timeout(GIVE_UP_AFTER_S if cause is StopCause.CANCELLED else None):
                await self._hello.wait()
                await self._stop(cause, endpoint)
        except TimeoutError:
            return

    async def _wait(self, cancel: asyncio.Event, deadline: datetime | None) -> StopCause:
        left = None if deadline is None else max(0.0, (deadline - self._clock.now()).total_seconds())
        try:
            async with asyncio.timeout(left):
                await cancel.wait()
        except TimeoutError:
            return StopCause.TIMED_OUT
        return StopCause.CANCELLED

    async def _stop(self, cause: StopCause, endpoint: Callable[[], Awaitable[Endpoint]]) -> None:
        backoff = Backoff()
        while True:
            try:
                report = await self._runs.cancel(await endpoint(), self._run_id, GRACE_S)
            except (ConnectionProblem, UnavailableError):
                await asyncio.sleep(backoff.next_delay_s())
                continue
            if not report.ended and not report.survivors:
                # 始まりかけで、まだ止める相手がいなかった。現れたところを止める
                await asyncio.sleep(backoff.next_delay_s())
                continue
            self.stopped = Stopped(cause, report)
            return
