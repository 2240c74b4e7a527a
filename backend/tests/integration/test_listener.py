"""NOTIFY の聞き手。"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from harness.waiting import eventually
from tsubame.data_access.db.listener import ListenCallbacks, Listener


class Heard:
    def __init__(self) -> None:
        self.notified: list[tuple[str, str]] = []
        self.connected = 0

    def connect(self) -> None:
        self.connected += 1

    def notify(self, channel: str, payload: str) -> None:
        self.notified.append((channel, payload))


@asynccontextmanager
async def listening(url: str, *channels: str) -> AsyncIterator[Heard]:
    heard = Heard()
    listener = Listener(url, channels, ListenCallbacks(heard.notify, heard.connect))
    task = asyncio.create_task(listener.run(), name="listener")
    try:
        await eventually(lambda: heard.connected == 1, "聞き始める")
        yield heard
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _notify(url: str, channel: str, payload: str) -> None:
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute("SELECT pg_notify(%s, %s)", (channel, payload))


async def test_notifications_arrive_in_order(database_url: str) -> None:
    """合図は送られた順に、聞いているチャンネルの分だけ届く。"""
    async with listening(database_url, "targets", "Log チャンネル") as heard:
        await _notify(database_url, "targets", "1")
        await _notify(database_url, "elsewhere", "x")
        await _notify(database_url, "Log チャンネル", "つばめ")
        await _notify(database_url, "targets", "2")
        await eventually(lambda: len(heard.notified) == 3, "3 つ届く")
    assert heard.notified == [("targets", "1"), ("Log チャンネル", "つばめ"), ("targets", "2")]


async def test_reconnect_tells_readers_to_read_again(database_url: str, engine: AsyncEngine) -> None:
    """接続を切られてもつなぎ直し、読み直すように知らせ、その後の合図も届く。"""
    async with listening(database_url, "targets") as heard:
        async with engine.begin() as connection:
            await connection.execute(
                text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                     "WHERE application_name = 'tsubame-listener' AND datname = current_database()")
            )  # fmt: skip
        await eventually(lambda: heard.connected == 2, "つなぎ直す")
        await _notify(database_url, "targets", "after")
        await eventually(lambda: len(heard.notified) == 1, "その後の合図が届く")
    assert heard.notified == [("targets", "after")]


async def test_cancel_closes_the_connection(database_url: str, engine: AsyncEngine) -> None:
    """取り消すと、聞き手の接続はデータベースから消える。"""
    async with listening(database_url, "targets"):
        assert await _listeners(engine) == 1

    async def gone() -> bool:
        return await _listeners(engine) == 0

    assert await eventually(gone, "接続が消える") >= 0


async def _listeners(engine: AsyncEngine) -> int:
    async with engine.connect() as connection:
        found = await connection.execute(
            text("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'tsubame-listener' "
                 "AND datname = current_database()")
        )  # fmt: skip
        return int(found.scalar_one())
