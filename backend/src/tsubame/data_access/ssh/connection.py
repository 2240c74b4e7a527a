"""SSH の接続一本を張る: 名前を解く、TCP をつなぐ、相手の身元を確かめる、ログインする。"""

import asyncio
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import asyncssh
from asyncssh.public_key import get_default_public_key_algs

from tsubame.business.credentials.entities import KeyLogin, PasswordLogin
from tsubame.business.credentials.errors import PrivateKeyError
from tsubame.business.servers.entities import Endpoint, HostKey
from tsubame.business.servers.errors import (
    ConnectionLostError,
    ConnectionProblem,
    CredentialUnusableError,
    HostKeyChangedError,
    HostKeyUnknownError,
    NameNotResolvedError,
    PasswordChangeRequiredError,
)
from tsubame.data_access.ssh.errors import translate_handshake, translate_os
from tsubame.data_access.ssh.keys import parse_private_key

# AES-GCM は一度の計算で暗号と認証が済み、AES 命令のある機械でいちばん速い。
_CIPHERS: Final = (
    "aes128-gcm@openssh.com",
    "aes256-gcm@openssh.com",
    "chacha20-poly1305@openssh.com",
    "aes128-ctr",
    "aes256-ctr",
)
_KEEPALIVE_S: Final = 7
_KEEPALIVE_MISSES: Final = 2
_RESOLVE_TIMEOUT_S: Final = 10
_TCP_TIMEOUT_S: Final = 10
LOGIN_TIMEOUT_S: Final = 20
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
        self.verified_at: float | None = None
        self.greeting = b""
        self.password_change_asked = False
        self._password = password
        self._connection: asyncssh.SSHClientConnection | None = None

    def connection_made(self, conn: asyncssh.SSHClientConnection) -> None:
        self._connection = conn
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

    def let_go(self, sock: socket.socket) -> None:
        """握手の途中でやめる。口の持ち主が asyncssh に移っていたら、そちらを閉じる。"""
        if self._connection is None:
            sock.close()
        else:
            self._connection.abort()

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


async def connect_tcp(addresses: Sequence[Address]) -> socket.socket:
    """順に試し、最初につながったものを返す。Raises: ConnectionProblem(最後の失敗)。"""
    loop = asyncio.get_running_loop()
    problem: OSError = OSError("no address")
    for family, address in addresses:
        sock = socket.socket(family, socket.SOCK_STREAM)
        sock.setblocking(False)  # noqa: FBT003  標準ライブラリの決めた形
        connected = False
        try:
            async with asyncio.timeout(_TCP_TIMEOUT_S):
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
    """つながった口の上で SSH を話し、ログインまで済ませる。Raises: ConnectionProblem。"""
    connection: asyncssh.SSHClientConnection | None = None
    try:
        async with asyncio.timeout(LOGIN_TIMEOUT_S + 5):
            connection, _ = await asyncssh.create_connection(lambda: peer, sock=sock, options=options)
    except (asyncssh.Error, OSError, ValueError) as exc:
        raise _login_problem(exc, peer) from exc
    finally:
        if connection is None:
            peer.let_go(sock)
    return connection


def _login_problem(exc: Exception, peer: Peer) -> ConnectionProblem:
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


def host_key_algorithms(pinned: HostKey | None) -> list[str]:
    """頼む順のホスト鍵の種別。

    固定した種別を先頭に置く。ほかも残すのは、相手が鍵を取り替えたときに「合う種別がない」ではなく
    「鍵が変わった」と言い、新しい鍵を見せるため。
    """
    known = [name.decode("ascii") for name in get_default_public_key_algs()]
    first = ["ssh-ed25519"] if pinned is None else [pinned.algorithm]
    if pinned is not None and pinned.algorithm == "ssh-rsa":
        first = ["rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"]
    return first + [name for name in known if name not in first]


def base_options(host_key: HostKey | None, **login: object) -> asyncssh.SSHClientConnectionOptions:
    """どの接続にも共通の設定。利用者の設定ファイル・エージェント・known_hosts は一切読まない。"""
    return asyncssh.SSHClientConnectionOptions(
        config=None,
        agent_path=None,
        known_hosts=([], [], []),
        gss_host=None,
        compression_algs=None,
        encryption_algs=list(_CIPHERS),
        server_host_key_algs=host_key_algorithms(host_key),
        keepalive_interval=_KEEPALIVE_S,
        keepalive_count_max=_KEEPALIVE_MISSES,
        login_timeout=LOGIN_TIMEOUT_S,
        **login,
    )


@dataclass(slots=True)
class Dialer:
    """一つの ``Endpoint`` へ何度でもつなぐ。秘密鍵は一度だけ開く(合言葉つきは 0.1 秒以上かかる)。"""

    endpoint: Endpoint
    _options: asyncssh.SSHClientConnectionOptions | None = None

    async def dial(self) -> asyncssh.SSHClientConnection:
        """Raises: ConnectionProblem。"""
        peer = self.peer()
        addresses = await resolve(self.endpoint.host, self.endpoint.port)
        return await self.log_in(await connect_tcp(addresses), peer)

    def peer(self) -> Peer:
        """Raises: HostKeyUnknownError。"""
        if self.endpoint.host_key is None:
            raise HostKeyUnknownError("The host key of this server has not been approved yet.")
        login = self.endpoint.login
        password = login.password.reveal() if isinstance(login, PasswordLogin) else None
        return Peer(self.endpoint.host_key, password)

    async def log_in(self, sock: socket.socket, peer: Peer) -> asyncssh.SSHClientConnection:
        """つながった口でログインする。失敗したら口も閉じる。Raises: ConnectionProblem。"""
        try:
            if self._options is None:
                self._options = await self._build_options(self.endpoint.login)
        finally:
            if self._options is None:
                sock.close()
        return await handshake(sock, peer, self._options)

    async def _build_options(self, login: KeyLogin | PasswordLogin) -> asyncssh.SSHClientConnectionOptions:
        username, host_key = self.endpoint.username, self.endpoint.host_key
        if isinstance(login, PasswordLogin):
            return base_options(
                host_key,
                username=username,
                client_keys=None,
                preferred_auth=["password", "keyboard-interactive"],
            )
        try:
            key = await asyncio.to_thread(parse_private_key, login.private_key, login.passphrase)
        except PrivateKeyError as exc:
            raise CredentialUnusableError(exc.message) from exc
        return base_options(host_key, username=username, client_keys=[key], preferred_auth=["publickey"])
