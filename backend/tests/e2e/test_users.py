"""人の出入りの画面: 招く、入る、替えさせる、締め出す。"""

import re

import httpx
import pytest
from playwright.async_api import Browser, Page, expect

from harness.browser import NARROW, WIDE, Look, Screen, open_screen
from harness.product import Product

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]
CHOSEN, NEXT = "four random words here", "another four random words"


async def pass_checks(screen: Screen) -> None:
    """読み上げの重い違反も、横のはみ出しもない。"""
    assert await screen.serious_violations() == []
    assert await screen.overflow_px() == 0


async def handed_value(page: Page) -> str:
    """一度だけ見せる値を控え、箱を閉じる。"""
    box = page.get_by_role("dialog").filter(has_text="二度と表示できません")
    value = await box.locator("code").inner_text()
    await box.get_by_role("button", name="控えたので閉じる").click()
    await expect(box).to_be_hidden()
    return value


async def fill_new_password(page: Page, label: str, password: str) -> None:
    await page.get_by_label(label, exact=True).fill(password)
    await page.get_by_label("パスワード(もう一度)").fill(password)


@pytest.mark.parametrize("look", [Look(WIDE), Look(NARROW, dark=True)], ids=["広い", "狭い暗い"])
async def test_invited_person_joins_and_is_shut_out(
    chromium: Browser, own_product: Product, look: Look
) -> None:
    """招かれた人は、リンクから名前とパスワードを選んで入る。管理者が止めると、その場でログインの画面に戻る。"""
    async with (
        open_screen(chromium, own_product, look) as admin,
        open_screen(chromium, own_product, look) as guest,
    ):
        await admin.sign_in()
        await admin.open("/users")
        await pass_checks(admin)
        await admin.page.get_by_role("button", name="招待する").click()
        await admin.page.get_by_label("覚え書き").fill("ゆきさんへ")
        await pass_checks(admin)
        await admin.page.get_by_role("button", name="リンクを作る").click()
        link = await handed_value(admin.page)
        await expect(admin.page.get_by_role("main")).to_contain_text("ゆきさんへ")
        assert link.startswith(f"{own_product.base_url}/invite#")

        page = guest.page
        await page.goto(link)
        await expect(page.get_by_role("main")).to_contain_text(
            "admin さんから招待されています。あなたの役割: 操作"
        )
        await page.get_by_label("ユーザ名").fill("yuki")
        await fill_new_password(page, "パスワード", CHOSEN)
        await pass_checks(guest)
        await page.get_by_role("button", name="始める").click()
        await expect(page.get_by_role("navigation").first).to_be_attached()

        # 一覧は、読み直さなくても変わる
        await admin.page.get_by_role("button", name="「yuki」の操作").click()
        await admin.page.get_by_role("menuitem", name="停止する").click()
        await admin.page.get_by_role("alertdialog").get_by_role("button", name="停止する").click()
        await expect(admin.page.get_by_role("main")).to_contain_text("停止中")
        await expect(page.get_by_role("button", name="ログイン", exact=True)).to_be_visible()
        await page.goto(link)
        await expect(page.get_by_role("alert")).to_contain_text("この招待のリンクは使えません")


async def test_one_time_password_leads_to_the_profile(chromium: Browser, own_product: Product) -> None:
    """一度きりのパスワードで入ると、替えるまでほかへ行けない。替えたあと、好みとほかの端末を自分で決められる。"""
    async with open_screen(chromium, own_product) as admin, open_screen(chromium, own_product) as mine:
        await admin.sign_in()
        await admin.open("/users")
        await admin.page.get_by_role("button", name="直接作る").click()
        await admin.page.get_by_label("ユーザ名").fill("yuki")
        await admin.page.get_by_role("button", name="作る", exact=True).click()
        once = await handed_value(admin.page)

        await log_in(mine, "yuki", once)
        page = mine.page
        await expect(page.get_by_role("heading", name="新しいパスワードを選んでください")).to_be_visible()
        await mine.open("/jobs")
        await expect(page).to_have_url(re.compile("/change-password$"))
        await page.get_by_label("今のパスワード").fill(once)
        await fill_new_password(page, "新しいパスワード", CHOSEN)
        await pass_checks(mine)
        await page.get_by_role("button", name="変えて続ける").click()
        await expect(page.get_by_role("navigation").first).to_be_attached()
        await mine.open("/profile")
        kept = await page.evaluate("() => JSON.stringify([{...localStorage}, {...sessionStorage}])")
        assert not any(secret in kept for secret in ("eyJ", once, CHOSEN)), kept
        await page.get_by_role("combobox", name="時間帯").fill("New_York")
        await page.get_by_role("option", name="America/New_York").click()
        await expect(page.get_by_text("表示の設定を保存しました")).to_be_visible()
        await pass_checks(mine)

        async with open_screen(chromium, own_product, Look(NARROW, locale="en-US")) as phone:
            await log_in(phone, "yuki", CHOSEN)
            await phone.open("/profile")
            await expect(phone.page.get_by_role("main")).to_contain_text("America/New_York")
            await pass_checks(phone)
            await page.reload()
            await page.get_by_role("button", name=re.compile("^終わらせる: ")).click()
            await page.get_by_role("dialog").get_by_label("今のパスワード").fill(CHOSEN)
            await page.get_by_role("dialog").get_by_role("button", name="確かめる").click()
            await expect(page.get_by_role("button", name=re.compile("^終わらせる: "))).to_have_count(0)
            await expect(phone.page.get_by_role("button", name="Sign in", exact=True)).to_be_visible()


async def log_in(screen: Screen, username: str, password: str) -> None:
    await screen.open("/login")
    await screen.page.get_by_label(re.compile("^(ユーザ名|User name)")).fill(username)
    await screen.page.get_by_label(re.compile("^(パスワード|Password)$")).fill(password)
    await screen.page.keyboard.press("Enter")
    await expect(screen.page.get_by_role("button", name=re.compile("^(ログイン|Sign in)$"))).to_have_count(0)


async def test_token_is_shown_once(chromium: Browser, own_product: Product) -> None:
    """プロフィールで作ったトークンは、値が一度だけ見え、API で使え、取り消すと使えなくなる。"""
    async with open_screen(chromium, own_product) as mine:
        await mine.sign_in()
        await mine.open("/profile")
        page = mine.page
        await page.get_by_role("button", name="トークンを作る").click()
        box = page.get_by_role("dialog")
        await box.get_by_label("名前").fill("deploy")
        await box.get_by_label("読むことと、ジョブを動かすこと").check()
        await pass_checks(mine)
        await box.get_by_role("button", name="作る", exact=True).click()
        value = await handed_value(page)
        main = page.get_by_role("main")
        await expect(main).to_contain_text("読むことと、ジョブを動かすこと")
        assert value not in await page.content()
        await pass_checks(mine)
        headers = {"Authorization": f"Bearer {value}"}
        async with httpx.AsyncClient(base_url=f"{own_product.base_url}/api/v1", headers=headers) as client:
            assert (await client.get("/jobs")).status_code == 200
            await page.reload()
            await expect(main).to_contain_text("127.0.0.1")
            await page.get_by_role("button", name="取り消す: deploy").click()
            await page.get_by_role("alertdialog").get_by_role("button", name="取り消す").click()
            await expect(main).to_contain_text("トークンはまだありません")
            assert (await client.get("/jobs")).status_code == 401
