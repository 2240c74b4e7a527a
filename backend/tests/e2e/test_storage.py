"""容量と保存期間の画面。"""

import re

import pytest
from playwright.async_api import Browser, expect

from harness.browser import NARROW, SHOTS, WIDE, Look, open_screen
from harness.journey import Journey
from harness.product import Product
from harness.sshd import ME, Sshd

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


@pytest.mark.parametrize("look", [Look(WIDE), Look(NARROW, dark=True)], ids=["広い", "狭い"])
async def test_policy_shows_what_it_would_delete(
    chromium: Browser, own_product: Product, sshd: Sshd, look: Look
) -> None:
    """決まりを打つと消えるものが数えられ、確かめてから決まる。残す印を付けた実行は、数から外れる。"""
    async with own_product.client() as client:
        journey = Journey(client)
        job = await journey.add_job("echo hello", [await journey.add_server(sshd, ME)], name="nightly")
        first, *_ = [await journey.run(job) for _ in range(4)]
    async with open_screen(chromium, own_product, look) as screen:
        await screen.sign_in()
        page, main = screen.page, screen.page.get_by_role("main")
        await screen.open(f"/executions/{first['id']}")
        await page.get_by_role("button", name="これを残す").click()
        await expect(main).to_contain_text("「残す」の印を付けました")
        await screen.open("/executions")
        await expect(main.get_by_role("img", name="残す印")).to_be_visible()

        await screen.open("/storage")
        await expect(main).to_contain_text("順調です")
        await expect(main).to_contain_text("file:///")
        await expect(main).to_contain_text("いつまでも残します")
        await expect(main.get_by_role("link", name="nightly")).to_be_visible()
        await page.screenshot(path=SHOTS / f"storage-{look.size[0]}.png", full_page=True)
        assert await screen.serious_violations() == []
        assert await screen.overflow_px() == 0

        await page.get_by_role("button", name="決まりを変える: 全体").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("古いものを消す").check()
        await dialog.get_by_label("終わってから残す日数").fill("")
        await dialog.get_by_label("ジョブごとに残す新しい実行の数").fill("1")
        await expect(page.get_by_test_id("policy-preview")).to_contain_text("実行 2 個(ログ 2 個)が消えます")
        await expect(page.get_by_test_id("policy-preview")).to_contain_text("nightly: 実行 2 個")
        await page.screenshot(path=SHOTS / f"storage-dialog-{look.size[0]}.png", full_page=True)
        assert await screen.serious_violations() == []
        await dialog.get_by_role("button", name="保存").click()
        await page.get_by_role("alertdialog").get_by_role("button", name="消してよい").click()
        await expect(main).to_contain_text("新しい 1 個を残します")

        await page.get_by_role("button", name=re.compile("だけの決まりを作る")).click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("ジョブごとに残す新しい実行の数").fill("5")
        await expect(page.get_by_test_id("policy-preview")).to_contain_text("今すぐ消えるものはありません")
        await dialog.get_by_role("button", name="保存").click()
        await expect(main).to_contain_text("新しい 5 個を残します")
        await expect(page.get_by_role("button", name=re.compile("だけの決まりを作る"))).to_have_count(0)
        await page.get_by_role("button", name=re.compile("決まりを外す: プロジェクト")).click()
        await page.get_by_role("alertdialog").get_by_role("button", name=re.compile("外す")).click()
        await expect(page.get_by_role("button", name=re.compile("だけの決まりを作る"))).to_be_visible()

        await screen.open(f"/jobs/{job}/edit")
        await page.get_by_text("保存期間", exact=True).click()
        await expect(main).to_contain_text("全体の決まりが効いています")
        await page.get_by_role("button", name="決まりを変える").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("いつまでも残す").check()
        await expect(page.get_by_test_id("policy-preview")).to_contain_text("今すぐ消えるものはありません")
        await dialog.get_by_role("button", name="保存").click()
        await expect(main).to_contain_text("このジョブだけの決まりです")
        await page.screenshot(path=SHOTS / f"storage-job-{look.size[0]}.png", full_page=True)
        await screen.open("/storage")
        await page.get_by_role("button", name=re.compile("^決まりを外す: ジョブ nightly")).click()
        await page.get_by_role("alertdialog").get_by_role("button", name="外す", exact=True).click()
        await expect(page.get_by_role("button", name=re.compile("^決まりを外す"))).to_have_count(0)
