"""一本の接続に許す時間・大きさ・本数。uvicorn が持たない限りを、ここで足す。

頭を少しずつ送り続ける相手(slowloris)、本文を出し惜しむ相手、終わらない見出し、つなぐだけの大勢が、
ほかの人の席を奪わないようにする。
"""

import asyncio
import math
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

Network = IPv4Network | IPv6Network


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """``head`` は要求の行と見出しの全部。``trusted`` は、大勢の分を一つの住所から運ぶ逆プロキシ。"""

    trusted: tuple[Network, ...]
    head_bytes: int = 32 * 1024
    head_s: float = 15.0
    body_s: float = 60.0
    per_address: int = 256
    in_all: int = 1_000

    def crowded(self, address: str, connections: set[Any]) -> HTTPStatus | None:
        """いまの接続(この一本を含む)が多すぎるなら、断るときの番号。"""
        if len(connections) > self.in_all:
            return HTTPStatus.SERVICE_UNAVAILABLE
        if self._is_trusted(address):
            return None
        same = sum(1 for each in connections if each.client is not None and each.client[0] == address)
        return HTTPStatus.TOO_MANY_REQUESTS if same > self.per_address else None

    def _is_trusted(self, address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:  # UNIX ソケットなど。手前にいる者は一人
            return True
        return any(parsed in network for network in self.trusted)


class GuardedHttp(HttpToolsProtocol):
    """限りのある HTTP の接続。``limits`` は ``guarded`` が作る子が持つ。"""

    limits: ConnectionLimits
    _deadline: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _in_head = True
    _head_too_large = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn と同じ
        super().connection_made(transport)
        status = self.limits.crowded(self.client[0] if self.client else "", self.connections)
        if status is not None:
            self._refuse(status)
        else:
            self._allow(self.limits.head_s)

    def connection_lost(self, exc: Exception | None) -> None:
        self._allow(math.inf)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._in_head and not self.transport.is_closing():
            # 一つの長い見出しは、終わるまで解き手の中に溜まり、数えられない
            self._head_bytes += len(data)
            if self._head_bytes > self.limits.head_bytes:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._head_bytes = True, 0
        self._allow(self.limits.head_s)

    def on_headers_complete(self) -> None:
        self._in_head = False
        if (
            len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
            > self.limits.head_bytes
        ):
            self._head_too_large = True
            # 解き手はこれを「壊れた要求」として受け、send_400_response を呼ぶ
            raise ValueError("the head of the request is too large")
        self._allow(self.limits.body_s)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        # 本文まで届いた。ここから先、待たせているのはこちら
        self._allow(math.inf)
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        if self._head_too_large:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        else:
            super().send_400_response(msg)

    def _allow(self, seconds: float) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if seconds < math.inf:
            self._deadline = self.loop.call_later(seconds, self._expire)

    def _expire(self) -> None:
        if not self.transport.is_closing():
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)

    def _refuse(self, status: HTTPStatus) -> None:
        """一行で断って閉じる。返事をもう書き始めた要求なら、黙って閉じる。"""
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is None or not cycle.response_started or (self._in_head and cycle.response_complete):
            retry = "Retry-After: 10\r\n" if status in _LATER else ""
            line = f"HTTP/1.1 {status.value} {status.phrase}\r\n"
            head = f"{line}Content-Length: 0\r\n{retry}Connection: close\r\n\r\n"
            self.transport.write(head.encode("ascii"))
        self.transport.close()


_LATER: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


def guarded(limits: ConnectionLimits) -> type[asyncio.Protocol]:
    """限りの付いた接続の型(``uvicorn.Config`` の ``http`` に渡す)。"""
    return type("LimitedHttp", (GuardedHttp,), {"limits": limits})
