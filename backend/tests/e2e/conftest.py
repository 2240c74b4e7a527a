from collections.abc import AsyncIterator, Iterator

import pytest
from playwright.async_api import Browser

from harness.browser import browser
from harness.installation import fresh_product
from harness.product import Product
from harness.sshd import Sshd, start_sshd


@pytest.fixture
async def chromium() -> AsyncIterator[Browser]:
    async with browser() as launched:
        yield launched


@pytest.fixture
def untouched_product() -> Iterator[Product]:
    """まだだれも開いていない設置。最初の管理者もいない。"""
    yield from fresh_product(TSUBAME_ADMIN_USERNAME="", TSUBAME_ADMIN_PASSWORD="")


@pytest.fixture
async def sshd() -> AsyncIterator[Sshd]:
    server = await start_sshd()
    yield server
    await server.stop()
