from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser
from sqlalchemy.ext.asyncio import AsyncEngine

from harness.api import Api
from harness.browser import browser
from harness.sshd import Sshd, start_sshd


@pytest.fixture
async def api(engine: AsyncEngine, database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    """真新しい設置。"""
    made = Api(engine, database_url, tmp_path)
    yield made
    await made.ssh.close()


@pytest.fixture
async def sshd() -> AsyncIterator[Sshd]:
    server = await start_sshd()
    yield server
    await server.stop()


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    async with browser() as launched:
        yield launched
