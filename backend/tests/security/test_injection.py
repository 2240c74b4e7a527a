"""画面とシェルへの差し込みを、本物のブラウザと本物の sshd で。"""

import shlex

import pytest
from playwright.async_api import Browser, Dialog, expect

from harness.browser import Screen, open_screen
from harness.journey import Journey
from harness.product import Product
from harness.sshd import ME, Sshd

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

MARKUP = "<img src=x onerror=\"window.pwned='{where}'\"><script>window.pwned='{where}'</script>"
LOG = "\n".join(
    (
        MARKUP.format(where="log"),
        "\x1b[31m<b onmouseover=\"window.pwned='ansi'\">red</b>\x1b[0m",
        "\x1b]0;owned title\x07after title",
        "\x1b]52;c;cHduZWQ=\x07after clipboard",
        "\x1b]8;;javascript:window.pwned='osc'\x07click me\x1b]8;;\x07",
        "\x1b]8;;data:text/html,<script>alert(1)</script>\x07data link\x1b]8;;\x07",
        "\x1bPq#0;2;0;0;0\x1b\\after sixel",
        "\x1b[2J\x1b[H\x1b[?1049hafter clear",
        "::error file=<img src=x onerror=window.pwned=1>::" + MARKUP.format(where="annotation"),
        "::group::" + MARKUP.format(where="group"),
        "end of attack",
    )
)


async def _untouched(screen: Screen) -> None:
    """仕込んだものが、一つも動いていない。"""
    assert await screen.page.evaluate("() => window.pwned") is None
    assert await screen.page.locator("img[src='x']").count() == 0
    links = await screen.page.eval_on_selector_all(
        "a[href]", "all => all.map((one) => one.getAttribute('href'))"
    )
    assert not [link for link in links if link.lower().startswith(("javascript:", "data:"))]
    assert "owned" not in await screen.page.title()


async def test_nothing_written_becomes_markup(chromium: Browser, product: Product, sshd: Sshd) -> None:
    """ログの行、名前、説明、札、環境変数に仕込んだ HTML・端末の列・リンクは、字として見えるだけ。"""
    async with product.client() as client, open_screen(chromium, product) as screen:
        dialogs: list[str] = []

        async def note(dialog: Dialog) -> None:
            dialogs.append(dialog.message)
            await dialog.dismiss()

        screen.page.on("dialog", note)
        journey = Journey(client)
        server = await journey.add_server(
            sshd, ME, name=MARKUP.format(where="s")[:60], description=MARKUP[:200]
        )
        job = await journey.add_job(
            f"printf '%s\\n' {shlex.quote(LOG)}\n",
            [server],
            name=MARKUP.format(where="job")[:90],
            description=MARKUP.format(where="description"),
            env={"EVIL": MARKUP.format(where="env")},
        )
        execution = await journey.run(job)
        await screen.sign_in()
        await screen.open(f"/executions/{execution['id']}")
        await expect(screen.page.get_by_role("log")).to_contain_text("end of attack")
        await expect(screen.page.get_by_role("log")).to_contain_text("<img src=x onerror=")
        await _untouched(screen)
        for path in (
            "/",
            f"/jobs/{job}",
            f"/jobs/{job}/edit",
            "/jobs",
            "/servers",
            f"/servers/{server}",
            "/executions",
        ):
            await screen.open(path)
            await expect(screen.page.get_by_role("heading", level=1)).to_be_visible()
            await screen.page.wait_for_load_state("networkidle")
            await _untouched(screen)
        assert dialogs == []


async def test_addresses_are_not_markup(chromium: Browser, product: Product) -> None:
    """住所(問い合わせと #)に仕込んでも、動かず、よそへ飛ばされない。"""
    async with open_screen(chromium, product) as screen:
        await screen.sign_in()
        for path in (
            "/jobs?q=%3Cimg%20src%3Dx%20onerror%3Dwindow.pwned%3D1%3E",
            "/executions#%3Cscript%3Ewindow.pwned%3D1%3C/script%3E",
            "/login?next=javascript:window.pwned=1",
            "/login?next=//evil.example/",
            "/login?redirect=https://evil.example/",
            "//evil.example/%2e%2e",
        ):
            await screen.open(path)
            await screen.page.wait_for_load_state("networkidle")
            await _untouched(screen)
            assert screen.page.url.startswith(product.base_url + "/")


EVIL_SHELL = (
    "'; touch pwned; ' $(touch pwned) `touch pwned` \"; touch pwned; # \\\n&& touch pwned | touch pwned"
)


async def test_nothing_written_becomes_a_command(product: Product, sshd: Sshd) -> None:
    """名前・札・環境変数の値に仕込んだシェルの文は、サーバの上で動かず、値はそのままスクリプトに届く。"""
    async with product.client() as client:
        journey = Journey(client)
        one_line = EVIL_SHELL.replace("\n", " ")
        server = await journey.add_server(sshd, ME, name=one_line[:60], description=one_line)
        script = 'ls -a | grep -c pwned; printf "%s" "$EVIL"\n'
        job = await journey.add_job(script, [server], name=one_line[:90], env={"EVIL": EVIL_SHELL})
        execution = await journey.run(job)
        assert execution["state"] == "succeeded"
        target = execution["targets"][0]["id"]
        log = (await client.get(f"/targets/{target}/log")).text
    assert log == "0\n" + EVIL_SHELL
