"""ワーカーの生死。

生きている印は二つ: 専用の接続が持つ助言的な鎖と、心拍。プロセスが死ねば接続が切れて鎖が
すぐ外れ、止められた(SIGSTOP)だけなら鎖は残っても心拍が止まる。
"""

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from typing import Final

import psycopg
import structlog
from psycopg.types.json import Jsonb
from sqlalchemy import Select, func, insert, literal_column, select, text, update
from sqlalchemy.ext.asyncio import AsyncEngine

from tsubame.business.shared.ids import WorkerId
from tsubame.business.shared.signals import Signal, SignalKind
from tsubame.business.workers.duty import Duty
from tsubame.business.workers.entities import Identity, Vitals
from tsubame.data_access.db.at_commit import transaction
from tsubame.data_access.db.engine import libpq_url
from tsubame.data_access.db.signals import SqlSignals
from tsubame.data_access.tables.executions import workers

_LOCK_CLASS: Final = 0x7473  # "ts"
_BEAT_S: Final = 2.0
_ANSWER_S: Final = 5.0
# つなぎ直したあと、ほかの者も心拍を打てるようになるまで
_SETTLE_S: Final = 5.0
# つなぎ直しのあいだに死んだと見なさないための猶予
_UNLOCKED_GRACE: Final = text("interval '5 seconds'")
_SILENT: Final = text("interval '20 seconds'")
_LOCK: Final = "SELECT pg_advisory_lock(%s, %s)"
_BEAT: Final = (
    "UPDATE workers SET heartbeat_at = now(), stats = %s WHERE id = %s RETURNING draining_at IS NOT NULL"
)
_log = structlog.get_logger(__name__)


def left_workers() -> Select[tuple[int]]:
    """自分で去った(または、次の起動が去ったと記した)ワーカーの番号を選ぶ問い合わせ。"""
    return select(workers.c.id).where(workers.c.stopped_at.is_not(None))


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
    """一つのワーカーの在席。

    Attributes:
        duty: 名簿に書かれた、引き受けてよいかどうか。心拍のたびに読み直す。
    """

    def __init__(self, engine: AsyncEngine, worker_id: WorkerId) -> None:
        self._engine = engine
        # 共用の束から借りない。落ちたデータベースを待つ仕事が席をふさぐと、心拍が遅れて死んだと見なされる
        self._url = libpq_url(engine.url.render_as_string(hide_password=False))
        self._hurry = asyncio.Event()
        self._held_since: float | None = None
        self.worker_id = worker_id
        self.duty = Duty()

    @classmethod
    async def register(cls, engine: AsyncEngine, identity: Identity) -> "Presence":
        async with transaction(engine) as (connection, at_commit):
            added = await connection.execute(insert(workers).values(asdict(identity)).returning(workers.c.id))
            worker_id = WorkerId(added.scalar_one())
            await SqlSignals(at_commit).send(SignalKind.WORKER, [worker_id])
        return cls(engine, worker_id)

    @property
    def settled(self) -> bool:
        """在席が途切れずに続いているか。

        つなぎ直した直後は、ほかの者の心拍もまだ古い。そのあいだに、死んだと決めつけてはならない。
        """
        now = asyncio.get_running_loop().time()
        return self._held_since is not None and now - self._held_since >= _SETTLE_S

    def on_signal(self, signal: Signal) -> None:
        """自分のことが書き換わったら、次の心拍を待たずに読み直す。"""
        if signal.kind is SignalKind.WORKER and self.worker_id in signal.ids:
            self._hurry.set()

    async def keep(self, vitals: Callable[[], Vitals]) -> None:
        """在席を示し続ける。データベースが落ちても、戻りしだい続ける。取り消されるまで終わらない。"""
        while True:
            try:
                await self._hold(vitals)
            except (psycopg.Error, OSError, TimeoutError) as exc:
                _log.warning("presence_interrupted", worker_id=self.worker_id, error=str(exc))
            self._held_since = None
            await asyncio.sleep(_BEAT_S / 4)

    async def _hold(self, vitals: Callable[[], Vitals]) -> None:
        async with asyncio.timeout(_ANSWER_S):
            connection = await self._connect()
        try:
            while True:
                async with asyncio.timeout(_ANSWER_S):
                    await self._beat(connection, vitals())
                await self._pause()
        finally:
            # 鎖は接続に付くので、閉じれば外れる
            await connection.close()

    async def _connect(self) -> psycopg.AsyncConnection:
        connection = await psycopg.AsyncConnection.connect(
            self._url, autocommit=True, application_name="tsubame-presence"
        )
        try:
            await connection.execute(_LOCK, (_LOCK_CLASS, self.worker_id))
        except BaseException:
            await connection.close()
            raise
        self._held_since = asyncio.get_running_loop().time()
        return connection

    async def _beat(self, connection: psycopg.AsyncConnection, vitals: Vitals) -> None:
        self._hurry.clear()
        beaten = await connection.execute(_BEAT, (Jsonb(asdict(vitals)), self.worker_id))
        if (row := await beaten.fetchone()) is not None:
            self.duty.set(draining=row[0])

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(_BEAT_S):
                await self._hurry.wait()
        except TimeoutError:
            return

    async def leave(self) -> None:
        """去る。引き継ぐ側は、心拍の途切れを待たなくてよい。"""
        async with transaction(self._engine) as (connection, at_commit):
            await connection.execute(
                update(workers).where(workers.c.id == self.worker_id).values(stopped_at=func.now())
            )
            await SqlSignals(at_commit).send(SignalKind.WORKER, [self.worker_id])


async def retire_all(engine: AsyncEngine) -> None:
    """全員を去った扱いにする。データベースを自分が起こした直後、ほかに生きた者がいないと分かるときだけ。"""
    async with engine.begin() as connection:
        await connection.execute(
            update(workers).where(workers.c.stopped_at.is_(None)).values(stopped_at=func.now())
        )
