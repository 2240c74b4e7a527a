"""ログの画面: 区切り、注釈、時刻、検索、混ぜた並びを、本物の製品で見る。"""

import re

import pytest
from playwright.async_api import Browser, expect

from harness.browser import Look, open_screen
from harness.journey import Journey
from harness.product import Product
from harness.sshd import ME, Sshd

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

MARKED = r"""
echo '::group::Install'
for i in 1 2 3; do echo package $i; done
echo '::endgroup::'
printf 'section_start:1732440000:tests[collapsed=true]\r\033[0KRun tests\n'
i=0; while [ $i -lt 300 ]; do i=$((i+1)); echo "test $i ok"; done
printf 'section_end:1732440042:tests\r\033[0K\n'
echo '::warning::deprecated'
i=0; while [ $i -lt 200 ]; do i=$((i+1)); echo "middle $i"; done
echo '::error file=deploy.sh,line=12::disk is full'
i=0; while [ $i -lt 200 ]; do i=$((i+1)); echo "cleanup $i"; done
exit 3
"""


async def test_failed_log_opens_at_its_last_error(chromium: Browser, product: Product, sshd: Sshd) -> None:
    """失敗した対象は最後の error で開く。区切りは題で見え、畳まれ、時刻も出て、重い違反がない。"""
    async with product.client() as client, open_screen(chromium, product) as screen:
        journey = Journey(client)
        server = await journey.add_server(sshd, ME)
        execution = await journey.run(await journey.add_job(MARKED, [server]))
        await screen.sign_in()
        await screen.open(f"/executions/{execution['id']}")
        log = screen.page.get_by_role("log")
        error = log.locator(".log-row--error")
        await expect(error).to_contain_text("disk is full")
        await expect(error).to_be_in_viewport()
        await log.press("g")
        await expect(log).not_to_contain_text(re.compile("::group|section_start"))
        await expect(log).not_to_contain_text("test 1 ok")
        section = log.get_by_role("button", name=re.compile("Run tests"))
        await expect(section).to_contain_text("42 秒")
        await section.click()
        await expect(log).to_contain_text("test 1 ok")
        await log.press("t")
        await expect(log.locator(".log-row__time").first).to_have_text(re.compile(r"^\d\d:\d\d:\d\d\.\d{3}$"))
        await log.press("e")
        assert await screen.serious_violations() == []


async def test_left_out_middle_is_one_row(chromium: Browser, product: Product, sshd: Sshd) -> None:
    """上限で省いた真ん中は一段になり、その前後の行番号は本当の番号のまま。"""
    async with product.client() as client, open_screen(chromium, product) as screen:
        journey = Journey(client)
        server = await journey.add_server(sshd, ME)
        script = (
            'awk \'BEGIN { for (i = 1; i <= 400000; i++) print "row-" i, "fills the log over its limit" }\''
        )
        job = await journey.add_job(script, [server], max_log_bytes=2_000_000)
        execution = await journey.run(job, seconds=120)
        gap = execution["targets"][0]["log_gap"]
        await screen.sign_in()
        await screen.open(f"/executions/{execution['id']}#L{gap['first_line'] - 1}")
        log = screen.page.get_by_role("log")
        await expect(log.locator(".log-row--gap")).to_be_in_viewport()
        after = log.locator(f'[data-line="{gap["last_line"] + 1}"]')
        await expect(after).to_contain_text(f"row-{gap['last_line'] + 1} ")
        await log.press("G")
        await expect(log.locator('[data-line="400000"]')).to_contain_text("row-400000 ")


# 見えている行は、番号のとおりの中身か、まだ読んでいないかのどちらか。ほかの行の中身なら、書き留める
_WATCH = """
() => {
    window.wrongRows = []
    window.seenRows = 0
    const look = () => {
        for (const row of document.querySelectorAll('[data-line]')) {
            const text = row.querySelector('[data-text]')?.textContent ?? ''
            if (text === '') continue
            window.seenRows += 1
            const whole = `row-${row.dataset.line} fills the log over its limit`
            // 末尾の行は、まだ途中までしか届いていないことがある
            if (!whole.startsWith(text)) window.wrongRows.push([row.dataset.line, text])
        }
    }
    new MutationObserver(look).observe(document.body, { childList: true, characterData: true, subtree: true })
}
"""


