"""WebSocket の客。ブラウザの代わりに購読し、届いた文と枠を待つ。"""

import contextlib
import itertools
import json
import struct
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import websockets
from websockets.asyncio.client import ClientConnection

_HEADER = struct.Struct(">IQ")


@dataclass
class StreamClient:
    """一本の WebSocket。購読ごとに、ログは位置を確かめながらつなげ、実行は変わりを当てて今の姿を持つ。"""

    socket: ClientConnection
    logs: dict[int, bytearray] = field(default_factory=dict)
    starts: dict[int, int] = field(default_factory=dict)
    messages: deque[dict[str, Any]] = field(default_factory=deque)
    executions: dict[int, dict[str, Any]] = field(default_factory=dict)
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    async def send(self, **message: Any) -> None:
        await self.socket.send(json.dumps(message))

    async def subscribe(self, topic: str, **more: Any) -> int:
        number = next(self._ids)
        await self.send(type="subscribe", id=number, topic=topic, **more)
        await self.wait_for(lambda message: message == {"type": "subscribed", "id": number})
        return number

    async def subscribe_log(self, target_id: int, from_byte: int = 0, max_behind: int | None = None) -> int:
        more = {} if max_behind is None else {"max_behind": max_behind}
        number = await self.subscribe("log", target_id=target_id, from_byte=from_byte, **more)
        self.logs.setdefault(number, bytearray())
        self.starts.setdefault(number, from_byte)
        return number

    async def receive(self) -> dict[str, Any] | None:
        """一つ受け取る。ログの枠なら溜めて ``None`` を返す。"""
        received = await self.socket.recv()
        if isinstance(received, str):
            message: dict[str, Any] = json.loads(received)
            self.messages.append(message)
            self._hold(message)
            return message
        number, offset = _HEADER.unpack_from(received)
        log = self.logs.setdefault(number, bytearray())
        start = self.starts.setdefault(number, offset)
        assert offset == start + len(log), f"続きでない枠: {offset} != {start + len(log)}"
        log += received[_HEADER.size :]
        return None

    def _hold(self, message: dict[str, Any]) -> None:
        if message["type"] == "execution":
            self.executions[message["id"]] = message["execution"]
        elif message["type"] == "execution_delta":
            held = self.executions[message["id"]]
            fresh = {target["position"]: target for target in message["targets"]}
            targets = [fresh.get(target["position"], target) for target in held["targets"]]
            self.executions[message["id"]] = {
                **held,
                **message["execution"],
                "queue": message["queue"],
                "targets": targets,
            }

    async def execution_when(self, number: int, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """購読した実行の今の姿が条件に合うまで受け取り続ける。"""
        while number not in self.executions or not wanted(self.executions[number]):
            await self.receive()
        return self.executions[number]

    async def wait_for(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """条件に合う文が届くまで受け取り続ける。すでに届いていたものも見る。"""
        for message in list(self.messages):
            if wanted(message):
                self.messages.remove(message)
                return message
        while True:
            received = await self.receive()
            if received is not None and wanted(received):
                self.messages.remove(received)
                return received

    async def log_until_end(self, number: int) -> bytes:
        await self.wait_for(lambda message: message["type"] == "log_end" and message["id"] == number)
        return bytes(self.logs[number])


@contextlib.asynccontextmanager
async def open_stream(client: httpx.AsyncClient, *, token: str | None = None) -> AsyncIterator[StreamClient]:
    """``client`` と同じ通行証で入った WebSocket。"""
    url = str(client.base_url).replace("http", "ws", 1).rstrip("/") + "/stream"
    bearer = token or client.headers["Authorization"].partition(" ")[2]
    async with websockets.connect(url, max_size=None) as socket:
        stream = StreamClient(socket)
        await stream.send(type="authenticate", token=bearer)
        await stream.wait_for(lambda message: message["type"] == "ready")
        yield stream
