"""配達の列に積む。"""

from collections.abc import Sequence
from typing import Final

import procrastinate
from sqlalchemy.ext.asyncio import AsyncConnection

from tsubame.business.shared.ids import TargetId
from tsubame.data_access.db.driver import driver_of

DRIVE_TASK: Final = "drive_target"
QUEUE_NAME: Final = "targets"


class SqlQueue:
    """取引の接続で積むので、実行の行と同時に確定し、届くのは確定のあと。"""

    def __init__(self, app: procrastinate.App, connection: AsyncConnection) -> None:
        self._app = app
        self._connection = connection

    async def deliver(self, target_ids: Sequence[TargetId]) -> None:
        driver = await driver_of(self._connection)
        jobs = [
            self._app.configure_task(
                DRIVE_TASK,
                queue=QUEUE_NAME,
                # 待っている配達は、対象ごとに一つでよい
                queueing_lock=f"target:{target_id}",
            ).make_new_job(target_id=int(target_id))
            for target_id in target_ids
        ]
        await self._app.job_manager.batch_defer_jobs_async(jobs=jobs, connection=driver)
