"""本物の Chromium。"""

import contextlib
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from harness.product import ADMIN, Product

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
CHROMIUM = "/usr/bin/chromium"
AXE = Path(__file__).parents[3] / "frontend" / "node_modules" / "axe-core" / "axe.min.js"
WIDE = (1280, 800)
NARROW = (390, 844)

expect.set_options(timeout=15_000)


@contextlib.asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield launched
        await launched.close()


class Screen:
    """一枚の頁。画面の誤りを溜めておき、終わりに確かめる。"""

    def __init__(self, page: Page, base_url: str) -> None:
        self.page = page
        self.base_url = base_url
        self.errors: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", self._on_console)

    def _on_console(self, message: Any) -> None:
        # 断られた要求(401 や 404)を、ブラウザは自分でも誤りとして書く。画面の誤りではない
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.errors.append(message.text)

    async def open(self, path: str) -> None:
        await self.page.goto(self.base_url + path)

    async def sign_in(self) -> None:
        await self.open("/login")
        await self.page.get_by_label(re.compile("^(ユーザ名|User name)")).fill(ADMIN[0])
        await self.page.get_by_label(re.compile("^(パスワード|Password)$")).fill(ADMIN[1])
        await self.page.keyboard.press("Enter")
        await expect(self.page.get_by_role("navigation").first).to_be_attached()

    async def serious_violations(self) -> list[str]:
        """axe が見つけた、重い違反。規則の名前と、場所。"""
        await self.page.add_script_tag(content=AXE.read_text())
        found = await self.page.evaluate("() => axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{item['id']}: {[node['target'] for node in item['nodes']][:3]}"
            for item in found["violations"]
            if item["impact"] in {"serious", "critical"}
        ]

    async def overflow_px(self) -> int:
        """頁が横にはみ出した幅。"""
        width: int = await self.page.evaluate(
            "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        return width


@contextlib.asynccontextmanager
async def open_screen(
    launched: Browser,
    product: Product,
    *,
    size: tuple[int, int] = WIDE,
    locale: str = "ja-JP",
    dark: bool = False,
) -> AsyncIterator[Screen]:
    context: BrowserContext = await launched.new_context(
        viewport={"width": size[0], "height": size[1]},
        locale=locale,
        color_scheme="dark" if dark else "light",
        reduced_motion="reduce",
        # Content-Security-Policy は本物のまま試す。axe だけは頁に差し込む
        bypass_csp=True,
    )
    try:
        screen = Screen(await context.new_page(), product.base_url)
        yield screen
        assert screen.errors == []
    finally:
        await context.close()
