"""プロセスの中の WebSocket。ポートを開かずに、アプリケーションと話す。"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, MutableMapping
from contextlib import asynccontextmanager
from typing import Any, Final

from starlette.types import ASGIApp

_WITHIN_S: Final = 10.0


class AsgiSocket:
    def __init__(self) -> None:
        self.to_app: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
        self.from_app: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()

    async def send(self, **message: Any) -> None:
        await self.to_app.put({"type": "websocket.receive", "text": json.dumps(message)})

    async def receive(self) -> dict[str, Any]:
        """次の文。二進の枠は飛ばす。"""
        async with asyncio.timeout(_WITHIN_S):
            while True:
                event = await self.from_app.get()
                if event.get("text") is not None:
                    message: dict[str, Any] = json.loads(event["text"])
                    return message
                assert event["type"] != "websocket.close", event

    async def ask(self, topic: str, **more: Any) -> dict[str, Any]:
        """購読を求め、その返事(``subscribed`` か ``error``)を待つ。"""
        number = more.pop("id", 1)
        await self.send(type="subscribe", id=number, topic=topic, **more)
        while True:
            answer = await self.receive()
            if answer["type"] in {"subscribed", "error"} and answer["id"] == number:
                return answer


@asynccontextmanager
async def asgi_socket(app: ASGIApp, token: str) -> AsyncIterator[AsgiSocket]:
    """その通行証で名乗った WebSocket。"""
    socket = AsgiSocket()
    scope = {
        "type": "websocket",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "scheme": "ws",
        "path": "/api/v1/stream",
        "raw_path": b"/api/v1/stream",
        "root_path": "",
        "query_string": b"",
        "headers": [(b"host", b"tsubame.test"), (b"authorization", f"Bearer {token}".encode())],
        "client": ("127.0.0.1", 1),
        "server": ("tsubame.test", 80),
        "subprotocols": [],
        "state": {},
    }
    await socket.to_app.put({"type": "websocket.connect"})
    serving = asyncio.ensure_future(app(scope, socket.to_app.get, socket.from_app.put))
    try:
        assert await socket.receive() == {"type": "ready"}
        yield socket
    finally:
        await socket.to_app.put({"type": "websocket.disconnect", "code": 1000})
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_WITHIN_S):
                await serving
