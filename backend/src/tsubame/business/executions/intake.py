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
        """席が空くのを待ち、引き受けるか、自分の番でないと分かったら戻る。

        配達の列は、戻ってから「済み」を書く。引き受けと同時に書くと、最初の一行がその分遅れる。
        待つうちに列を離れることになれば、配達は失われる。その分は見回り(Dispatch)が積み直す。
        """
        await self._seats.acquire()
        claimed = asyncio.Event()
        drive = asyncio.create_task(self._runner.deliver(target_id, claimed), name=f"accept-{target_id}")
        drive.add_done_callback(lambda ended: self._left(ended, claimed))
        await claimed.wait()

    def _left(self, drive: asyncio.Task[None], claimed: asyncio.Event) -> None:
        self._seats.release()
        claimed.set()
        if not drive.cancelled() and (error := drive.exception()) is not None:
            _log.error("delivery_failed", exc_info=error)
