import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from harness.logs import LogRoom


@pytest.fixture
def room(database_url: str, engine: AsyncEngine) -> LogRoom:
    return LogRoom(database_url, engine)
