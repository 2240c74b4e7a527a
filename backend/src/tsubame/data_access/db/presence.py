"""ワーカーの生死。

生きている印は二つ: 専用の接続が持つ助言的な鎖と、心拍。プロセスが死ねば接続が切れて鎖が
すぐ外れ、止められた(SIGSTOP)だけなら鎖は残っても心拍が止まる。
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

import structlog
from sqlalchemy import Select, func, insert, literal_column, select, text, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tsubame.business.shared.ids import WorkerId
from tsubame.data_access.tables.executions import workers

_LOCK_CLASS: Final = 0x7473  # "ts"
_BEAT_S: Final = 2.0
# つなぎ直しのあいだに死んだと見なさないための猶予
_UNLOCKED_GRACE: Final = text("interval '5 seconds'")
_SILENT: Final = text("interval '20 seconds'")
_log = structlog.get_logger(__name__)


def dead_workers() -> Select[tuple[int]]:
    """死んだワーカーの番号を選ぶ問い合わせ。"""
    unheld = text(
        "NOT EXISTS (SELECT 1 FROM pg_locks l WHERE l.locktype = 'advisory' AND l.granted"
        " AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        f" AND l.classid = {_LOCK_CLASS} AND l.objid = workers.id)"
    )
    silence = func.now() - workers.c.heartbeat_at
    return select(workers.c.id).where(
        workers.c.stopped_at.is_not(None) | (silence > _SILENT) | ((silence > _UNLOCKED_GRACE) & unheld)
    )


def live_capacity() -> Select[tuple[int]]:
    """生きていて、新しい対象を断っていないワーカーが、同時に引き受けられる数の合計を選ぶ問い合わせ。"""
    return select(func.coalesce(func.sum(workers.c.capacity), literal_column("0"))).where(
        workers.c.stopped_at.is_(None),
        workers.c.draining_at.is_(None),
        workers.c.id.not_in(dead_workers()),
    )


class Presence:
    """一つのワーカーの在席。"""

    def __init__(self, engine: AsyncEngine, worker_id: WorkerId) -> None:
        self._engine = engine
        self.worker_id = worker_id

    @classmethod
    async def register(
        cls, engine: AsyncEngine, host: str, pid: int, version: str, capacity: int
    ) -> "Presence":
        """``capacity`` は、同時に引き受ける対象の数。"""
        values = {"host": host, "pid": pid, "version": version, "capacity": capacity}
        async with engine.begin() as connection:
            added = await connection.execute(insert(workers).values(values).returning(workers.c.id))
            return cls(engine, WorkerId(added.scalar_one()))

    async def keep(self) -> None:
        """在席を示し続ける。データベースが落ちても、戻りしだい続ける。取り消されるまで終わらない。"""
        while True:
            try:
                await self._hold()
            except (DBAPIError, OSError) as exc:
                _log.warning("presence_interrupted", worker_id=self.worker_id, error=str(exc))
                await asyncio.sleep(_BEAT_S / 4)

    async def _hold(self) -> None:
        async with self._connection() as connection:
            await connection.execute(select(func.pg_advisory_lock(_LOCK_CLASS, self.worker_id)))
            while True:
                await connection.execute(
                    update(workers).where(workers.c.id == self.worker_id).values(heartbeat_at=func.now())
                )
                await asyncio.sleep(_BEAT_S)

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[AsyncConnection]:
        # 鎖は接続に付くので、取引ごとに返さない自動確定の接続を使い、終わりに必ず閉じる
        async with self._engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            try:
                yield connection
            finally:
                await connection.invalidate()

    async def leave(self) -> None:
        """去る。引き継ぐ側は、心拍の途切れを待たなくてよい。"""
        async with self._engine.begin() as connection:
            await connection.execute(
                update(workers).where(workers.c.id == self.worker_id).values(stopped_at=func.now())
            )


async def retire_all(engine: AsyncEngine) -> None:
    """全員を去った扱いにする。データベースを自分が起こした直後、ほかに生きた者がいないと分かるときだけ。"""
    async with engine.begin() as connection:
        await connection.execute(
            update(workers).where(workers.c.stopped_at.is_(None)).values(stopped_at=func.now())
        )
