"""プロジェクトと権限の画面。"""

import re
import uuid

import pytest
from playwright.async_api import Browser, expect

from harness.api import created
from harness.browser import NARROW, SHOTS, WIDE, Look, Screen, open_screen
from harness.product import Product

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


async def check(screen: Screen, name: str, look: Look) -> None:
    """重い違反も、横へのはみ出しもないことを確かめ、写しを残す。"""
    SHOTS.mkdir(parents=True, exist_ok=True)
    await screen.page.screenshot(path=SHOTS / f"projects-{name}-{look.size[0]}.png", full_page=True)
    assert await screen.serious_violations() == []
    assert await screen.overflow_px() == 0


async def pick(screen: Screen, field: str, text: str) -> None:
    """選び直す。今の値を消してから打つ。"""
    await screen.page.get_by_role("main").get_by_role("combobox", name=field).click()
    await screen.page.keyboard.press("Control+A")
    await screen.page.keyboard.type(text)
    await screen.page.get_by_role("option", name=re.compile(text)).click()


@pytest.mark.parametrize("look", [Look(WIDE), Look(NARROW, dark=True)], ids=["広い", "狭い"])
async def test_project_from_creation_to_the_answer_why(
    chromium: Browser, product: Product, look: Look
) -> None:
    """作り、一員を決め、そのプロジェクトだけを見て、なぜできるのかを尋ねるまでが、画面だけでできる。"""
    mark = uuid.uuid4().hex[:6]
    name, person = f"shop {mark}", f"alice-{mark}"
    async with product.client() as admin:
        created(await admin.post("/users", json={"username": person, "role": "viewer"}))
    async with open_screen(chromium, product, look) as screen:
        page, main = screen.page, screen.page.get_by_role("main")
        await screen.sign_in()
        await screen.open("/projects")
        await expect(main.get_by_role("heading", name="プロジェクト")).to_be_visible()
        await check(screen, "list", look)
        await main.get_by_role("button", name="プロジェクトを作る").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("名前").fill(name)
        await dialog.get_by_role("button", name="保存").click()
        await expect(main.get_by_role("heading", name=name)).to_be_visible()

        await main.get_by_role("button", name="一員を加える").click()
        await dialog.get_by_role("combobox", name="ユーザ").fill(person)
        await page.get_by_role("option", name=person).click()
        await dialog.get_by_role("combobox", name="ここでの役割").press("ArrowDown")
        await page.get_by_role("option", name=re.compile("^編集")).click()
        await check(screen, "member", look)
        await dialog.get_by_role("button", name="一員を加える").click()
        role = main.get_by_role("combobox", name=f"{person} さんの、ここでの役割")
        await expect(role).to_have_value("編集")
        await check(screen, "project", look)

        await page.get_by_role("button", name="見ているプロジェクト").click()
        await page.get_by_role("button", name=name).click()
        await screen.open("/jobs")
        await expect(main).to_contain_text("ジョブがまだありません")
        await screen.open("/jobs/new")
        await expect(main.get_by_role("combobox", name="プロジェクト")).to_be_visible()
        await expect(main).to_contain_text(name)
        await check(screen, "job-form", look)

        await screen.open("/permissions")
        answer = main.get_by_test_id("explanation")
        await expect(answer).to_contain_text("できます")
        await pick(screen, "だれが", person)
        await expect(answer).to_contain_text(f"{name} で「編集」です")
        await pick(screen, "何を", "ワーカーの引き受け")
        await expect(answer).to_contain_text("できません")
        await check(screen, "permissions", look)
