"""試験のための、製品の設置。"""

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.product import Product


def fresh_product(**environment: str) -> Iterator[Product]:
    # pytest の一時ディレクトリは親が 0700 で、root のとき postgres の利用者が入れない
    root = Path(tempfile.mkdtemp(prefix="tsubame-product-"))
    root.chmod(0o755)
    product = Product(root / "data", **environment)
    try:
        asyncio.run(product.start())
        yield product
    finally:
        product.stop()
        shutil.rmtree(root)


@pytest.fixture(scope="session")
def product() -> Iterator[Product]:
    """動いている製品。どの試験も同じ一つを使うので、止めたり殺したりしないこと。"""
    yield from fresh_product()


@pytest.fixture
def own_product() -> Iterator[Product]:
    """この試験だけの製品。殺してよい。"""
    yield from fresh_product()