async def test_moving_gap_never_shows_a_wrong_line(chromium: Browser, product: Product, sshd: Sshd) -> None:
    """見ている間に真ん中が省かれ続けても、末尾でも頭でも境でも、番号と違う行は一度も出ない。"""
    async with product.client() as client, open_screen(chromium, product) as screen:
        journey = Journey(client)
        server = await journey.add_server(sshd, ME)
        script = (
            "i=0; while [ $i -lt 150 ]; do seq -f 'row-%.0f fills the log over its limit' "
            "$((i * 1000 + 1)) $((i * 1000 + 1000)); i=$((i + 1)); sleep 0.08; done"
        )
        execution = await journey.start(await journey.add_job(script, [server], max_log_bytes=1024 * 1024))
        await screen.sign_in()
        await screen.open(f"/executions/{execution['id']}")
        log = screen.page.get_by_role("log")
        await expect(log).to_contain_text("row-")
        await screen.page.evaluate(_WATCH)
        target = execution["targets"][0]["id"]
        while (now := await journey.call("GET", f"/targets/{target}"))["finished_at"] is None:
            gap = now["log_gap"] or {"first_line": 1, "last_line": 1}
            for line in (gap["last_line"] + 1, gap["first_line"], gap["last_line"] + 200):
                await screen.page.get_by_role("textbox", name="行番号へ").fill(str(line))
                await screen.page.keyboard.press("Enter")
            for key in ("g", "G"):
                await log.press(key)
        await log.press("G")
        await expect(log.locator('[data-line="150000"]')).to_contain_text("row-150000 ")
        assert await screen.page.evaluate("window.seenRows") > 0
        assert await screen.page.evaluate("window.wrongRows") == []
        last = (await journey.call("GET", f"/targets/{target}"))["log_gap"]
        await screen.page.get_by_role("textbox", name="行番号へ").fill(str(last["last_line"] + 1))
        await screen.page.keyboard.press("Enter")
        await expect(log.locator(".log-row--gap")).to_be_in_viewport()


async def test_search_follows_a_growing_log(chromium: Browser, product: Product, sshd: Sshd) -> None:
    """探している間にログが伸びれば、見つかった数もひとりでに増える。書き方の誤りはその場で言う。"""
    async with product.client() as client, open_screen(chromium, product) as screen:
        journey = Journey(client)
        server = await journey.add_server(sshd, ME)
        script = "echo needle 1; for i in $(seq 30); do sleep 0.2; echo other $i; done; echo needle 2"
        execution = await journey.start(await journey.add_job(script, [server]))
        await screen.sign_in()
        await screen.open(f"/executions/{execution['id']}")
        log = screen.page.get_by_role("log")
        await expect(log).to_contain_text("needle 1")
        await log.press("/")
        await screen.page.get_by_role("textbox", name="ログを検索").fill("needle")
        count = screen.page.locator(".log-search__count")
        await expect(count).to_have_text("1 行")
        await expect(count).to_have_text("2 行", timeout=30_000)
        await screen.page.keyboard.press("Enter")
        await expect(count).to_have_text(re.compile(r"^\d / 2$"))
        await screen.page.get_by_role("button", name="正規表現").click()
        await screen.page.get_by_role("textbox", name="ログを検索").fill("need(le")
        await expect(screen.page.get_by_role("alert")).to_contain_text("この書き方では探せません")


async def test_search_all_servers_and_a_whole_job(chromium: Browser, product: Product, sshd: Sshd) -> None:
    """全部のサーバから探し、見つかった行へ飛べる。ジョブの頁からも探せる。"""
    async with product.client() as client, open_screen(chromium, product, Look()) as screen:
        journey = Journey(client)
        servers = [await journey.add_server(sshd, ME, name=f"find-{number}") for number in range(2)]
        job = await journey.add_job("i=0; while [ $i -lt 300 ]; do i=$((i+1)); echo row-$i; done", servers)
        execution = await journey.run(job)
        await screen.sign_in()
        await screen.open(f"/executions/{execution['id']}")
        page = screen.page
        await page.get_by_role("log").press("/")
        await page.get_by_role("textbox", name="ログを検索").fill("row-250")
        await page.get_by_role("button", name="この実行の全サーバを検索").click()
        results = page.get_by_role("region", name="この実行の全サーバを検索")
        await expect(results).to_contain_text("2 件のログに 2 行")
        assert await screen.serious_violations() == []
        await results.get_by_role("link").last.click()
        await expect(page.get_by_role("log").locator('[data-line="250"]')).to_be_in_viewport()
        await screen.open(f"/jobs/{job}")
        search = page.get_by_role("region", name="このジョブのログを検索")
        await search.get_by_role("textbox", name="ログを検索").fill("row-299")
        await page.keyboard.press("Enter")
        await expect(search).to_contain_text("2 件のログに 2 行")


async def test_merged_by_time_follows(chromium: Browser, product: Product, sshd: Sshd) -> None:
    """二台のログが届いた順に混ざり、走っている間は伸び続け、端まで行ける。"""
    async with product.client() as client, open_screen(chromium, product) as screen:
        journey = Journey(client)
        servers = [await journey.add_server(sshd, ME, name=f"mix-{number}") for number in range(2)]
        script = "i=0; while [ $i -lt 2000 ]; do i=$((i+1)); echo begin-$i; done; sleep 8; echo finished"
        execution = await journey.start(await journey.add_job(script, servers))
        await screen.sign_in()
        await screen.open(f"/executions/{execution['id']}?tab=merged")
        log = screen.page.get_by_role("log", name="時刻順にまとめたログ")
        await expect(log).to_contain_text("finished", timeout=30_000)
        await journey.ended(execution["id"])
        await log.press("g")
        await expect(log.locator('[data-row="0"]')).to_contain_text("begin-1")
        await log.press("G")
        await expect(log).to_contain_text("finished")
        assert await screen.serious_violations() == []
