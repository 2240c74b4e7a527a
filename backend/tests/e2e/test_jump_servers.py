"""物語: 直接は届かないサーバへ、踏み台を通って、別のユーザとして届く。"""

import re

import pytest
from playwright.async_api import Browser, Page, expect

from harness.browser import NARROW, Look, Screen, open_screen
from harness.journey import Journey
from harness.product import Product
from harness.sshd import ME, Sshd

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


async def test_reach_a_server_through_another(chromium: Browser, product: Product, sshd: Sshd) -> None:
    """詳細設定で踏み台と sudo を選ぶと、サーバの画面に道が見え、接続試験が踏み台から順に確かめる。"""
    async with product.client() as client, open_screen(chromium, product) as screen:
        journey = Journey(client)
        await journey.add_server(sshd, ME, name="bastion")
        inner = await journey.add_server(sshd, ME, name="inner")
        await screen.sign_in()
        await screen.open(f"/servers/{inner}/edit")
        page = screen.page
        await page.get_by_text("接続の詳細設定").click()
        jump = page.get_by_role("combobox", name="踏み台")
        await jump.fill("bastion")
        await page.get_by_role("option", name=re.compile("bastion")).first.click()
        await page.get_by_label("sudo で替わるユーザ").fill("root")
        await page.get_by_label("同時に動かす数の上限").fill("2")
        await page.get_by_label("生存確認の間隔(秒)").fill("5")
        assert await screen.serious_violations() == []
        await page.get_by_role("button", name="保存").click()
        await expect(page.get_by_test_id("jump-path")).to_contain_text("bastion")
        main = page.get_by_role("main")
        for shown in ("root(sudo)", "2 まで", "生存確認 5 秒ごと"):
            await expect(main).to_contain_text(shown)
        await _test_connection(page)
        assert await screen.serious_violations() == []
        await _narrow(chromium, product, inner)


async def _test_connection(page: Page) -> None:
    await page.get_by_role("button", name="接続を試す").click()
    steps = page.get_by_test_id("test-steps").locator("li")
    await expect(steps.first).to_have_attribute("data-step", "jump")
    await expect(page.get_by_role("main")).to_contain_text("すべて成功しました")
    await expect(page.get_by_test_id("test-steps").locator("[data-state=skipped]")).to_have_count(0)
    await expect(page.get_by_test_id("test-steps")).to_contain_text("完全に離れた子プロセスまで止まります")


async def _narrow(chromium: Browser, product: Product, server: int) -> None:
    """設定を変えたサーバの書式は、開いたままで、狭い画面でもはみ出さない。"""
    async with open_screen(chromium, product, Look(NARROW)) as narrow:
        await narrow.sign_in()
        for path in (f"/servers/{server}", f"/servers/{server}/edit"):
            await _fits(narrow, path)
        await expect(narrow.page.get_by_label("sudo で替わるユーザ")).to_be_visible()


async def _fits(screen: Screen, path: str) -> None:
    await screen.open(path)
    await expect(screen.page.get_by_role("heading", level=1)).to_be_visible()
    await screen.page.wait_for_load_state("networkidle")
    assert await screen.overflow_px() <= 0
    assert await screen.serious_violations() == []
