"""内蔵の PostgreSQL。1 つのデータ置き場に持ち主は 1 つで、あとから来た者は接続だけする。"""

import asyncio
import fcntl
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from tsubame.data_access.db.postgres_binaries import EmbeddedPostgresError
from tsubame.data_access.db.postgres_cluster import PostgresCluster
from tsubame.data_access.db.postgres_server import PostgresServer

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError"]

_START_SECONDS = 60.0
_ATTACH_POLL_SECONDS = 0.02


class EmbeddedPostgres:
    """`root` の下の PostgreSQL を動かす。

    `owner.lock` の flock を取れたプロセスが持ち主で、postgres を子として動かす。取れなければ、
    持ち主が動かしている postgres の接続先を返すだけで、`stop()` は何も止めない。
    """

    def __init__(self, root: Path, settings: Mapping[str, str] | None = None) -> None:
        """`settings` は PostgreSQL の設定の上書き(試験が fsync を切るときなど)。"""
        self._cluster = PostgresCluster(root)
        self._server = PostgresServer(self._cluster, settings or {})
        self._lock: IO[str] | None = None

    @property
    def owner(self) -> bool:
        return self._lock is not None

    @property
    def pid(self) -> int:
        """持ち主だけが知る postmaster の pid。起こし直すと変わる。"""
        return self._server.pid

    @property
    def worker(self) -> tuple[str, str]:
        """働く役割の接続先と合言葉。起こしてから読むこと。"""
        return self._cluster.worker()

    async def start(self) -> str:
        """起動(または接続)して、表の持ち主の `postgresql://…` を返す。

        Raises:
            EmbeddedPostgresError: 起動できない。文に、次にすることが書いてある。
        """
        return await asyncio.to_thread(self.start_blocking)

    async def stop(self) -> None:
        await asyncio.to_thread(self.stop_blocking)

    def start_blocking(self) -> str:
        deadline = time.monotonic() + _START_SECONDS
        self._cluster.prepare()
        if self._take_ownership(deadline):
            try:
                self._cluster.initialise()
                self._server.start(deadline)
            except BaseException:
                self._give_up_ownership()
                raise
        return self._cluster.dsn()

    def stop_blocking(self) -> None:
        if self._lock is None:
            return
        self._server.stop()
        self._give_up_ownership()

    def _take_ownership(self, deadline: float) -> bool:
        """持ち主になれたら真。ほかの持ち主の postgres が使えるなら偽。

        どちらでもない間(持ち主が起動中、または終わりかけ)は待つ。
        """
        lock = self._cluster.lock.open("a", encoding="utf-8")
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if self._cluster.ready_to_attach():
                    lock.close()
                    return False
                if time.monotonic() > deadline:
                    lock.close()
                    raise EmbeddedPostgresError(
                        f"Another tsubame holds {self._cluster.lock} but its database is not ready."
                    ) from None
                time.sleep(_ATTACH_POLL_SECONDS)
            else:
                self._lock = lock
                return True

    def _give_up_ownership(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None
