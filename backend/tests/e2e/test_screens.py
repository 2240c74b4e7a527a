"""どの画面も、だれにでも使える: 重い違反がなく、狭い画面でもはみ出さない。"""

import asyncio

import pytest
from playwright.async_api import Browser, expect

from harness.browser import NARROW, WIDE, Look, Screen, open_screen
from harness.journey import Journey
from harness.product import Product
from harness.sshd import ME, Sshd

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


async def _furnish(product: Product, sshd: Sshd) -> list[str]:
    """見るものがある状態にし、すべての画面の道を返す。"""
    async with product.client() as client:
        journey = Journey(client)
        servers = [await journey.add_server(sshd, ME, name=f"screen-{number}") for number in range(10)]
        job = await journey.add_job(
            "echo '\033[32mok\033[0m'; case $TSUBAME_RUN_ID in *[0-4]) exit 3;; esac", servers
        )
        executions = [
            await journey.run(job),
            await journey.run(await journey.add_job("echo fine", servers[:1])),
        ]
        command = await journey.call(
            "POST", "/commands", status=201, command="uname -a", server_ids=servers[:2]
        )
        credential = (await journey.call("GET", "/credentials"))["items"][0]
        assert credential["fingerprint"].startswith("SHA256:")
    return [
        "/",
        "/jobs",
        "/jobs/new",
        f"/jobs/{job}",
        f"/jobs/{job}/edit",
        "/servers",
        "/servers/new",
        f"/servers/{servers[0]}",
        f"/servers/{servers[0]}/edit",
        "/credentials",
        "/executions",
        "/workers",
        "/storage",
        *(f"/executions/{execution['id']}" for execution in executions),
        f"/executions/{executions[0]['id']}?tab=outputs",
        "/queue",
        "/console",
        f"/console?execution={command['id']}",
        "/nowhere",
    ]


@pytest.mark.parametrize(
    "look",
    [
        Look(WIDE, "ja-JP"),
        Look(WIDE, "en-US", dark=True),
        Look(NARROW, "ja-JP", dark=True),
        Look(NARROW, "en-US"),
    ],
    ids=["広い・日本語・明", "広い・英語・暗", "狭い・日本語・暗", "狭い・英語・明"],
)
async def test_every_screen_is_accessible(
    chromium: Browser, product: Product, sshd: Sshd, look: Look
) -> None:
    """axe の重い違反がなく、横にはみ出さず、画面の誤りも出ない。"""
    paths = await _furnish(product, sshd)
    found: dict[str, object] = {}
    async with open_screen(chromium, product, look) as screen:
        await screen.open("/login")
        await expect(screen.page.get_by_role("button").first).to_be_visible()
        found |= await _problems(screen, "/login")
        await screen.sign_in()
        for path in paths:
            await screen.open(path)
            await expect(screen.page.get_by_role("heading", level=1)).to_be_visible()
            await screen.page.wait_for_load_state("networkidle")
            found |= await _problems(screen, path)
    assert found == {}


async def _problems(screen: Screen, path: str) -> dict[str, object]:
    violations, overflow = await screen.serious_violations(), await screen.overflow_px()
    return {path: (violations, overflow)} if violations or overflow > 0 else {}


async def test_lists_change_by_themselves(chromium: Browser, product: Product, sshd: Sshd) -> None:
    """ほかの人が動かした実行は、読み直さなくても一覧に現れ、終わりまで変わる。"""
    async with product.client() as client, open_screen(chromium, product) as screen:
        journey = Journey(client)
        job = await journey.add_job("sleep 2", [await journey.add_server(sshd, ME)], name="appears-by-itself")
        await screen.sign_in()
        await screen.open("/executions")
        await expect(screen.page.get_by_role("heading", level=1)).to_be_visible()
        execution = await journey.start(job)
        row = screen.page.get_by_role("row", name="appears-by-itself")
        await expect(row).to_contain_text("実行中")
        await journey.ended(execution["id"])
        await expect(row).to_contain_text("成功")


async def test_failure_says_what_why_and_what_next(chromium: Browser, product: Product, sshd: Sshd) -> None:
    """失敗した実行の画面は、何が起きたか・なぜか・次に何をするかを言う。"""
    async with product.client() as client, open_screen(chromium, product) as screen:
        journey = Journey(client)
        server = await journey.add_server(sshd, ME, approve=False)
        execution = await journey.run(await journey.add_job("echo hi", [server]))
        await screen.sign_in()
        await screen.open(f"/executions/{execution['id']}")
        main = screen.page.get_by_role("main")
        await expect(main).to_contain_text("ホスト鍵")
        await expect(main).to_contain_text("次にすること")


async def test_cancel_from_the_screen(chromium: Browser, product: Product, sshd: Sshd) -> None:
    """画面から中止すると、確かめてから止め、「中止」と見せる。"""
    async with product.client() as client, open_screen(chromium, product) as screen:
        journey = Journey(client)
        server = await journey.add_server(sshd, ME)
        execution = await journey.start(await journey.add_job("echo begun; sleep 600", [server]))
        await screen.sign_in()
        await screen.open(f"/executions/{execution['id']}")
        await expect(screen.page.get_by_role("log")).to_contain_text("begun")
        await screen.page.get_by_role("button", name="中止").click()
        await screen.page.get_by_role("alertdialog").get_by_role("button", name="中止").click()
        ended = await journey.ended(execution["id"])
        assert ended["state"] == "cancelled"
        await expect(screen.page.get_by_role("main")).to_contain_text("admin")


async def test_refused_form_keeps_what_was_typed(chromium: Browser, product: Product) -> None:
    """断られた入力は消えず、どの欄がなぜいけないかが出る。"""
    async with open_screen(chromium, product) as screen:
        await screen.sign_in()
        await screen.open("/credentials")
        page = screen.page
        await page.get_by_role("button", name="登録").first.click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("名前").fill("broken key")
        key = "-----BEGIN OPENSSH PRIVATE KEY-----\nbm90IGEga2V5\n-----END OPENSSH PRIVATE KEY-----\n"
        await dialog.get_by_label("秘密鍵").fill(key)
        await dialog.get_by_role("button", name="保存").click()
        await expect(dialog).to_contain_text("秘密鍵として読めません")
        await expect(dialog.get_by_label("名前")).to_have_value("broken key")


async def test_million_lines_open_and_jump(chromium: Browser, product: Product, sshd: Sshd) -> None:
    """百万行のログでも、すぐ開き、末尾へもすぐ飛び、行の番号で人に渡せる。"""
    async with product.client() as client, open_screen(chromium, product) as screen:
        journey = Journey(client)
        server = await journey.add_server(sshd, ME)
        script = "awk 'BEGIN { for (i = 1; i <= 1000000; i++) printf \"%07d the quick brown fox\\n\", i }'"
        execution = await journey.run(await journey.add_job(script, [server]), seconds=120)
        assert execution["targets"][0]["log_lines"] == 1_000_000
        await screen.sign_in()
        await screen.open(f"/executions/{execution['id']}")
        log = screen.page.get_by_role("log")
        await expect(log).to_contain_text("0000001 the quick")
        started = asyncio.get_running_loop().time()
        await log.press("G")
        await expect(log).to_contain_text("1000000 the quick")
        assert asyncio.get_running_loop().time() - started < 5
        await screen.open(f"/executions/{execution['id']}#L500000")
        await screen.page.reload()
        await expect(log).to_contain_text("0500000 the quick")
