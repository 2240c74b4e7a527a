"""外への HTTP の口。利用者が書いた URL へ送るものは、どれもここを通る。

名前を一度だけ引き、答えた住所を調べ、**その住所へ**つなぐ。調べたあとにもう一度引くと、
二度目に内側の住所を答える名前(DNS rebinding)に抜けられる。転送も、一段ごとに同じ道を通る。
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import cached_property
from types import TracebackType
from typing import Final, Self

import httpx

from tsubame import __version__
from tsubame.data_access.outgoing.addresses import Address, Allowed, parsed

Resolve = Callable[[str, int], Awaitable[Sequence[str]]]
"""名前と口の番号から、住所の文字列の並び。引けなければ ``OSError``。"""

MAX_BYTES: Final = 1024 * 1024
_WHOLE_S: Final = 15.0
_RESOLVE_S: Final = 5.0
_STEP: Final = httpx.Timeout(10.0, connect=5.0)
_MOST_REDIRECTS: Final = 5
_MOST_ADDRESSES: Final = 4
_PORTS: Final = {"http": 80, "https": 443}


class RefusedAddressError(httpx.ConnectError):
    """送ってはいけない先だった。つながらなかった失敗の一つとして受けられる。"""


class OversizedAnswerError(httpx.ReadError):
    """答えが大きすぎるか、頼んでいない圧縮で来た。"""


async def resolve_by_system(host: str, port: int) -> list[str]:
    """この機械の名前引き(/etc/hosts を含む)。"""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class GuardedTransport(httpx.AsyncBaseTransport):
    def __init__(self, allowed: Allowed, resolve: Resolve, max_bytes: int, trust: ssl.SSLContext) -> None:
        self._allowed = allowed
        self._resolve = resolve
        self._max_bytes = max_bytes
        # 接続は使い回さない。同じ住所の別の名前が、ほかの名前で確かめた証明書の接続に乗らないように
        self._inner = httpx.AsyncHTTPTransport(
            verify=trust, trust_env=False, limits=httpx.Limits(max_keepalive_connections=0)
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        deadline = asyncio.get_running_loop().time() + _WHOLE_S
        try:
            async with asyncio.timeout_at(deadline):
                response = await self._send(request)
        except TimeoutError as exc:
            raise httpx.ReadTimeout(f"No answer within {_WHOLE_S:.0f} s.", request=request) from exc
        if not isinstance(response.stream, httpx.AsyncByteStream):
            raise httpx.ProtocolError("The answer is not an asynchronous stream.")
        response.stream = _LimitedStream(response.stream, self._max_bytes, deadline)
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            # 小さな圧縮が、伸ばすと何 GB にもなる。頼んでいないので、正しい相手なら来ない
            await response.aclose()
            raise OversizedAnswerError("The answer came compressed although that was not asked for.")
        return response

    async def _send(self, request: httpx.Request) -> httpx.Response:
        host = request.url.raw_host.decode("ascii")
        failure: httpx.TransportError | None = None
        for address in await self._permitted(request.url, host):
            try:
                return await self._inner.handle_async_request(_aimed(request, address, host))
            except (httpx.ConnectError, httpx.ConnectTimeout) as exc:
                failure = exc  # まだ何も送っていないので、次の住所で試してよい
        raise failure or httpx.ConnectError(f"{host} has no address.")

    async def _permitted(self, url: httpx.URL, host: str) -> list[Address]:
        if url.scheme not in _PORTS:
            raise httpx.UnsupportedProtocol(f"Only http and https can be used, not {url.scheme!r}.")
        try:
            async with asyncio.timeout(_RESOLVE_S):
                answers = await self._resolve(host, url.port or _PORTS[url.scheme])
            found = [parsed(answer) for answer in answers]
        except (OSError, UnicodeError) as exc:
            # ValueError の子の UnicodeError は、長すぎる名前で idna が投げる
            raise httpx.ConnectError(f"The name {host} cannot be resolved.") from exc
        permitted = [address for address in found if self._allowed.permits(host, address)]
        if found and not permitted:
            raise RefusedAddressError(
                f"{host} is {found[0]}, an address inside this network or machine. "
                "An administrator can allow it with TSUBAME_OUTGOING_ALLOWED."
            )
        return permitted[:_MOST_ADDRESSES]

    async def __aenter__(self) -> Self:
        await self._inner.__aenter__()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        await self._inner.__aexit__(exc_type, exc_value, traceback)

    async def aclose(self) -> None:
        await self._inner.aclose()


def _aimed(request: httpx.Request, address: Address, host: str) -> httpx.Request:
    """つなぐ先だけを住所に替える。Host の見出し・SNI・証明書の名前は、元の名前のまま。"""
    headers = request.headers.copy()
    headers["Accept-Encoding"] = "identity"
    return httpx.Request(
        request.method,
        request.url.copy_with(host=str(address)),
        headers=headers,
        stream=request.stream,
        extensions={**request.extensions, "sni_hostname": host},
    )


class _LimitedStream(httpx.AsyncByteStream):
    """大きさと、初めからの時間に限りのある本文。"""

    def __init__(self, inner: httpx.AsyncByteStream, max_bytes: int, deadline: float) -> None:
        self._inner = inner
        self._max_bytes = max_bytes
        self._deadline = deadline

    async def __aiter__(self) -> AsyncIterator[bytes]:
        taken = 0
        chunks = aiter(self._inner)
        while True:
            try:
                # 少しずつ送り続ける相手は、一回ごとの時間の上限では止まらない
                async with asyncio.timeout_at(self._deadline):
                    chunk = await anext(chunks)
            except StopAsyncIteration:
                return
            except TimeoutError as exc:
                raise httpx.ReadTimeout(f"The answer did not end within {_WHOLE_S:.0f} s.") from exc
            taken += len(chunk)
            if taken > self._max_bytes:
                raise OversizedAnswerError(f"The answer is larger than {self._max_bytes} bytes.")
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()


class OutgoingHttp:
    """外へ送る客を作る。プロセスに一つでよい。"""

    def __init__(self, allowed: Allowed, resolve: Resolve = resolve_by_system) -> None:
        self._allowed = allowed
        self._resolve = resolve

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        context = httpx.create_ssl_context()
        # 社内の認証局は、この機械の証明書の置き場にだけある
        context.load_default_certs()
        return context

    def transport(
        self, *, max_bytes: int = MAX_BYTES, trust: ssl.SSLContext | None = None
    ) -> GuardedTransport:
        """自分で客を作るライブラリ(Authlib など)に渡す口。``trust`` は信じる証明書(省けば機械のもの)。"""
        return GuardedTransport(self._allowed, self._resolve, max_bytes, trust or self._trust)

    def client(self, *, max_bytes: int = MAX_BYTES, trust: ssl.SSLContext | None = None) -> httpx.AsyncClient:
        """``async with`` で使う客。失敗は ``httpx.HTTPError`` の下にそろう(読めない URL は ``InvalidURL``)。

        環境の代理(``HTTP_PROXY``)と ``.netrc`` は見ない。代理が名前を引くと、住所を確かめられない。
        """
        return httpx.AsyncClient(
            transport=self.transport(max_bytes=max_bytes, trust=trust),
            timeout=_STEP,
            max_redirects=_MOST_REDIRECTS,
            trust_env=False,
            headers={"User-Agent": f"tsubame-ci/{__version__}"},
        )
