"""二段階の画面。"""

import re
import time

import pyotp
import pytest
from playwright.async_api import Browser, Page, expect

from harness.browser import NARROW, SHOTS, WIDE, Look, Screen, open_screen
from harness.product import ADMIN, Product

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


class Phone:
    """認証アプリ。一度出した段の符号は、二度と出さない。"""

    def __init__(self, secret: str) -> None:
        self._totp = pyotp.TOTP(secret)
        self._last = 0

    def code(self) -> str:
        # サーバは前後一つの段を許すので、待たずに次の段の符号が使える
        step = max(int(time.time()) // 30, self._last + 1)
        self._last = step
        return self._totp.generate_otp(step)


async def shoot(page: Page, name: str, look: Look) -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=SHOTS / f"two-factor-{name}-{look.size[0]}.png", full_page=True)


async def give_password(screen: Screen) -> None:
    await screen.open("/login")
    await screen.page.get_by_label("ユーザ名").fill(ADMIN[0])
    await screen.page.get_by_label(re.compile("^パスワード$")).fill(ADMIN[1])
    await screen.page.keyboard.press("Enter")
    await expect(screen.page.get_by_role("heading", name="二段階認証")).to_be_visible()


async def keep_codes(page: Page) -> list[str]:
    """回復コードを控えて、先へ進む。"""
    rows = page.get_by_role("list", name="回復コード").get_by_role("listitem")
    await expect(rows).to_have_count(10)
    codes = await rows.all_text_contents()
    await expect(page.get_by_role("button", name="次へ進む")).to_be_disabled()
    await page.get_by_label("安全な場所に控えました").check()
    await page.get_by_role("button", name="次へ進む").click()
    return codes


@pytest.mark.parametrize("look", [Look(WIDE), Look(NARROW, dark=True)], ids=["広い", "狭い"])
async def test_two_factor_from_start_to_stop(chromium: Browser, own_product: Product, look: Look) -> None:
    """使い始め、数字で入り、回復コードで入り、やめるまでが、画面だけでできる。"""
    async with open_screen(chromium, own_product, look) as screen:
        page, main = screen.page, screen.page.get_by_role("main")
        await screen.sign_in()
        await page.get_by_role("button", name=re.compile("admin")).click()
        await page.get_by_role("link", name="二段階認証").click()
        await expect(main).to_contain_text("使っていません")
        await main.get_by_role("button", name="使い始める").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("今のパスワード").fill("wrong wrong")
        await dialog.get_by_role("button", name="確かめる").click()
        await expect(dialog).to_contain_text("パスワードが違います")
        await dialog.get_by_label("今のパスワード").fill(ADMIN[1])
        await dialog.get_by_role("button", name="確かめる").click()
        await expect(main.get_by_role("img", name="認証アプリに読ませる QR コード")).to_be_visible()
        await shoot(page, "enrol", look)
        assert await screen.serious_violations() == []
        assert await screen.overflow_px() == 0
        phone = Phone(await main.locator("code").inner_text())
        await main.get_by_label("6 桁の数字").fill("12345")
        await main.get_by_role("button", name="使い始める").click()
        await expect(main).to_contain_text("数字 6 桁を入力してください")
        await main.get_by_label("6 桁の数字").fill(phone.code())
        await main.get_by_role("button", name="使い始める").click()
        await expect(main.get_by_role("heading", name="回復コードを控えてください")).to_be_visible()
        await shoot(page, "codes", look)
        assert await screen.serious_violations() == []
        assert await screen.overflow_px() == 0
        codes = await keep_codes(page)
        await expect(main).to_contain_text("残りの回復コード: 10 個")
        await shoot(page, "on", look)

        await page.get_by_role("button", name=re.compile("admin")).click()
        await page.get_by_role("button", name="ログアウト").click()
        await give_password(screen)
        await shoot(page, "login", look)
        assert await screen.serious_violations() == []
        await page.get_by_label("6 桁の数字").fill("000 000")
        await page.get_by_role("button", name="確かめて入る").click()
        await expect(page.get_by_role("main")).to_contain_text("数字が違うか")
        await page.get_by_label("6 桁の数字").fill(phone.code())
        await page.get_by_role("button", name="確かめて入る").click()
        await expect(page.get_by_role("navigation").first).to_be_attached()

        await page.get_by_role("button", name=re.compile("admin")).click()
        await page.get_by_role("button", name="ログアウト").click()
        await give_password(screen)
        await page.get_by_role("button", name=re.compile("回復コードを使う")).click()
        await page.get_by_label("回復コード").fill(codes[0])
        await page.get_by_role("button", name="確かめて入る").click()
        await expect(page.get_by_role("navigation").first).to_be_attached()
        await screen.open("/profile/two-factor")
        await expect(main).to_contain_text("残りの回復コード: 9 個")
        await main.get_by_role("button", name="やめる").click()
        await page.get_by_role("dialog").get_by_label("6 桁の数字か回復コード").fill(codes[1])
        await page.get_by_role("dialog").get_by_role("button", name="確かめる").click()
        await expect(main).to_contain_text("使っていません")


async def test_a_required_role_is_led_to_the_set_up(chromium: Browser, own_product: Product) -> None:
    """役割が求めるのに用意がない人は、パスワードの直後に用意へ導かれ、済ませるとそのまま入っている。"""
    async with own_product.client() as client:
        answer = await client.put("/sign-in/policy", json={"second_factor_roles": ["admin"]})
        assert answer.status_code == 200
    async with open_screen(chromium, own_product) as screen:
        page = screen.page
        await give_password(screen)
        await expect(page.get_by_text("あなたの役割では、二段階認証が必要です")).to_be_visible()
        await shoot(page, "required", Look())
        phone = Phone(await page.locator("code").inner_text())
        await page.get_by_label("6 桁の数字").fill(phone.code())
        await page.get_by_role("button", name="使い始める").click()
        await keep_codes(page)
        await expect(page.get_by_role("navigation").first).to_be_attached()
        await screen.open("/profile/two-factor")
        await expect(page.get_by_role("main")).to_contain_text("やめることはできません")
