"""SSH の接続一本を張る: 名前を解く、TCP をつなぐ、相手の身元を確かめる、ログインする。"""

import asyncio
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final

import asyncssh

from tsubame.business.servers.entities import HostKey
from tsubame.business.servers.errors import (
    ConnectionLostError,
    ConnectionProblem,
    HostKeyChangedError,
    NameNotResolvedError,
    PasswordChangeRequiredError,
)
from tsubame.data_access.ssh.errors import translate_handshake, translate_os

_RESOLVE_TIMEOUT_S: Final = 10
# 握手の限りは asyncssh が守る。それでも終わらないときのための、外側の限り
_HANDSHAKE_MARGIN_S: Final = 5
_GREETING_BYTES: Final = 512
_QUICKACK: Final = getattr(socket, "TCP_QUICKACK", None)

Address = tuple[socket.AddressFamily, tuple[Any, ...]]


def host_key_of(key: asyncssh.SSHKey) -> HostKey:
    line = key.export_public_key("openssh").decode("ascii")
    return HostKey(key.get_algorithm(), " ".join(line.split()[:2]), key.get_fingerprint())


class Peer(asyncssh.SSHClient):
    """一本の接続の相手役。身元を確かめ、パスワードを渡し、最初の挨拶を覚える。

    ``expected`` が ``None`` なら、身元を覚えて認証の手前で断る(ホスト鍵の読み取り)。
    """

    def __init__(self, expected: HostKey | None, password: str | None = None) -> None:
        self.expected = expected
        self.offered: HostKey | None = None
        self.connected_at: float | None = None
        self.verified_at: float | None = None
        self.greeting = b""
        self.password_change_asked = False
        self._password = password
        self._connection: asyncssh.SSHClientConnection | None = None

    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
        self._connection = conn
        self.connected_at = time.monotonic()
        receive = conn.data_received
        sock = conn.get_extra_info("socket")

        def receive_and_acknowledge(data: bytes, datatype: int | None = None) -> None:
            if len(self.greeting) < _GREETING_BYTES:
                self.greeting += data[: _GREETING_BYTES - len(self.greeting)]
            receive(data, datatype)
            # 遅延 ACK と相手の Nagle がかみ合うと、握手の一往復ごとに 40 ms 待たされる。
            # Linux はこの指定を勝手に解くので、受けるたびに言い直す。
            if _QUICKACK is not None:
                with suppress(OSError):
                    sock.setsockopt(socket.IPPROTO_TCP, _QUICKACK, 1)

        conn.data_received = receive_and_acknowledge  # type: ignore[method-assign]  # 差し込む口がほかにない

    def let_go(self) -> bool:
        """握手の途中でやめる。口の持ち主がまだ asyncssh に移っていなければ、偽(呼ぶ側が閉じる)。"""
        if self._connection is None:
            return False
        self._connection.abort()
        return True

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        del host, addr, port
        self.offered = host_key_of(key)
        if self.expected is None or self.offered.public_key != self.expected.public_key:
            return False
        self.verified_at = time.monotonic()
        return True

    def password_auth_requested(self) -> str | None:
        return self._take_password()

    def password_change_requested(self, prompt: str, lang: str) -> Any:
        del prompt, lang
        self.password_change_asked = True
        # 新しいパスワードを決めるのは人。ここでは答えない。
        return NotImplemented

    def kbdint_auth_requested(self) -> str | None:
        return "" if self._password is not None else None

    def kbdint_challenge_received(
        self, name: str, instructions: str, lang: str, prompts: Sequence[tuple[str, bool]]
    ) -> list[str] | None:
        del name, instructions, lang
        if not prompts:
            return []
        hidden = [prompt for prompt, echo in prompts if not echo]
        # 二つ以上を尋ねるのは二要素認証で、パスワードだけでは答えられない。
        password = self._take_password() if len(prompts) == 1 and hidden else None
        return None if password is None else [password]

    def _take_password(self) -> str | None:
        # 同じ誤ったパスワードを二度送らない。相手の締め出しを招くため。
        password, self._password = self._password, None
        return password


async def resolve(host: str, port: int) -> list[Address]:
    """Raises: NameNotResolvedError。"""
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(_RESOLVE_TIMEOUT_S):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except TimeoutError as exc:
        raise NameNotResolvedError("The name server did not answer in time.") from exc
    except (OSError, UnicodeError) as exc:
        detail = exc.strerror if isinstance(exc, OSError) else "not a valid host name"
        raise NameNotResolvedError(f"The host name could not be resolved: {detail}.") from exc
    return [(socket.AddressFamily(family), address) for family, _, _, _, address in found]


async def connect_tcp(addresses: Sequence[Address], timeout_s: float) -> socket.socket:
    """順に試し、最初につながったものを返す。Raises: ConnectionProblem(最後の失敗)。"""
    loop = asyncio.get_running_loop()
    problem: OSError = OSError("no address")
    for family, address in addresses:
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setblocking(False)  # noqa: FBT003  標準ライブラリの決めた形
        connected = False
        try:
            async with asyncio.timeout(timeout_s):
                await loop.sock_connect(sock, address)
            connected = True
        except OSError as exc:
            problem = exc
        finally:
            if not connected:
                sock.close()
        if connected:
            return sock
    raise translate_os(problem) from problem


async def handshake(
    sock: socket.socket, peer: Peer, options: asyncssh.SSHClientConnectionOptions
) -> asyncssh.SSHClientConnection:
    """つながった口の上で SSH を話し、ログインまで済ませる。失敗したら口も閉じる。

    Raises: ConnectionProblem。
    """
    connection: asyncssh.SSHClientConnection | None = None
    try:
        async with asyncio.timeout(options.login_timeout + _HANDSHAKE_MARGIN_S):
            connection, _ = await asyncssh.create_connection(lambda: peer, sock=sock, options=options)
    except (asyncssh.Error, OSError, ValueError) as exc:
        raise login_problem(exc, peer) from exc
    finally:
        if connection is None and not peer.let_go():
            sock.close()
    return connection


def login_problem(exc: Exception, peer: Peer) -> ConnectionProblem:
    """握手とログインの失敗のわけ。"""
    if isinstance(exc, asyncssh.HostKeyNotVerifiable) and peer.offered is not None:
        return HostKeyChangedError(
            "The server presented a host key that is not the approved one.", peer.offered
        )
    if isinstance(exc, asyncssh.PermissionDenied) and peer.password_change_asked:
        return PasswordChangeRequiredError("The server wants the password to be changed first.")
    timed_out = "timeout" in str(exc).lower()
    if (
        isinstance(exc, asyncssh.ConnectionLost | ConnectionError)
        and peer.verified_at is not None
        and not timed_out
    ):
        # 身元を見せたあとなので、混雑ではない。ネットワークの断と見分けはつかないので、待てば通るとする。
        return ConnectionLostError(
            "The server closed the connection during the login. The account may be expired or locked."
        )
    return translate_handshake(exc, peer.greeting)
