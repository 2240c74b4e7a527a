import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from harness.product import Product
from harness.sshd import Sshd, start_sshd


def _installed() -> Iterator[Product]:
    # pytest の一時ディレクトリは親が 0700 で、root のとき postgres の利用者が入れない
    root = Path(tempfile.mkdtemp(prefix="tsubame-product-"))
    root.chmod(0o755)
    product = Product(root / "data")
    try:
        asyncio.run(product.start())
        yield product
    finally:
        product.stop()
        shutil.rmtree(root)


@pytest.fixture(scope="session")
def product() -> Iterator[Product]:
    """動いている製品。どの試験も同じ一つを使うので、止めたり殺したりしないこと。"""
    yield from _installed()


@pytest.fixture
def own_product() -> Iterator[Product]:
    """この試験だけの製品。殺してよい。"""
    yield from _installed()


@pytest.fixture
async def sshd() -> AsyncIterator[Sshd]:
    """本物の sshd。"""
    server = await start_sshd()
    yield server
    await server.stop()
