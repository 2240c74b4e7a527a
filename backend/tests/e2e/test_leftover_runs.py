"""サーバに残った実行を、画面で見つけて片付ける。"""

import random

import pytest
from playwright.async_api import Browser, expect

from harness.browser import WIDE, Look, open_screen
from harness.journey import Journey
from harness.processes import sleeping
from harness.product import Product
from harness.remote_runs import greeted, order
from harness.sshd import ME, Sshd
from harness.waiting import eventually
from tsubame.data_access.ssh.gateway import SshGateway

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


async def test_unknown_run_is_found_and_stopped(chromium: Browser, product: Product, sshd: Sshd) -> None:
    """知らない走りが「持ち主不明」と出て、止めて削除すると、一覧からもサーバからも消える。"""
    async with product.client() as client:
        server = await Journey(client).add_server(sshd, ME, name="leftover")
    number = random.randrange(10**7, 10**8)
    gateway, wanted = SshGateway(), order(f"sleep {number}\n")
    await greeted(await gateway.runs.start(sshd.endpoint(), wanted))
    await eventually(lambda: sleeping(number), "走り始める")
    async with open_screen(chromium, product, Look(WIDE, "ja-JP")) as screen:
        await screen.sign_in()
        await screen.open(f"/servers/{server}")
        row = screen.page.get_by_test_id("server-runs").get_by_role("listitem").filter(has_text=wanted.run_id)
        await expect(row).to_contain_text("持ち主不明")
        await expect(row).to_contain_text("実行中")
        await row.get_by_role("button").click()
        await screen.page.get_by_role("alertdialog").get_by_role("button", name="止めて削除").click()
        await expect(row).to_have_count(0, timeout=20_000)
    assert sleeping(number) == []
    await gateway.close()
