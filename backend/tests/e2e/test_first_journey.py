"""物語: はじめて開いた人が、画面だけで最初のスクリプトを動かし、生きた出力を見る。"""

import re

import pytest
from playwright.async_api import Browser, expect

from harness.browser import Screen, open_screen
from harness.product import ADMIN, Product
from harness.sshd import ME, PRIVATE_KEY, Sshd

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]
SCRIPT = "for n in 1 2 3 4 5 6 7 8; do echo line $n; sleep 1; done"


async def test_from_the_first_page_to_a_live_log(
    chromium: Browser, untouched_product: Product, sshd: Sshd
) -> None:
    """管理者を作り、鍵・サーバ・ジョブを足して動かすと、行が一つずつ届く。途中で殺しても続きが届く。"""
    async with open_screen(chromium, untouched_product) as screen:
        await _set_up(screen, untouched_product)
        await _add_credential(screen)
        await _add_server(screen, sshd)
        await _add_job(screen)
        await screen.page.get_by_role("button", name="実行").first.click()
        log = screen.page.get_by_role("log")
        await expect(log).to_contain_text("line 1")
        await expect(log).not_to_contain_text("line 8")
        await untouched_product.kill()
        await untouched_product.start()
        await expect(log).to_contain_text("line 8", timeout=60_000)
        await expect(screen.page.get_by_role("main")).to_contain_text("成功")
        lines = await log.inner_text()
        assert [int(number) for number in re.findall(r"line (\d)", lines)] == [1, 2, 3, 4, 5, 6, 7, 8]


async def _set_up(screen: Screen, product: Product) -> None:
    link = re.findall(r"http\S+/setup\?token=\S+", product.output)[-1]
    await screen.open("/setup?" + link.partition("?")[2])
    page = screen.page
    await page.get_by_label("ユーザ名").fill(ADMIN[0])
    await page.get_by_label("パスワード", exact=True).fill(ADMIN[1])
    await page.get_by_label("パスワード(もう一度)").fill(ADMIN[1])
    await page.get_by_role("button", name="管理者を作って始める").click()
    await expect(page.get_by_role("heading", name="ダッシュボード")).to_be_visible()
    assert await screen.serious_violations() == []


async def _add_credential(screen: Screen) -> None:
    page = screen.page
    await screen.open("/credentials")
    await page.get_by_role("button", name="鍵・パスワードを登録").first.click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("名前").fill("deploy key")
    await dialog.get_by_label("秘密鍵").fill(PRIVATE_KEY)
    assert await screen.serious_violations() == []
    await dialog.get_by_role("button", name=re.compile("登録|保存")).click()
    await expect(page.get_by_role("main")).to_contain_text("deploy key")


async def _add_server(screen: Screen, sshd: Sshd) -> None:
    page = screen.page
    await screen.open("/servers/new")
    await page.get_by_label("名前", exact=True).fill("web-1")
    await page.get_by_label(re.compile("^ホスト名")).fill("127.0.0.1")
    await page.get_by_label("ポート").fill(str(sshd.port))
    await page.get_by_label("ログインするユーザ名").fill(ME)
    await page.get_by_role("combobox", name="認証情報").click()
    await page.get_by_role("option", name="deploy key").click()
    await page.keyboard.press("Escape")
    assert await screen.serious_violations() == []
    await page.get_by_role("button", name="保存").last.click()
    await expect(page.get_by_role("heading", name="ホスト鍵")).to_be_visible()
    await page.get_by_role("button", name="ホスト鍵を読み取る").click()
    await expect(page.get_by_role("main")).to_contain_text(sshd.host_key.fingerprint)
    assert await screen.serious_violations() == []
    await page.get_by_role("button", name="この鍵を承認する").click()
    await expect(page.get_by_role("main")).to_contain_text("この鍵を承認しています")
    await page.get_by_role("button", name="接続を試す").click()
    await expect(page.get_by_role("main")).to_contain_text("すべて成功しました")


async def _add_job(screen: Screen) -> None:
    page = screen.page
    await screen.open("/jobs/new")
    await page.get_by_label("名前", exact=True).first.fill("count")
    editor = page.locator(".cm-content")
    await editor.click()
    await page.keyboard.insert_text(SCRIPT)
    await page.get_by_role("combobox", name="動かすサーバ").click()
    await page.get_by_role("option", name="web-1").click()
    await page.keyboard.press("Escape")
    # 薄れていく途中の選択肢を、頁の一部として調べない
    await expect(page.get_by_role("option", name="web-1")).to_be_hidden()
    assert await screen.serious_violations() == []
    await page.get_by_role("button", name="保存").last.click()
    await expect(page.get_by_role("heading", name="count")).to_be_visible()
