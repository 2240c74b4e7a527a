"""取引: 待ってやり直せば直る失敗を、そうと伝える。"""

import asyncio

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from tsubame.business.shared.errors import StorageUnavailableError
from tsubame.data_access.queue.delivery import create_queue_app
from tsubame.data_access.transactions import SqlTransactions


@pytest.fixture
def transactions(engine: AsyncEngine, database_url: str) -> SqlTransactions:
    return SqlTransactions(engine, create_queue_app(database_url, "tsubame-test"))


async def test_deadlock_is_told_as_something_to_try_again(transactions: SqlTransactions) -> None:
    """二つの取引がにらみ合うと、負けた一方だけが「やり直せば直る」と知らされる。"""
    both = asyncio.Barrier(2)

    async def lock(first: int, second: int) -> None:
        async with transactions.begin() as tx:
            await tx.connection.execute(select(func.pg_advisory_xact_lock(first)))
            await both.wait()
            await tx.connection.execute(select(func.pg_advisory_xact_lock(second)))

    ended = await asyncio.gather(lock(1, 2), lock(2, 1), return_exceptions=True)
    assert [type(error) for error in ended if error is not None] == [StorageUnavailableError]
