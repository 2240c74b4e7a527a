"""外への HTTP の口を、本物のソケットで。名前引きだけを差し替える(よその DNS サーバの代わり)。"""

import asyncio
import contextlib
import gzip
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tsubame.data_access.outgoing import http
from tsubame.data_access.outgoing.addresses import Allowed
from tsubame.data_access.outgoing.http import OutgoingHttp, OversizedAnswerError, RefusedAddressError

OURS, SECRET = "127.0.0.2", "127.0.0.1"
"""公の住所の代わりに許す一つと、届いてはいけない一つ。"""
ALLOWED = Allowed.parse([OURS])
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@dataclass
class Listener:
    """``answer`` をそのまま返す本物のサーバ。受けた要求を覚える。"""

    address: str
    answer: Callable[[int], bytes]
    port: int = 0
    heard: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            self.heard.append((await reader.readuntil(b"\r\n\r\n")).decode())
            writer.write(self.answer(self.port))
            await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def listening(
    address: str,
    answer: bytes | Callable[[int], bytes] = OK,
    *,
    port: int = 0,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[Listener]:
    listener = Listener(address, answer if callable(answer) else lambda _: answer)
    server = await asyncio.start_server(listener.serve, address, port, ssl=tls)
    listener.port = server.sockets[0].getsockname()[1]
    try:
        yield listener
    finally:
        server.close()
        await server.wait_closed()


class Names:
    """名前ごとに、引かれた回に応じた住所を答える。"""

    def __init__(self, **answers: Sequence[str]) -> None:
        self._answers = {name.replace("_", "."): list(found) for name, found in answers.items()}
        self.asked: list[str] = []

    async def resolve(self, host: str, _: int) -> list[str]:
        self.asked.append(host)
        found = self._answers[host]
        # 最後の答えは言い続ける
        return [found.pop(0) if len(found) > 1 else found[0]]


async def test_rebinding_name_cannot_reach_inside() -> None:
    """二度目に内側を答える名前でも、調べたその住所へつなぎ、内側には一バイトも届かない。"""
    names = Names(rebind_example=[OURS, SECRET])
    async with (
        listening(OURS) as ours,
        listening(SECRET, port=ours.port) as secret,
        OutgoingHttp(ALLOWED, names.resolve).client() as client,
    ):
        answer = await client.get(f"http://rebind.example:{ours.port}/path?q=1")
        with pytest.raises(RefusedAddressError, match="TSUBAME_OUTGOING_ALLOWED"):
            await client.get(f"http://rebind.example:{ours.port}/")
    assert (answer.text, names.asked) == ("ok", ["rebind.example"] * 2)
    assert secret.heard == []
    assert ours.heard[0].startswith("GET /path?q=1 HTTP/1.1\r\n")
    assert f"Host: rebind.example:{ours.port}\r\n" in ours.heard[0]


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0.0.0.0", "[::1]",
     "[::ffff:127.0.0.1]", "[::ffff:7f00:1]"],
)  # fmt: skip
async def test_every_spelling_of_this_machine_is_refused(host: str) -> None:
    """この機械を指す、どの書き方でも断る。名前引きは、この機械の本物。"""
    async with listening(SECRET) as secret, OutgoingHttp(Allowed()).client() as client:
        with pytest.raises((httpx.ConnectError, httpx.InvalidURL)):
            await client.get(f"http://{host}:{secret.port}/")
    assert secret.heard == []


async def test_redirect_is_checked_again() -> None:
    """外の相手が内側へ転送させても、その一段でまた調べて断る。"""
    names = Names(outside_example=[OURS])
    redirect = b"HTTP/1.1 302 Found\r\nLocation: http://%b:%d/latest/meta-data\r\nContent-Length: 0\r\n\r\n"
    async with (
        listening(SECRET) as secret,
        listening(OURS, redirect % (SECRET.encode(), secret.port)) as ours,
        OutgoingHttp(ALLOWED, _system_after(names)).client() as client,
    ):
        with pytest.raises(RefusedAddressError):
            await client.get(f"http://outside.example:{ours.port}/", follow_redirects=True)
        assert (await client.get(f"http://outside.example:{ours.port}/")).status_code == 302
    assert secret.heard == []


async def test_endless_redirects_end() -> None:
    """自分へ転送し続ける相手に、いつまでも付き合わない。"""

    def again(port: int) -> bytes:
        return b"HTTP/1.1 302 Found\r\nLocation: http://%b:%d/\r\nContent-Length: 0\r\n\r\n" % (
            OURS.encode(),
            port,
        )

    async with listening(OURS, again) as ours, OutgoingHttp(ALLOWED).client() as client:
        with pytest.raises(httpx.TooManyRedirects):
            await client.get(f"http://{OURS}:{ours.port}/", follow_redirects=True)
    assert len(ours.heard) == 6


