"""たくさんのサーバを相手にする画面: 出力の比較、コンソール、一時停止、やり直し、待ち行列。"""

import re
import secrets
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from harness.browser import open_screen
from harness.journey import Journey
from harness.product import Product
from harness.sshd import ME, Sshd

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

# 何台で動いても、この場所を先に作れた一台だけが違うことをする
FIRST_ONE = 'if mkdir "$LOCK" 2>/dev/null; then {first}; else {rest}; fi'


async def test_the_different_output_is_found(
    chromium: Browser, product: Product, sshd: Sshd, tmp_path: Path
) -> None:
    """三台のうち一台だけが違えば、「2 台は同じ、1 台は違います」と言い、違う行に印を付ける。"""
    async with product.client() as client, open_screen(chromium, product) as screen:
        journey = Journey(client)
        servers = [await journey.add_server(sshd, ME, name=f"compare-{n}") for n in range(3)]
        script = "echo begin\n" + FIRST_ONE.format(first="echo version two", rest="echo version one")
        job = await journey.add_job(script, servers, env={"LOCK": str(tmp_path / "once")})
        execution = await journey.run(job)
        await screen.sign_in()
        await screen.open(f"/executions/{execution['id']}")
        page = screen.page
        await page.get_by_role("tab", name="出力の比較").click()
        await expect(page.get_by_test_id("outputs-summary")).to_have_text("2 台は同じ、1 台は違います")
        groups = page.get_by_test_id("output-group")
        await expect(groups.nth(0)).to_contain_text("version one")
        difference = groups.nth(1).get_by_test_id("diff")
        await expect(difference.locator("del")).to_have_text("version one")
        await expect(difference.locator("ins")).to_have_text("version two")
        assert await screen.serious_violations() == []


async def test_console_runs_a_command_side_by_side(chromium: Browser, product: Product, sshd: Sshd) -> None:
    """札で二台を選んで打った命令の出力が並び、読めない式は場所を指し、履歴からもう一度使える。"""
    tag = f"console-{secrets.token_hex(4)}"
    async with product.client() as client, open_screen(chromium, product) as screen:
        journey = Journey(client)
        for number in range(2):
            await journey.add_server(sshd, ME, name=f"console-{number}", tags=[tag])
        await screen.sign_in()
        await screen.open("/console")
        page = screen.page
        selector = page.get_by_label("タグで選ぶ(式)")
        await selector.fill(f"{tag} nad web")
        await expect(page.get_by_test_id("selector-mark").locator("mark")).to_have_text("nad")
        await selector.fill(tag)
        await expect(page.get_by_test_id("resolved-servers")).to_contain_text("合わせて 2 台で動きます")
        await page.get_by_label("コマンド", exact=True).fill(f"echo said-{tag}")
        await page.keyboard.press("Control+Enter")
        columns = page.get_by_test_id("columns").get_by_role("log")
        await expect(columns).to_have_count(2)
        for number in range(2):
            await expect(columns.nth(number)).to_contain_text(f"said-{tag}")
        await expect(page.get_by_test_id("command-result")).to_contain_text("成功")
        await page.get_by_label("コマンド", exact=True).fill("")
        await page.get_by_role("button", name=f"「echo said-{tag}」をもう一度使う").click()
        await expect(page.get_by_label("コマンド", exact=True)).to_have_value(f"echo said-{tag}")


async def test_waves_wait_for_a_person(chromium: Browser, product: Product, sshd: Sshd) -> None:
    """波ごとに確認する実行は、一つ目の波で止まってわけを言い、「続ける」を押すと最後まで進む。"""
    async with product.client() as client, open_screen(chromium, product) as screen:
        journey = Journey(client)
        servers = [await journey.add_server(sshd, ME, name=f"wave-{n}") for n in range(3)]
        strategy = {"waves": ["1"], "pause_between_waves": True}
        execution = await journey.start(await journey.add_job("hostname", servers, strategy=strategy))
        await screen.sign_in()
        await screen.open(f"/executions/{execution['id']}")
        page = screen.page
        await expect(page.get_by_test_id("paused")).to_contain_text("続けてよいかの確認を待っています")
        await expect(page.get_by_test_id("waves")).to_contain_text("1 / 1 台が終了")
        assert await screen.serious_violations() == []
        await page.get_by_role("button", name="続ける").click()
        await expect(page.get_by_test_id("waves")).to_contain_text("2 / 2 台が終了")
        await expect(page.get_by_test_id("paused")).to_have_count(0)
        assert (await journey.ended(execution["id"]))["state"] == "succeeded"


