"""配達の列から受け取り、一つずつ渡す(procrastinate のワーカー)。

少なくとも一度は届く。二度届いてもよいことは、受け手(業務の TargetRunner)が保証する。
"""

from collections.abc import Awaitable, Callable
from typing import Final

import procrastinate

from tsubame.business.shared.ids import TargetId
from tsubame.data_access.db.engine import libpq_url
from tsubame.data_access.queue.queue import DRIVE_TASK, QUEUE_NAME

# 起こす合図が失われても、これだけ待てば見に行く
_POLL_S: Final = 0.5
_HEARTBEAT_S: Final = 5.0
_STALLED_S: Final = 20.0
# 受け取りと心拍のほか、終わりの記録が同時にいくつか走る
_POOL_SIZE: Final = 4


def create_queue_app(url: str, application_name: str) -> procrastinate.App:
    """積む側も受ける側も使う、列の入口。受ける側だけが ``open_async`` で接続を張る。"""
    connector = procrastinate.PsycopgConnector(
        conninfo=libpq_url(url),
        kwargs={"application_name": application_name},
        min_size=1,
        max_size=_POOL_SIZE,
    )
    return procrastinate.App(connector=connector)


class Delivery:
    def __init__(self, app: procrastinate.App, handle: Callable[[TargetId], Awaitable[None]]) -> None:
        self._app = app

        @app.task(name=DRIVE_TASK, queue=QUEUE_NAME)
        async def drive_target(target_id: int) -> None:
            await handle(TargetId(target_id))

    async def run(self, concurrency: int) -> None:
        """取り消されるまで、受け取り続ける。"""
        async with self._app.open_async():
            await self._app.run_worker_async(
                queues=[QUEUE_NAME],
                concurrency=concurrency,
                fetch_job_polling_interval=_POLL_S,
                abort_job_polling_interval=_HEARTBEAT_S,
                update_heartbeat_interval=_HEARTBEAT_S,
                stalled_worker_timeout=_STALLED_S,
                # 済んだ配達の記録は要らない。実行の記録は対象の行にある
                delete_jobs="always",
                install_signal_handlers=False,
                # 動かしている対象を手放すのは、先に止まる TargetRunner の仕事
                shutdown_graceful_timeout=1.0,
            )

    async def discard_stalled(self) -> int:
        """死んだワーカーが抱えたままの配達を捨てる。配達し直すのは引き継ぎ(Dispatch)の仕事。"""
        manager = self._app.job_manager
        stalled = list(await manager.get_stalled_jobs(seconds_since_heartbeat=_STALLED_S))
        for job in stalled:
            await manager.finish_job(job, procrastinate.jobs.Status.FAILED, delete_job=True)
        return len(stalled)