async def test_dead_address_falls_to_the_next() -> None:
    """つながらない住所があっても、同じ名前の次の住所へ届く。内側の答えは混じっていても使わない。"""

    async def resolve(_host: str, _port: int) -> list[str]:
        return [SECRET, "127.0.0.3", OURS]

    allowed = Allowed.parse([OURS, "127.0.0.3"])
    async with (
        listening(OURS) as ours,
        listening(SECRET, port=ours.port) as secret,
        OutgoingHttp(allowed, resolve).client() as client,
    ):
        assert (await client.get(f"http://two.example:{ours.port}/")).text == "ok"
    assert secret.heard == []


async def test_certificate_is_checked_against_the_name(tmp_path: Path) -> None:
    """住所へつないでも、証明書は元の名前で確かめ、違う名前の証明書は断る。"""
    authority = _Certificates(tmp_path)
    names = Names(good_example=[OURS], other_example=[OURS])
    async with (
        listening(OURS, tls=authority.server("good.example")) as ours,
        OutgoingHttp(ALLOWED, names.resolve).client(trust=authority.trust) as client,
    ):
        assert (await client.get(f"https://good.example:{ours.port}/")).text == "ok"
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            await client.get(f"https://other.example:{ours.port}/")


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b"x" * 5000,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n" + b"x" * 2000 + b"\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"x" * 100_000),
    ],
    ids=["長さを言う", "長さを言わない", "圧縮の爆弾"],
)
async def test_oversized_answers(answer: bytes) -> None:
    """大きすぎる答えは途中でやめ、頼んでいない圧縮は伸ばさない。"""
    async with listening(OURS, answer) as ours, OutgoingHttp(ALLOWED).client(max_bytes=1000) as client:
        with pytest.raises(OversizedAnswerError):
            await client.get(f"http://{OURS}:{ours.port}/")
    assert "accept-encoding: identity" in ours.heard[0].lower()


@pytest.mark.parametrize("begun", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no"])
async def test_slow_answers_end(begun: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """答えない相手も、途中で黙る相手も、決まった時間で終わる。"""
    monkeypatch.setattr(http, "_WHOLE_S", 0.3)
    hung = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(begun)
        await reader.read()
        writer.close()
        hung.set()

    server = await asyncio.start_server(hang, OURS, 0)
    port = server.sockets[0].getsockname()[1]
    async with OutgoingHttp(ALLOWED).client() as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.get(f"http://{OURS}:{port}/")
    await hung.wait()
    server.close()


@pytest.mark.parametrize("url", ["ftp://a.example/", "file:///etc/passwd", "gopher://127.0.0.1/"])
async def test_only_http(url: str) -> None:
    """HTTP でない住所には送らない。"""
    async with OutgoingHttp(ALLOWED).client() as client:
        with pytest.raises(httpx.UnsupportedProtocol):
            await client.get(url)


async def test_unknown_names() -> None:
    """引けない名前も、長すぎる名前も、つながらない失敗の一つになる。"""
    async with OutgoingHttp(ALLOWED).client() as client:
        for name in ("no-such-name.invalid", "a" * 70 + ".example"):
            with pytest.raises(httpx.ConnectError, match="cannot be resolved"):
                await client.get(f"http://{name}/")


async def test_environment_proxy_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """環境の代理を通すと住所を確かめられないので、見ない。"""
    async with listening(SECRET) as proxy, listening(OURS) as ours:
        monkeypatch.setenv("HTTP_PROXY", f"http://{SECRET}:{proxy.port}")
        async with OutgoingHttp(ALLOWED).client() as client:
            assert (await client.get(f"http://{OURS}:{ours.port}/")).text == "ok"
    assert proxy.heard == []


def _system_after(names: Names) -> http.Resolve:
    """知っている名前は ``names`` が、ほかはこの機械が引く。"""

    async def resolve(host: str, port: int) -> Sequence[str]:
        if host.endswith(".example"):
            return await names.resolve(host, port)
        return await http.resolve_by_system(host, port)

    return resolve


class _Certificates:
    """試験のための認証局。"""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tsubame test")])
        constraint = x509.BasicConstraints(ca=True, path_length=None)
        authority = self._signed(self._name, self._key.public_key(), constraint)
        self.trust = ssl.create_default_context(
            cadata=authority.public_bytes(serialization.Encoding.PEM).decode()
        )

    def server(self, host: str) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, host)])
        made = self._signed(subject, key.public_key(), x509.SubjectAlternativeName([x509.DNSName(host)]))
        (self._directory / "server.pem").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            + made.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self._directory / "server.pem")
        return context

    def _signed(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, extension: x509.ExtensionType
    ) -> x509.Certificate:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(extension, critical=True)
            .sign(self._key, hashes.SHA256())
        )
