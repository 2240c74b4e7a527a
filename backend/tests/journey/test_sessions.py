"""締め出し: 開いている WebSocket も、その場で終わる。"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
import websockets

from harness.product import Product
from harness.stream import StreamClient, open_stream

CHOSEN = "four random words here"


async def ready_user(product: Product, admin: httpx.AsyncClient, name: str) -> tuple[int, str]:
    """自分のパスワードを選び終えた人。番号と通行証。"""
    handed = (await admin.post("/users", json={"username": name, "role": "editor"})).json()
    once = handed["one_time_password"]
    async with httpx.AsyncClient(base_url=f"{product.base_url}/api/v1") as client:
        login = await client.post("/auth/login", json={"username": name, "password": once})
        token = str(login.json()["access_token"])
        client.headers["Authorization"] = f"Bearer {token}"
        body = {"current_password": once, "new_password": CHOSEN}
        assert (await client.post("/me/password", json=body)).status_code == 204
    return handed["account"]["id"], token


@asynccontextmanager
async def watching(product: Product, token: str) -> AsyncIterator[tuple[httpx.AsyncClient, StreamClient]]:
    headers = {"Authorization": f"Bearer {token}"}
    async with (
        httpx.AsyncClient(base_url=f"{product.base_url}/api/v1", headers=headers) as client,
        open_stream(client) as stream,
    ):
        await stream.subscribe("changes")
        yield client, stream


async def drain(stream: StreamClient) -> None:
    while True:
        await stream.receive()


async def closing_code(stream: StreamClient) -> tuple[int, str]:
    """閉じられるまで読み、その番号とわけを返す。"""
    with pytest.raises(websockets.ConnectionClosed) as closed:
        await drain(stream)
    received = closed.value.rcvd
    assert received is not None
    return received.code, received.reason


ACTS: dict[str, tuple[Callable[[httpx.AsyncClient, httpx.AsyncClient, int], Awaitable[Any]], str]] = {
    "止める": (lambda admin, _me, user: admin.post(f"/users/{user}/disable"), "session_ended"),
    "消す": (lambda admin, _me, user: admin.delete(f"/users/{user}"), "token_invalid"),
    "終わらせる": (lambda admin, _me, user: admin.post(f"/users/{user}/end-sessions"), "session_ended"),
    "替えさせる": (
        lambda admin, _me, user: admin.post(f"/users/{user}/demand-new-password"),
        "password_change_needed",
    ),
}


@pytest.mark.parametrize("act", list(ACTS))
async def test_websocket_closes_at_once(product: Product, act: str) -> None:
    """止める・消す・ログインを終わらせる・替えさせる、のどれでも、開いている WebSocket はすぐ閉じる。"""
    shut_out, reason = ACTS[act]
    async with product.client() as admin:
        user_id, token = await ready_user(product, admin, f"shut{list(ACTS).index(act)}")
        async with watching(product, token) as (me, stream):
            await shut_out(admin, me, user_id)
            assert await closing_code(stream) == (4401, reason)


async def test_role_change_keeps_the_websocket(product: Product) -> None:
    """役割が変わっただけなら、WebSocket は閉じず、変わったことが届く。"""
    async with product.client() as admin:
        user_id, token = await ready_user(product, admin, "promoted")
        async with watching(product, token) as (_, stream):
            await admin.put(f"/users/{user_id}/role", json={"role": "viewer"})
            changed = await stream.wait_for(lambda message: message.get("room") == "users")
            assert changed["entity_id"] == user_id


async def test_revoked_token_closes_its_websocket(product: Product) -> None:
    """API トークンでも WebSocket に入れ、取り消すと、すぐ閉じる。プロジェクトのトークンも同じ。"""
    async with product.client() as admin:
        draft = {"name": "stream", "scopes": ["job:read", "execution:read"], "lifetime_days": 1}
        for path, more in (("/me/tokens", {}), ("/projects/1/tokens", {"role": "viewer"})):
            made = (await admin.post(path, json=draft | more)).json()
            async with watching(product, made["value"]) as (_, stream):
                await admin.delete(f"{path}/{made['token']['id']}")
                assert await closing_code(stream) == (4401, "api_token_invalid"), path
