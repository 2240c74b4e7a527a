import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tsubame.data_access.queue.delivery import create_queue_app
from tsubame.data_access.transactions import SqlTransactions


@pytest.fixture
async def transactions(engine: AsyncEngine, database_url: str) -> SqlTransactions:
    return SqlTransactions(engine, create_queue_app(database_url, "tsubame-test"))
