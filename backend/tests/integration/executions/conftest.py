from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from harness.sshd import Sshd, start_sshd
from tsubame.data_access.queue.delivery import create_queue_app
from tsubame.data_access.transactions import SqlTransactions


@pytest.fixture
async def transactions(engine: AsyncEngine, database_url: str) -> SqlTransactions:
    return SqlTransactions(engine, create_queue_app(database_url, "tsubame-test"))


@pytest.fixture
async def sshd() -> AsyncIterator[Sshd]:
    """本物の sshd。"""
    server = await start_sshd()
    yield server
    await server.stop()
