"""秘密の画面: 作り、使い、伏せられたことを見る。値は、どの画面にも二度と出ない。"""

import re
import secrets

import pytest
from playwright.async_api import Browser, Page, expect

from harness.browser import Screen, open_screen
from harness.journey import Journey
from harness.product import Product
from harness.sshd import ME, Sshd

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

VALUE = "hunter2-hunter2"
GIVEN = (("MODE", "slow", False), ("TOKEN", VALUE, True))


async def add_project_secret(screen: Screen, name: str) -> None:
    page = screen.page
    await screen.open("/variables?project=1")
    await page.get_by_role("button", name="変数を追加").click()
    await page.get_by_label("名前", exact=True).fill("1ST")
    await expect(page.get_by_text("先頭は数字以外にしてください")).to_be_visible()
    await page.get_by_label("名前", exact=True).fill(name)
    secret = page.get_by_role("textbox", name="値")
    await secret.fill("abc")
    await expect(page.get_by_test_id("too-short")).to_contain_text("ログで伏せられません")
    await secret.fill(VALUE)
    await expect(page.get_by_test_id("too-short")).to_have_count(0)
    assert await screen.serious_violations() == []
    await page.get_by_role("button", name="保存").click()
    row = page.get_by_test_id("variables-project")
    await expect(row).to_contain_text(name)
    await expect(row).to_contain_text("••••••••")
    assert await screen.serious_violations() == []
    assert await screen.overflow_px() == 0


async def nowhere(page: Page) -> None:
    """値が、画面のどこにも(入力欄の中にも)ない。"""
    held = await page.evaluate(
        "() => [...document.querySelectorAll('input, textarea')].map((e) => e.value).join()"
    )
    assert VALUE not in await page.content() + held


async def test_a_project_secret_is_used_and_masked(chromium: Browser, product: Product, sshd: Sshd) -> None:
    """プロジェクトの秘密を作り、ジョブで使うと、ログでは伏せられ、伏せたことと使った版が分かる。"""
    name = f"TOKEN_{secrets.token_hex(3)}"
    async with product.client() as client, open_screen(chromium, product) as screen:
        journey = Journey(client)
        server = await journey.add_server(sshd, ME, name=f"secrets-{name}")
        job = await journey.add_job(f'echo "token is ${name}"', [server], env={name: "from the job"})
        await screen.sign_in()
        await add_project_secret(screen, name)
        page = screen.page

        await screen.open(f"/jobs/{job}")
        environment = page.get_by_test_id("effective-environment")
        await expect(environment.locator("s")).to_contain_text(name)
        await expect(environment).to_contain_text("隠しているもの: ジョブ")
        assert await screen.serious_violations() == []
        await client.put(
            f"/jobs/{job}",
            json={"name": f"uses {name}", "script": f'echo "token is ${name}"', "server_ids": [server]},
        )

        await screen.open(f"/jobs/{job}/edit")
        section = page.get_by_test_id("variables-job")
        await section.get_by_role("button", name="秘密を追加").click()
        dialog = page.get_by_role("dialog", name="変数を追加")
        await dialog.get_by_label("名前", exact=True).fill("PIN")
        await dialog.get_by_role("textbox", name="値").fill("12")
        await dialog.get_by_role("button", name="保存").click()
        await expect(section).to_contain_text("短すぎて、ログで伏せられません")

        await screen.open(f"/jobs/{job}")
        await expect(environment.locator("s")).to_have_count(0)
        await page.get_by_role("button", name=re.compile("を実行$")).first.click()
        await expect(page.get_by_role("log")).to_contain_text("token is ********")
        await expect(page.get_by_test_id("log-masked")).to_have_text("1 か所を伏せました")
        await expect(page.get_by_test_id("unmasked")).to_contain_text("PIN")
        await nowhere(page)
        await page.get_by_role("tab", name="動かした内容").click()
        used = page.get_by_test_id("execution-variables")
        await expect(used).to_contain_text(name)
        await expect(used).to_contain_text("プロジェクト、版 1")
        assert await screen.serious_violations() == []

        await screen.open("/variables?project=1")
        await page.get_by_role("button", name=f"「{name}」を編集").click()
        await expect(page.get_by_role("textbox", name="新しい値")).to_have_value("")
        await nowhere(page)


async def test_secrets_given_at_start_are_asked_for_again(
    chromium: Browser, product: Product, sshd: Sshd
) -> None:
    """始めるときに渡した秘密は伏せられ、もう一度動かすときは、渡し直しを求められる。"""
    async with product.client() as client, open_screen(chromium, product) as screen:
        journey = Journey(client)
        server = await journey.add_server(sshd, ME, name=f"given-{secrets.token_hex(3)}")
        job = await journey.add_job('echo "$MODE $TOKEN"', [server])
        await screen.sign_in()
        page = screen.page
        await screen.open(f"/jobs/{job}")
        await page.get_by_role("button", name=re.compile("ほかの実行のしかた")).click()
        await page.get_by_role("menuitem").first.click()
        given = page.get_by_test_id("given-variables")
        for number, (name, value, secret) in enumerate(GIVEN, start=1):
            await given.get_by_role("button", name="変数を追加").click()
            await given.get_by_label(f"名前 {number}").fill(name)
            if secret:
                await given.get_by_label("秘密").nth(number - 1).check()
            await given.get_by_label(f"値 {number}", exact=True).fill(value)
        assert await screen.serious_violations() == []
        await page.get_by_role("button", name="1 台で実行").click()
        await expect(page.get_by_role("log")).to_contain_text("slow ********")
        await page.get_by_role("button", name="もう一度実行").click()
        asked = page.get_by_role("dialog", name="秘密を渡し直す")
        await expect(asked.get_by_label("名前 1")).to_have_value("TOKEN")
        await asked.get_by_label("値 1", exact=True).fill("other-secret-value")
        await asked.get_by_role("button", name="もう一度実行").click()
        await expect(asked).to_have_count(0)
        await expect(page.get_by_role("log")).to_contain_text("slow ********")
        await nowhere(page)
