"""取引: 待ってやり直せば直る失敗を、そうと伝える。"""

import asyncio

import psycopg
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from tsubame.business.shared.errors import StorageUnavailableError
from tsubame.business.shared.signals import SignalKind
from tsubame.data_access.db.at_commit import transaction
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


async def test_refused_last_statement_undoes_the_whole_transaction(engine: AsyncEngine) -> None:
    """確定といっしょに送った文が断られたら、先に書いたものも残らない。"""

    async def write() -> None:
        async with transaction(engine) as (connection, at_commit):
            await connection.execute(text("INSERT INTO projects (name) VALUES ('half done')"))
            at_commit.add("SELECT 1 / %s", 0)

    with pytest.raises(psycopg.errors.DivisionByZero):
        await write()
    async with engine.connect() as connection:
        found = await connection.execute(text("SELECT count(*) FROM projects WHERE name = 'half done'"))
        assert found.scalar_one() == 0


async def test_lost_connection_at_commit_is_told_as_an_outage(transactions: SqlTransactions) -> None:
    """確定の間際に接続が切れたら、「やり直せば直る」と知らされ、次の取引は新しい接続で動く。"""

    async def lose() -> None:
        async with transactions.begin() as other, transactions.begin() as tx:
            mine = (await tx.connection.execute(select(func.pg_backend_pid()))).scalar_one()
            await tx.signals.send(SignalKind.QUEUE, [0])
            await other.connection.execute(select(func.pg_terminate_backend(mine)))

    with pytest.raises(StorageUnavailableError):
        await lose()
    async with transactions.begin() as tx:
        assert (await tx.connection.execute(select(1))).scalar_one() == 1
