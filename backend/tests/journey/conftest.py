import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from harness.product import Product, running_product
from harness.sshd import Sshd, start_sshd


@pytest.fixture
def product_root() -> Iterator[Path]:
    """製品の置き場。pytest の一時ディレクトリは親が 0700 で、root のとき postgres の利用者が入れない。"""
    root = Path(tempfile.mkdtemp(prefix="tsubame-product-"))
    root.chmod(0o755)
    yield root
    shutil.rmtree(root)


@pytest.fixture
async def product(product_root: Path) -> AsyncIterator[Product]:
    """真新しい設置。管理者だけがいる。"""
    async with running_product(product_root / "data") as running:
        yield running


@pytest.fixture
async def sshd() -> AsyncIterator[Sshd]:
    """本物の sshd。"""
    server = await start_sshd()
    yield server
    await server.stop()
