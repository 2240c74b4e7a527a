"""PostgreSQL の NOTIFY を 1 本の接続で聞き続ける。

合図は「何かが変わった」ことしか運ばず、切れていた間の分は届かない。だからつながるたびに
`on_connect` を呼び、読む側に読み直させる。
"""

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psycopg
from psycopg import sql

from tsubame.data_access.db.engine import libpq_url

_FIRST_DELAY = 0.1
_LONGEST_DELAY = 5.0
_PROBE_SECONDS = 20.0
_ANSWER_SECONDS = 10.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ListenCallbacks:
    """どちらもすぐ返ること。聞き手を止めると、後の合図がすべて遅れる。"""

    on_notify: Callable[[str, str], None]
    """(チャンネル名, 中身) を受け取る。"""
    on_connect: Callable[[], None]
    """LISTEN が効き始めるたびに呼ばれる。最初の 1 回も含む。"""


class Listener:
    def __init__(
        self, url: str, channels: Sequence[str], callbacks: ListenCallbacks, marks: Sequence[str] = ()
    ) -> None:
        """`url` は `postgresql://…`。接続は `run()` が張る。`marks` は、つながるたびに行う文。"""
        self._marks = tuple(marks)
        self._url = libpq_url(url)
        self._channels = tuple(channels)
        self._callbacks = callbacks

    async def run(self) -> None:
        """取り消されるまで聞き続ける。切れたら間隔を広げながらつなぎ直す。"""
        delay = _FIRST_DELAY
        while True:
            try:
                async with asyncio.timeout(_ANSWER_SECONDS):
                    connection = await self._connect()
            except (psycopg.Error, TimeoutError) as exc:
                _log.warning("cannot listen to the database: %s", exc)
            else:
                delay = _FIRST_DELAY
                await self._listen(connection)
            # 多くの聞き手が、起き直したデータベースへ一斉に押し寄せないように揺らす
            await asyncio.sleep(delay * random.uniform(0.5, 1.0))  # noqa: S311  暗号ではない
            delay = min(delay * 2, _LONGEST_DELAY)

    async def _connect(self) -> psycopg.AsyncConnection:
        connection = await psycopg.AsyncConnection.connect(
            self._url,
            autocommit=True,
            application_name="tsubame-listener",
        )
        try:
            for channel in self._channels:
                await connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
            for mark in self._marks:
                await connection.execute(mark.encode())
        except BaseException:
            await connection.close()
            raise
        return connection

    async def _listen(self, connection: psycopg.AsyncConnection) -> None:
        """切れるまで聞く。"""
        async with connection:
            self._callbacks.on_connect()
            try:
                while True:
                    async for notify in connection.notifies(timeout=_PROBE_SECONDS):
                        self._callbacks.on_notify(notify.channel, notify.payload)
                    # 静かなだけなのか、切れたのに気づいていないのかを確かめる
                    async with asyncio.timeout(_ANSWER_SECONDS):
                        await connection.execute("SELECT 1")
            except (psycopg.Error, TimeoutError) as exc:
                _log.warning("lost the listening connection: %s", exc)
