"""配達の列から受け取り、一つずつ渡す(procrastinate のワーカー)。

少なくとも一度は届く。二度届いてもよいことは、受け手(業務の TargetRunner)が保証する。
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Final

import procrastinate
import psycopg
import structlog
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import Status
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

from tsubame.business.shared.errors import StorageUnavailableError
from tsubame.business.shared.ids import TargetId
from tsubame.data_access.db.engine import libpq_url
from tsubame.data_access.db.liveness import looks_dead
from tsubame.data_access.queue.queue import DRIVE_TASK, QUEUE_NAME

# 起こす合図が失われても、これだけ待てば見に行く
_POLL_S: Final = 0.5
_HEARTBEAT_S: Final = 5.0
_STALLED_S: Final = 20.0
# 列を離れるとき、受け取ったばかりの分が引き受けられるのを待つ長さ
_LEAVE_S: Final = 0.5
# 同時に受け取る数。受け取った仕事は、引き受けを確かめたらすぐ終わる
_AT_ONCE: Final = 16
# 受け取りと心拍のほか、終わりの記録が同時にいくつか走る
_POOL_SIZE: Final = 4
# データベースが落ちているとき、列を離れるのに待たされる長さ
_POOL_WAIT_S: Final = 3.0
_OUTAGES: Final = (ConnectorException, psycopg.Error, OSError)
_log = structlog.get_logger(__name__)


def create_queue_app(url: str, application_name: str) -> procrastinate.App:
    """積む側も受ける側も使う、列の入口。受ける側だけが ``open_async`` で接続を張る。"""
    connector = procrastinate.PsycopgConnector(
        conninfo=libpq_url(url),
        # 受け取りの記録は消えてもよい(もう一度届くだけ)。積むのは実行の取引なので、ここには関わらない
        kwargs={"application_name": application_name, "options": "-c synchronous_commit=off"},
        pool_factory=_pool,
        min_size=1,
        max_size=_POOL_SIZE,
        timeout=_POOL_WAIT_S,
    )
    return procrastinate.App(connector=connector)


def _pool(**options: Any) -> AsyncConnectionPool[psycopg.AsyncConnection[TupleRow]]:
    # procrastinate が渡すものに、二つだけ足す
    return AsyncConnectionPool(**(options | {"check": _refuse_dead, "configure": _without_transactions}))


async def _without_transactions(connection: psycopg.AsyncConnection[TupleRow]) -> None:
    # 列の仕事は、どれも一つの文で済む。取引の始めと終わりの往復を省く
    await connection.set_autocommit(True)


async def _refuse_dead(connection: psycopg.AsyncConnection[TupleRow]) -> None:
    if looks_dead(connection):
        # 閉じておかないと、まだ使えるものとして置き場に戻り、いつまでも同じ接続を渡される
        await connection.close()
        raise psycopg.OperationalError("The connection was closed while it rested.")


class Delivery:
    def __init__(self, app: procrastinate.App, handle: Callable[[TargetId], Awaitable[None]]) -> None:
        self._app = app

        @app.task(name=DRIVE_TASK, queue=QUEUE_NAME)
        async def drive_target(target_id: int) -> None:
            await handle(TargetId(target_id))

    def opened(self) -> AbstractAsyncContextManager[object]:
        """列への接続を張る。``run`` と ``discard_stalled`` は、この中で呼ぶ。"""
        return self._app.open_async()

    async def run(self) -> None:
        """取り消されるまで、受け取り続ける。データベースが落ちたら、戻るのを待ってやり直す。"""
        while True:
            try:
                await self._receive()
            except _OUTAGES as exc:
                # 離れる途中でデータベースが落ちると、取り消しがこの失敗に化けて届く
                if (task := asyncio.current_task()) is not None and task.cancelling():
                    raise asyncio.CancelledError from exc
                _log.warning("delivery_interrupted", error=str(exc))
                await asyncio.sleep(_POLL_S)

    async def _receive(self) -> None:
        await self._app.run_worker_async(
            queues=[QUEUE_NAME],
            concurrency=_AT_ONCE,
            fetch_job_polling_interval=_POLL_S,
            abort_job_polling_interval=_HEARTBEAT_S,
            update_heartbeat_interval=_HEARTBEAT_S,
            stalled_worker_timeout=_STALLED_S,
            # 済んだ配達の記録は要らない。実行の記録は対象の行にある
            delete_jobs="always",
            install_signal_handlers=False,
            shutdown_graceful_timeout=_LEAVE_S,
        )

    async def discard_stalled(self) -> int:
        """死んだワーカーが抱えたままの配達を捨てる。配達し直すのは引き継ぎ(Dispatch)の仕事。"""
        manager = self._app.job_manager
        try:
            stalled = list(await manager.get_stalled_jobs(seconds_since_heartbeat=_STALLED_S))
            for job in stalled:
                await manager.finish_job(job, Status.FAILED, delete_job=True)
        except _OUTAGES as exc:
            raise StorageUnavailableError("The queue cannot be reached right now.") from exc
        return len(stalled)
