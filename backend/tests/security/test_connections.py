"""接続を握って離さない相手。本物の uvicorn へ、本物のソケットで。"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Network
from typing import Any

import pytest
import websockets
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from harness.waiting import eventually
from tsubame.entrypoints.connection_guard import ConnectionLimits
from tsubame.entrypoints.web_server import create_server

PROXY, CROWD, OTHER = "127.0.0.1", "127.0.0.2", "127.0.0.3"
LIMITS = ConnectionLimits((IPv4Network(PROXY),), head_s=0.4, body_s=0.4, per_address=3, in_all=8)


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    """本文を読み、その長さを答える。WebSocket は、閉じられるまで開いている。"""
    if scope["type"] == "websocket":
        socket_ = WebSocket(scope, receive, send)
        await socket_.accept()
        await socket_.receive()
        return
    request = Request(scope, receive)
    size = 0 if scope["path"] == "/hasty" else len(await request.body())
    await PlainTextResponse(f"{size} from {scope['client'][0]}")(scope, receive, send)


@dataclass
class Line:
    """一本の接続。"""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def answer(self) -> bytes:
        """閉じられるまでに届いた全部。"""
        async with asyncio.timeout(10):
            try:
                return await self.reader.read()
            finally:
                self.writer.close()

    async def ask(self, request: bytes = b"GET / HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n") -> bytes:
        self.writer.write(request)
        return await self.answer()

    async def trickle(self, start: bytes, piece: bytes) -> bytes:
        """``start`` のあと、少しずつ送り続ける。閉じられるまでに届いた全部を返す。"""

        self.writer.write(start)
        answer = asyncio.create_task(self.answer(), name="answer")
        while not (await asyncio.wait([answer], timeout=0.05))[0]:
            self.writer.write(piece)
        return answer.result()


@dataclass
class Served:
    port: int
    connections: set[Any]

    async def line(self, source: str = PROXY) -> Line:
        return Line(*await asyncio.open_connection("127.0.0.1", self.port, local_addr=(source, 0)))


@contextlib.asynccontextmanager
async def served(limits: ConnectionLimits = LIMITS) -> AsyncIterator[Served]:
    opened = socket.socket()
    opened.bind(("127.0.0.1", 0))
    opened.listen()
    opened.setblocking(False)
    server = create_server(application, limits)
    serving = asyncio.create_task(server.serve(sockets=[opened]), name="uvicorn")
    await eventually(lambda: server.started, "uvicorn が始まる")
    try:
        yield Served(opened.getsockname()[1], server.server_state.connections)
    finally:
        server.should_exit = True
        await serving


HEAD = b"POST / HTTP/1.1\r\nHost: t\r\n"
BODY = HEAD + b"Content-Length: 1000000\r\n\r\n"


@pytest.mark.parametrize(
    ("start", "piece"),
    [(HEAD, b"X-A: b\r\n"), (b"", b"\r\n"), (b"G", b""), (b"", b""), (BODY, b"x")],
    ids=["見出しを足し続ける", "空の行を送り続ける", "一文字で黙る", "何も言わない", "本文を出し惜しむ"],
)
async def test_slow_senders_are_cut(start: bytes, piece: bytes) -> None:
    """頭も本文も、いつまでも待たない。そのあいだも、ほかの人には応える。"""
    async with served() as server:
        slow, quick = await server.line(CROWD), await server.line(OTHER)
        cut = asyncio.create_task(slow.trickle(start, piece), name="slow")
        assert b"0 from 127.0.0.3" in await quick.ask()
        assert (await cut).startswith(b"HTTP/1.1 408 ")
        await eventually(lambda: not server.connections, "席が空く")


async def test_body_after_the_answer_is_not_awaited() -> None:
    """返事のあとも本文を送り続ける相手は、黙って切る。"""
    async with served() as server:
        line = await server.line(CROWD)
        answer = await line.trickle(BODY.replace(b"POST /", b"POST /hasty"), b"x")
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"408" not in answer
        await eventually(lambda: not server.connections, "席が空く")


@pytest.mark.parametrize(
    "request_",
    [
        HEAD + b"X-Long: " + b"x" * 40_000 + b"\r\n\r\n",
        HEAD + b"".join(b"X-%d: many\r\n" % number for number in range(4_000)) + b"\r\n",
        b"GET /" + b"x" * 40_000 + b" HTTP/1.1\r\nHost: t\r\n\r\n",
        HEAD + b"X-Endless: " + b"x" * 1_000_000,
    ],
    ids=["長い見出し", "多い見出し", "長い住所", "終わらない見出し"],
)
async def test_large_heads_are_refused(request_: bytes) -> None:
    """見出しの全部で 32 KiB を超えたら、溜めずに断る。"""
    async with served(replace(LIMITS, head_s=10)) as server:
        line = await server.line()
        with contextlib.suppress(ConnectionError):
            assert (await line.ask(request_)).startswith(b"HTTP/1.1 431 ")
        assert b"200 OK" in await (await server.line()).ask()


async def test_one_address_cannot_take_every_seat() -> None:
    """一つの住所の接続には限りがあり、ほかの住所と逆プロキシは困らない。WebSocket も数える。"""
    async with served(replace(LIMITS, head_s=30)) as server:
        stream = f"ws://127.0.0.1:{server.port}/stream"
        async with websockets.connect(stream, local_addr=(CROWD, 0)):
            held = [await server.line(CROWD) for _ in range(2)]
            await eventually(lambda: len(server.connections) == 3, "三本つながる")
            refused = await (await server.line(CROWD)).ask()
            assert refused.startswith(b"HTTP/1.1 429 ")
            assert b"Retry-After: 10" in refused
            assert b"200 OK" in await (await server.line(OTHER)).ask()
            proxied = [await server.line(PROXY) for _ in range(4)]
            assert b"200 OK" in await proxied[-1].ask()
            for line in (*held, *proxied):
                line.writer.close()
            await eventually(lambda: len(server.connections) == 1, "席が空く")
            assert b"200 OK" in await (await server.line(CROWD)).ask()


async def test_seats_are_limited_in_all() -> None:
    """全部で決まった数までしか座らせず、空けば次の人が座れる。"""
    async with served(replace(LIMITS, head_s=30)) as server:
        held = [await server.line() for _ in range(8)]
        await eventually(lambda: len(server.connections) == 8, "八本つながる")
        assert (await (await server.line()).ask()).startswith(b"HTTP/1.1 503 ")
        for line in held:
            line.writer.close()
        await eventually(lambda: not server.connections, "席が空く")
        assert b"200 OK" in await (await server.line()).ask()


async def test_kept_connection_serves_many_requests() -> None:
    """一本の接続を使い回す、ふつうの客には何も起きない。"""
    async with served() as server:
        line = await server.line()
        for _ in range(3):
            line.writer.write(b"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc")
            answer = await line.reader.readuntil(b"3 from 127.0.0.1")
            assert answer.startswith(b"HTTP/1.1 200 ")
        line.writer.close()


@pytest.mark.parametrize(("source", "seen"), [(PROXY, "10.9.8.7"), (CROWD, CROWD)])
async def test_only_a_trusted_proxy_names_the_client(source: str, seen: str) -> None:
    """X-Forwarded-For を信じるのは、決めた逆プロキシからだけ。"""
    async with served() as server:
        line = await server.line(source)
        answer = await line.ask(HEAD + b"X-Forwarded-For: 6.6.6.6, 10.9.8.7\r\nConnection: close\r\n\r\n")
        assert f"0 from {seen}".encode() in answer


@pytest.mark.parametrize(
    "request_",
    [
        HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /x HTTP/1.1\r\n\r\n",
        HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"X-A: b\r\n folded: line\r\n\r\n",
        HEAD + b"X-A: a\0b\r\n\r\n",
        b"POST / HTTP/1.1\nHost: t\nContent-Length: 3\n\nabc",
    ],
    ids=[
        "長さが二通り",
        "長さが二つ",
        "知らない区切り",
        "空白の前のコロン",
        "折り返し",
        "NUL",
        "LF だけの行",
    ],
)
async def test_ambiguous_requests_are_refused(request_: bytes) -> None:
    """終わりの決まらない要求は、手前の逆プロキシと読み違えないよう、断って切る(要求の密輸)。"""
    async with served() as server:
        answer = await (await server.line()).ask(request_)
        assert answer.startswith(b"HTTP/1.1 400 "), answer
        assert answer.count(b"HTTP/1.1 ") == 1
