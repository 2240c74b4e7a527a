"""ログの画面: どれだけ長くても、すぐ開き、どこへでもすぐ飛ぶ。"""

import re
import statistics
from typing import Final

import pytest
from playwright.async_api import Browser, Page, expect

from harness.browser import NARROW, Look, browser, open_screen
from harness.journey import Journey
from harness.product import Product
from harness.sshd import ME, Sshd

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

LINES: Final = 1_000_000
FIRST_LINES_MS: Final = 500
JUMP_MS: Final = 100
HEAP_BYTES: Final = 50_000_000
# 百七十メガバイトほど。色と日本語を混ぜる
SCRIPT: Final = (
    "awk 'BEGIN { for (i = 1; i <= %d; i++) "
    'printf "%%07d \\033[3%%dmthe quick brown fox\\033[0m jumps over the lazy dog, '
    "素早い茶色の狐がのろまな犬を飛び越える until the end of the night\\n\", i, i %% 8 }'"
)
_APPEARS: Final = """
(line) => new Promise((resolve) => {
    const started = performance.now()
    const look = () => {
        const row = document.querySelector(`[data-line="${line}"] [data-text]`)
        if (!row || !row.textContent) return
        watch.disconnect()
        resolve(performance.now() - started)
    }
    const watch = new MutationObserver(look)
    watch.observe(document.body, { childList: true, characterData: true, subtree: true })
    const input = document.querySelector('.log-toolbar__go input')
    if (input) {
        input.value = String(line)
        input.dispatchEvent(new Event('input', { bubbles: true }))
        input.form.requestSubmit()
    } else document.querySelector(`a[href$="/executions/EXECUTION"]`).click()
})
"""


async def _ms_until(page: Page, line: int, execution_id: int) -> float:
    """開く(もう開いていれば、その行へ飛ぶ)操作から、その行の文字が出るまで。"""
    return float(await page.evaluate(_APPEARS.replace("EXECUTION", str(execution_id)), line))


async def _heap_bytes(page: Page) -> int:
    session = await page.context.new_cdp_session(page)
    await session.send("HeapProfiler.collectGarbage")
    usage = await session.send("Runtime.getHeapUsage")
    return int(usage["usedSize"])


async def test_a_million_lines_stay_within_the_budget(
    chromium: Browser, product: Product, sshd: Sshd
) -> None:
    """百万行でも、最初の行は 0.5 秒、どこへ飛んでも 0.1 秒、画面の記憶は 50 MB に収まる。"""
    async with product.client() as client, open_screen(chromium, product) as screen:
        journey = Journey(client)
        server = await journey.add_server(sshd, ME)
        execution = await journey.run(await journey.add_job(SCRIPT % LINES, [server]), seconds=180)
        number = execution["id"]
        assert execution["targets"][0]["log_lines"] == LINES
        await screen.sign_in()
        opened = []
        for _ in range(3):
            await screen.page.get_by_role("navigation").get_by_role("link", name="実行", exact=True).click()
            await expect(screen.page.locator(f'a[href$="/executions/{number}"]').first).to_be_visible()
            opened.append(await _ms_until(screen.page, 1, number))
        jumps = [
            await _ms_until(screen.page, line, number)
            for line in (LINES, 500_500, 838_861, 123_456, LINES - 30_400, 70_600, 250_400, 600_700)
        ]
        heap = await _heap_bytes(screen.page)
        # 割り込みは、時間を延ばすだけで縮めない。混んだ機械では、速い方の四分の一がその画面の速さ
        assert min(opened) <= FIRST_LINES_MS, opened
        assert statistics.quantiles(jumps, n=4)[0] <= JUMP_MS, jumps
        assert heap <= HEAP_BYTES


