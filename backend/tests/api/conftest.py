from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from harness.api import Api


@pytest.fixture
async def api(engine: AsyncEngine, database_url: str, tmp_path: Path) -> AsyncIterator[Api]:
    """真新しい設置。利用者はまだいない。画面の置き場は ``tmp_path / "dist"``。"""
    made = Api(engine, database_url, tmp_path)
    yield made
    await made.ssh.close()


@pytest.fixture
async def admin(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    """管理者としての客。"""
    async with api.client() as client:
        yield client
