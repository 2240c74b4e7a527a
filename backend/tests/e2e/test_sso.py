"""外のログインの画面。相手は本物の提供者。"""

import re
from collections.abc import Iterator

import pytest
from playwright.async_api import Browser, Page, expect

from harness.browser import NARROW, SHOTS, WIDE, Look, Screen, open_screen
from harness.installation import fresh_product
from harness.oidc import CLIENT_ID, CLIENT_SECRET, OidcProvider, run_provider
from harness.product import ADMIN, Product

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


@pytest.fixture
def neighbour() -> Iterator[Product]:
    """この機械の中の提供者へ話してよい設置。"""
    yield from fresh_product(TSUBAME_OUTGOING_ALLOWED="127.0.0.1")


@pytest.fixture
def provider(neighbour: Product) -> Iterator[OidcProvider]:
    with run_provider(f"{neighbour.base_url}/login/callback") as running:
        yield running


async def shoot(page: Page, name: str, look: Look) -> None:
    SHOTS.mkdir(parents=True, exist_ok=True)
    await page.screenshot(path=SHOTS / f"sso-{name}-{look.size[0]}.png", full_page=True)


async def add_in_the_screen(screen: Screen, provider: OidcProvider, look: Look) -> None:
    """設定の画面で、試しに読んでから提供者を足す。"""
    page, main = screen.page, screen.page.get_by_role("main")
    await screen.open("/settings/sign-in")
    await expect(main).to_contain_text("提供者はまだありません")
    await main.get_by_role("link", name="提供者を追加").click()
    await main.get_by_label("名前", exact=True).fill("社内 ID")
    await main.get_by_label("発行者(issuer)の URL").fill(f"{provider.issuer}/wrong")
    await main.get_by_role("button", name="試しに読む").click()
    await expect(main).to_contain_text("決まりの形をしていません")
    await main.get_by_label("発行者(issuer)の URL").fill(provider.issuer)
    await main.get_by_role("button", name="試しに読む").click()
    await expect(main).to_contain_text("読めました: 署名 RS256、鍵 1 個")
    await expect(main.locator("code")).to_have_text(f"{screen.base_url}/login/callback")
    await main.get_by_label("クライアント ID").fill(CLIENT_ID)
    await main.get_by_label("クライアントの秘密").fill(CLIENT_SECRET)
    await main.get_by_label("スコープ").fill("openid profile email groups")
    await main.get_by_role("button", name="決まりを追加").click()
    await main.get_by_label("組", exact=True).fill("leads")
    await main.get_by_role("combobox", name="役割").last.click(force=True)
    await page.get_by_role("option", name="管理者").click()
    await shoot(page, "form", look)
    assert await screen.serious_violations() == []
    assert await screen.overflow_px() == 0
    await main.get_by_role("combobox", name="どの決まりにも当たらない人").click(force=True)
    await page.get_by_role("option", name="閲覧").click()
    await main.get_by_role("button", name="保存").click()
    await expect(main.get_by_role("link", name="社内 ID", exact=True)).to_be_visible()


async def name_oneself(page: Page, name: str) -> None:
    """提供者の画面。"""
    await page.get_by_placeholder("Enter any login").fill(name)
    await page.get_by_placeholder("and password").fill("anything")
    await page.get_by_role("button", name="Sign-in").click()


async def log_out(page: Page) -> None:
    await page.get_by_role("button", name=re.compile("yuki|admin")).click()
    await page.get_by_role("button", name="ログアウト").click()
    await expect(page.get_by_role("heading", name="ログイン")).to_be_visible()


async def expect_role(page: Page, role: str) -> None:
    await page.get_by_role("button", name=re.compile("yuki")).click()
    await expect(page.get_by_text(role, exact=True)).to_be_visible()
    await page.keyboard.press("Escape")


