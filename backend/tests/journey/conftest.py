from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from harness.product import Product, running_product
from harness.sshd import Sshd, start_sshd


@pytest.fixture
async def product(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Product]:
    """真新しい設置。管理者だけがいる。"""
    root: Path = tmp_path_factory.mktemp("product")
    async with running_product(root / "data") as running:
        yield running


@pytest.fixture
async def sshd() -> AsyncIterator[Sshd]:
    """本物の sshd。"""
    server = await start_sshd()
    yield server
    await server.stop()
