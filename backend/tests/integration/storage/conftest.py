from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from harness.api import MovableClock
from harness.logs import LogRoom
from harness.retention import RetentionRoom


@pytest.fixture
def room(database_url: str, engine: AsyncEngine, tmp_path: Path) -> RetentionRoom:
    return RetentionRoom(LogRoom(database_url, engine, f"file://{tmp_path}/archive"), MovableClock())