async def test_rerun_only_what_failed(
    chromium: Browser, product: Product, sshd: Sshd, tmp_path: Path
) -> None:
    """失敗した一台だけを同じ実行の中でやり直し、成功に変わり、前の試みのログにも移れる。"""
    async with product.client() as client, open_screen(chromium, product) as screen:
        journey = Journey(client)
        servers = [await journey.add_server(sshd, ME, name=f"again-{n}") for n in range(2)]
        script = FIRST_ONE.format(first="echo broken; exit 7", rest="echo fixed")
        job = await journey.add_job(script, servers, env={"LOCK": str(tmp_path / "once")})
        execution = await journey.run(job)
        assert execution["state"] == "partially_failed"
        await screen.sign_in()
        await screen.open(f"/executions/{execution['id']}")
        page = screen.page
        await expect(page.get_by_role("log")).to_contain_text("broken")
        await page.get_by_role("button", name="失敗した対象だけもう一度").click()
        await expect(page.get_by_role("log")).to_contain_text("fixed")
        await expect(page.get_by_role("button", name="2 回目(最新): 成功")).to_be_visible()
        await page.get_by_role("button", name="1 回目: 失敗").click()
        await expect(page.get_by_role("log")).to_contain_text("broken")
        after = await journey.ended(execution["id"])
        assert (after["state"], [target["attempt"] for target in after["targets"]].count(2)) == (
            "succeeded",
            1,
        )


async def test_queue_says_what_it_waits_for(chromium: Browser, product: Product, sshd: Sshd) -> None:
    """待っている実行は、何を待つかを言い、待ち行列の頁で優先度を変えられ、自分で消える。"""
    name = f"one-at-a-time-{secrets.token_hex(4)}"
    async with product.client() as client, open_screen(chromium, product) as screen:
        journey = Journey(client)
        server = await journey.add_server(sshd, ME)
        job = await journey.add_job("sleep 600", [server], name=name, queueing={"concurrency_limit": 1})
        first, second = await journey.start(job), await journey.start(job)
        await screen.sign_in()
        await screen.open(f"/executions/{second['id']}")
        page = screen.page
        await expect(page.get_by_test_id("queue-place")).to_contain_text(
            f"「{name}」のほかの実行が終わるのを待っています"
        )
        await page.get_by_role("link", name="待ち行列を見る").click()
        row = page.get_by_role("row", name=re.compile(name))
        await expect(row).to_contain_text("ほかの実行が終わるのを待っています")
        await row.get_by_role("button", name=re.compile("優先度")).click()
        await page.get_by_role("dialog").get_by_label("優先度").fill("7")
        await page.get_by_role("dialog").get_by_role("button", name="保存").click()
        await expect(row).to_contain_text("7")
        assert await screen.serious_violations() == []
        for execution in (second, first):
            await journey.call("POST", f"/executions/{execution['id']}/cancel")
        await expect(row).to_have_count(0)
        assert (await journey.ended(first["id"]))["state"] == "cancelled"


async def test_run_on_some_servers(chromium: Browser, product: Product, sshd: Sshd) -> None:
    """三台のジョブを、選んだ一台だけで動かせる。"""
    async with product.client() as client, open_screen(chromium, product) as screen:
        journey = Journey(client)
        servers = [await journey.add_server(sshd, ME, name=f"some-{n}") for n in range(3)]
        job = await journey.add_job("echo just me", servers)
        await screen.sign_in()
        await screen.open(f"/jobs/{job}")
        page = screen.page
        await page.get_by_role("button", name=re.compile("ほかの実行のしかた")).click()
        await page.get_by_role("menuitem", name="サーバや変数を選んで実行").click()
        dialog = page.get_by_role("dialog")
        await dialog.get_by_role("button", name="すべて外す").click()
        await dialog.get_by_role("checkbox", name=re.compile("^some-1")).check()
        await dialog.get_by_role("button", name="1 台で実行").click()
        await expect(page.get_by_role("log")).to_contain_text("just me")
        ended = await journey.ended(int(page.url.rsplit("/", 1)[1]))
        assert [target["server_name"].split("-")[1] for target in ended["targets"]] == ["1"]
