"""配達の受け口: 席の数だけ運転を並べる。"""

import asyncio
import logging

from tsubame.business.executions.runner import TargetRunner
from tsubame.business.shared.ids import TargetId

_log = logging.getLogger(__name__)


class Intake:
    """席は運転の数で数える。

    配達の列が数えるのに任せると、データベースが落ちて列につなぎ直すたびに数え直しになり、
    動き続けている運転の分だけ引き受けすぎる。
    """

    def __init__(self, runner: TargetRunner, capacity: int) -> None:
        self._runner = runner
        self._seats = asyncio.Semaphore(capacity)

    async def accept(self, target_id: TargetId) -> None:
        """席が空くのを待ち、運転を始めたら戻る。

        待つうちに列を離れることになれば、配達は失われる。その分は見回り(Dispatch)が積み直す。
        """
        await self._seats.acquire()
        drive = asyncio.create_task(self._runner.deliver(target_id), name=f"accept-{target_id}")
        drive.add_done_callback(self._left)

    def _left(self, drive: asyncio.Task[None]) -> None:
        self._seats.release()
        if not drive.cancelled() and (error := drive.exception()) is not None:
            _log.error("delivery_failed", exc_info=error)
