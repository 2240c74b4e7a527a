import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from harness.auditing import AuditRoom


@pytest.fixture
def room(engine: AsyncEngine, database_url: str) -> AuditRoom:
    """空の鎖。"""
    return AuditRoom(engine, database_url)
