"""本物の Chromium。"""

import contextlib
import re
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
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
SHOTS = Path(__file__).parents[3] / "build" / "e2e"
"""落ちたときの画面を置く場所。"""
# Content-Security-Policy の違反を、画面の誤りとして残す。だからどの物語も、違反がないことの試験になる
_REPORT_VIOLATIONS = """
document.addEventListener('securitypolicyviolation', (event) => {
  const where = `${event.sourceFile}:${event.lineNumber}:${event.columnNumber}`
  console.error(`CSP: ${event.effectiveDirective} ${event.blockedURI} ${where}`)
})
"""
WIDE = (1280, 800)
NARROW = (390, 844)

expect.set_options(timeout=15_000)


@contextlib.asynccontextmanager
async def browser(*flags: str) -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        launched = await playwright.chromium.launch(executable_path=CHROMIUM, args=[*FLAGS, *flags])
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
        # 断られた要求や、殺した製品へのつなぎ直しを、ブラウザは自分でも誤りとして書く。画面の誤りではない
        by_browser = ("Failed to load resource", "WebSocket connection to")
        if message.type == "error" and not message.text.startswith(by_browser):
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
        # 頁の Content-Security-Policy の外から読ませるので、製品の頁をそのまま調べられる
        await self.page.evaluate(AXE.read_text())
        # 現れる途中の、まだ薄い文字を測らせない(回り続ける輪は待たない)
        await self.page.evaluate(
            """() => Promise.allSettled(
                document.getAnimations()
                    .filter((moving) => Number.isFinite(moving.effect.getComputedTiming().endTime))
                    .map((moving) => moving.finished)
            )"""
        )
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


@dataclass(frozen=True)
class Look:
    """画面の大きさ、言語、明暗。"""

    size: tuple[int, int] = WIDE
    locale: str = "ja-JP"
    dark: bool = False


@contextlib.asynccontextmanager
async def open_screen(launched: Browser, product: Product, look: Look | None = None) -> AsyncIterator[Screen]:
    """新しい頁を開く。抜けるとき、画面の誤りがなかったことを確かめる。"""
    look = look or Look()
    context: BrowserContext = await launched.new_context(
        viewport={"width": look.size[0], "height": look.size[1]},
        locale=look.locale,
        color_scheme="dark" if look.dark else "light",
        reduced_motion="reduce",
    )
    try:
        await context.add_init_script(_REPORT_VIOLATIONS)
        screen = Screen(await context.new_page(), product.base_url)
        try:
            yield screen
        except BaseException:
            SHOTS.mkdir(parents=True, exist_ok=True)
            await screen.page.screenshot(path=SHOTS / f"{uuid.uuid4().hex[:8]}.png", full_page=True)
            raise
        assert screen.errors == [], screen.errors
    finally:
        await context.close()