async def test_last_line_is_right_on_a_dense_screen(product: Product, sshd: Sshd) -> None:
    """倍率 2 の画面では要素の高さの上限が半分になる。それでも、最後の行と途中の行が正しく出る。"""
    async with product.client() as client, browser("--force-device-scale-factor=2") as dense:
        journey = Journey(client)
        server = await journey.add_server(sshd, ME)
        execution = await journey.run(await journey.add_job(SCRIPT % LINES, [server]), seconds=180)
        async with open_screen(dense, product) as screen:
            await screen.sign_in()
            await screen.open(f"/executions/{execution['id']}")
            log = screen.page.get_by_role("log")
            await expect(log).to_contain_text("0000001 the quick")
            await log.press("G")
            last = log.locator(f'[data-line="{LINES}"]')
            await expect(last).to_contain_text(f"{LINES} the quick")
            await expect(last).to_be_in_viewport(ratio=0.9)
            await log.evaluate("(box) => (box.scrollTop = 0)")
            await expect(log.locator('[data-line="1"]')).to_be_in_viewport(ratio=0.9)
            await log.evaluate("(box) => (box.scrollTop = box.scrollHeight)")
            await expect(last).to_be_in_viewport(ratio=0.9)


async def test_keys_and_full_screen(chromium: Browser, product: Product, sshd: Sshd) -> None:
    """less の鍵で動き、「?」で一覧を見て、画面いっぱいに広げても、狭い画面でも、重い違反がない。"""
    async with product.client() as client, open_screen(chromium, product, Look(NARROW)) as screen:
        journey = Journey(client)
        server = await journey.add_server(sshd, ME)
        script = "i=0; while [ $i -lt 500 ]; do i=$((i+1)); echo row-$i; done"
        execution = await journey.run(await journey.add_job(script, [server]))
        await screen.sign_in()
        await screen.open(f"/executions/{execution['id']}")
        log = screen.page.get_by_role("log")
        await expect(log.locator('[data-line="1"]')).to_be_in_viewport()
        for _ in range(3):
            await log.press("j")
        await expect(log.locator('[data-line="1"]')).not_to_be_in_viewport()
        await log.press("k")
        await log.press("k")
        await log.press("k")
        await expect(log.locator('[data-line="1"]')).to_be_in_viewport()
        await log.press("Shift+F")
        box = await screen.page.get_by_role("region", name="ログ").bounding_box()
        assert box is not None
        assert (box["x"], box["y"], box["width"], box["height"]) == (0, 0, *NARROW)
        assert await screen.serious_violations() == []
        await log.press("?")
        await expect(screen.page.get_by_role("dialog")).to_contain_text("使えるキー")
        assert await screen.serious_violations() == []
        await screen.page.keyboard.press("Escape")
        await expect(screen.page.get_by_role("dialog")).to_be_hidden()
        await log.press("/")
        await expect(screen.page.get_by_role("textbox", name="ログを検索")).to_be_focused()
        await screen.page.keyboard.press("Escape")
        await expect(log).to_be_focused()
        await log.press("Escape")
        await expect(screen.page.get_by_role("navigation").first).to_be_attached()
        assert await screen.overflow_px() == 0


async def test_failed_log_opens_at_the_end(chromium: Browser, product: Product, sshd: Sshd) -> None:
    """失敗した対象のログは末尾で開き、リンクの行があれば、そこで開く。"""
    async with product.client() as client, open_screen(chromium, product) as screen:
        journey = Journey(client)
        server = await journey.add_server(sshd, ME)
        script = "i=0; while [ $i -lt 5000 ]; do i=$((i+1)); echo row-$i; done; exit 3"
        execution = await journey.run(await journey.add_job(script, [server]))
        await screen.sign_in()
        await screen.open(f"/executions/{execution['id']}")
        log = screen.page.get_by_role("log")
        await expect(log.locator('[data-line="5000"]')).to_contain_text(re.compile("row-5000$"))
        await screen.open(f"/executions/{execution['id']}#L2500")
        await screen.page.reload()
        await expect(log.locator('[data-line="2500"]')).to_be_in_viewport()
