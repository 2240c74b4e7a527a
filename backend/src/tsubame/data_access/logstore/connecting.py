"""置き場への接続。届かない失敗を、業務の言葉に直す。"""

import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tsubame.business.shared.errors import StorageUnavailableError
from tsubame.data_access.db.driver import driver_of
from tsubame.data_access.transactions import is_outage


@contextlib.asynccontextmanager
async def connecting(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Raises: StorageUnavailableError。"""
    with _translated():
        async with engine.connect() as connection:
            yield connection


@contextlib.asynccontextmanager
async def transacting(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """抜けると確定する。Raises: StorageUnavailableError。"""
    with _translated():
        async with engine.begin() as connection:
            yield connection


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except DBAPIError as exc:
        if not is_outage(exc):
            raise
        raise StorageUnavailableError("The database cannot be reached right now.") from exc


@contextlib.asynccontextmanager
async def binary_cursor(connection: AsyncConnection) -> AsyncIterator[psycopg.AsyncCursor[Any]]:
    """文字に直さずに受け取る。bytea を十六進で運ぶと、量が倍になる。

    Raises: StorageUnavailableError。
    """
    driver = await driver_of(connection)
    try:
        async with driver.cursor(binary=True) as cursor:
            yield cursor
    except (psycopg.OperationalError, psycopg.InterfaceError) as exc:
        raise StorageUnavailableError("The database cannot be reached right now.") from exc