@pytest.mark.parametrize("look", [Look(WIDE), Look(NARROW, dark=True)], ids=["広い", "狭い"])
async def test_provider_sign_in_from_end_to_end(
    chromium: Browser, neighbour: Product, provider: OidcProvider, look: Look
) -> None:
    """提供者を足すとボタンが出て、名乗ると役割が付き、組が変われば次のログインで変わる。断りもその場で分かる。"""
    provider.set_users(yuki=["staff"])
    async with open_screen(chromium, neighbour, look) as admin:
        await admin.sign_in()
        await add_in_the_screen(admin, provider, look)
        await shoot(admin.page, "settings", look)
        assert await admin.serious_violations() == []
        assert await admin.overflow_px() == 0

        async with open_screen(chromium, neighbour, look) as visitor:
            page = visitor.page
            await visitor.open("/executions?state=failed")
            await expect(page.get_by_role("button", name="社内 ID でログイン")).to_be_visible()
            await shoot(page, "login", look)
            assert await visitor.serious_violations() == []
            await page.get_by_role("button", name="社内 ID でログイン").click()
            await name_oneself(page, "yuki")
            await expect(page).to_have_url(re.compile(r"/executions\?state=failed$"))
            await expect_role(page, "閲覧")

            provider.set_users(yuki=["leads"])
            await log_out(page)
            await page.get_by_role("button", name="社内 ID でログイン").click()
            await expect(page.get_by_role("navigation").first).to_be_attached()
            await expect_role(page, "管理者")

            await log_out(page)
            await visitor.open("/login/callback?state=forged&code=forged")
            await expect(page.locator(".v-alert")).to_contain_text("別のブラウザで始めたものです")
            assert "forged" not in page.url
            await shoot(page, "refused", look)
            assert await visitor.serious_violations() == []
            await page.get_by_role("link", name="ログインの画面へ").click()
            await expect(page.get_by_role("button", name="社内 ID でログイン")).to_be_visible()

        await admin.open("/settings/sign-in")
        main = admin.page.get_by_role("main")
        await expect(main).to_contain_text("127.0.0.1")
        await shoot(admin.page, "people", look)
        assert await admin.overflow_px() == 0


async def test_linking_and_a_provider_that_is_away(
    chromium: Browser, neighbour: Product, provider: OidcProvider
) -> None:
    """入っている人が身元を結んでそれで入れる。提供者が止まれば、わけが出て、パスワードでは入れる。"""
    provider.set_users(boss=[])
    async with neighbour.client() as client:
        body = provider.settings(name="社内 ID", creates_users=False)
        number = (await client.post("/sign-in/providers", json=body)).json()["id"]
    async with open_screen(chromium, neighbour) as screen:
        page, main = screen.page, screen.page.get_by_role("main")
        await screen.sign_in()
        await screen.open("/profile/linked-accounts")
        await expect(main).to_contain_text("結びついたアカウントはありません")
        await main.get_by_role("button", name="社内 ID を結びつける").click()
        await page.get_by_role("dialog").get_by_label("今のパスワード").fill(ADMIN[1])
        await page.get_by_role("dialog").get_by_role("button", name="確かめる").click()
        await name_oneself(page, "boss")
        await expect(main.get_by_role("listitem")).to_contain_text("boss")
        await shoot(page, "linked", Look())
        assert await screen.serious_violations() == []
        await log_out(page)
        await page.get_by_role("button", name="社内 ID でログイン").click()
        await expect(page.get_by_role("navigation").first).to_be_attached()
        await log_out(page)

        async with neighbour.client() as client:
            away = provider.settings(name="社内 ID", issuer="http://127.0.0.1:9")
            assert (await client.put(f"/sign-in/providers/{number}", json=away)).status_code == 200
        await page.get_by_role("button", name="社内 ID でログイン").click()
        await expect(page.locator(".v-alert")).to_contain_text("提供者(127.0.0.1)につながりません")
        await shoot(page, "away", Look())
        await screen.sign_in()
