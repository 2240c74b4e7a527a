"""ワーカーの画面。"""

import re

import pytest
from playwright.async_api import Browser, expect

from harness.browser import NARROW, WIDE, Look, open_screen
from harness.product import Product

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


@pytest.mark.parametrize("look", [Look(WIDE), Look(NARROW)], ids=["広い", "狭い"])
async def test_drain_and_resume_from_the_screen(chromium: Browser, own_product: Product, look: Look) -> None:
    """働いているワーカーの引き受けを、確かめてから止め、再開できる。読み直さなくても変わる。"""
    async with open_screen(chromium, own_product, look) as screen:
        await screen.sign_in()
        await screen.open("/workers")
        page, main = screen.page, screen.page.get_by_role("main")
        await expect(main).to_contain_text("稼働中")
        await expect(main).to_contain_text("0 / 500")
        await expect(main).to_contain_text("MB")
        await page.get_by_role("button", name=re.compile("^新規を止める: ")).click()
        await page.get_by_role("alertdialog").get_by_role("button", name="新規を止める").click()
        await expect(main).to_contain_text("停止してよい")
        await page.get_by_role("button", name=re.compile("^再開する: ")).click()
        await page.get_by_role("alertdialog").get_by_role("button", name="再開する").click()
        await expect(main).to_contain_text("稼働中")
        assert await screen.serious_violations() == []
        assert await screen.overflow_px() == 0
