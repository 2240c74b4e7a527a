"""サーバへ一本つなぐ。踏み台があれば、手前から順に、その中を通って。

踏み台への接続は、その先へ行く全部の接続が一本を分け合う。だれも使わなくなれば、少しして閉じる。
どの踏み台でも、固定したホスト鍵を確かめる。
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any, Final

import asyncssh
from asyncssh.constants import OPEN_ADMINISTRATIVELY_PROHIBITED, OPEN_RESOURCE_SHORTAGE

from tsubame.business.credentials.entities import PasswordLogin
from tsubame.business.credentials.errors import PrivateKeyError
from tsubame.business.servers.entities import Endpoint, Route
from tsubame.business.servers.errors import (
    ConnectionLostError,
    ConnectionProblem,
    ConnectRefusedError,
    ConnectTimedOutError,
    CredentialUnusableError,
    HostKeyUnknownError,
    JumpForbiddenError,
    NameNotResolvedError,
    ServerBusyError,
    UnreachableError,
)
from tsubame.business.shared.ids import ServerId
from tsubame.data_access.ssh.connection import Peer, connect_tcp, handshake, login_problem, resolve
from tsubame.data_access.ssh.keys import parse_private_key
from tsubame.data_access.ssh.options import base_options

_TUNNEL_IDLE_S: Final = 30.0
_STALE_RETRIES: Final = 3

Connection = asyncssh.SSHClientConnection
Options = asyncssh.SSHClientConnectionOptions


class Dialer:
    """一つの ``Endpoint`` へ何度でもつなぐ。秘密鍵は一度だけ開く(合言葉つきは 0.1 秒以上かかる)。"""

    def __init__(self, endpoint: Endpoint, tunnels: "Tunnels") -> None:
        self.endpoint = endpoint
        self._tunnels = tunnels
        self._options: Options | None = None

    async def dial(self) -> Connection:
        """Raises: ConnectionProblem。"""
        return await self._tunnels.reach(self.endpoint.route, self.peer(), await self.options())

    def peer(self) -> Peer:
        """Raises: HostKeyUnknownError。"""
        if self.endpoint.host_key is None:
            raise HostKeyUnknownError("The host key of this server has not been approved yet.")
        login = self.endpoint.login
        password = login.password.reveal() if isinstance(login, PasswordLogin) else None
        return Peer(self.endpoint.host_key, password)

    async def options(self) -> Options:
        """Raises: CredentialUnusableError。"""
        if self._options is None:
            self._options = base_options(
                self.endpoint.host_key,
                self.endpoint.options,
                username=self.endpoint.username,
                **await self._login_options(),
            )
        return self._options

    async def _login_options(self) -> dict[str, object]:
        login = self.endpoint.login
        if isinstance(login, PasswordLogin):
            return {"client_keys": None, "preferred_auth": ["password", "keyboard-interactive"]}
        try:
            key = await asyncio.to_thread(parse_private_key, login.private_key, login.passphrase)
        except PrivateKeyError as exc:
            raise CredentialUnusableError(exc.message) from exc
        return {"client_keys": [key], "preferred_auth": ["publickey"]}


class Tunnels:
    """踏み台への接続の台帳。"""

    def __init__(self, idle_s: float = _TUNNEL_IDLE_S) -> None:
        self._idle_s = idle_s
        self._current: dict[ServerId, _Tunnel] = {}
        self._open: set[_Tunnel] = set()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def reach(self, route: Route, peer: Peer, options: Options) -> Connection:
        """``route`` の先の相手と握手し、ログインまで済ませる。Raises: ConnectionProblem。"""
        if route.via is None:
            addresses = await resolve(route.host, route.port)
            sock = await connect_tcp(addresses, route.options.connect_timeout_s)
            return await handshake(sock, peer, options)
        for _ in range(_STALE_RETRIES):
            tunnel = await self._lend(route.via)
            connection = None
            try:
                connection = await _through(tunnel, route, peer, options)
            except ConnectionLostError:
                # 使っていないあいだに踏み台への接続が切れていた。張り直せば済む
                if tunnel.usable or peer.connected_at is not None:
                    raise
                continue
            finally:
                if connection is None:
                    self._give_back(tunnel)
            self._spawn(self._until_closed(connection, tunnel), f"through {route.via.server_id}")
            return connection
        raise ConnectionLostError("The connection to the jump server was lost.").at_hop(route.via)

    async def check(self, hop: Endpoint) -> None:
        """踏み台まで行けることを確かめる。Raises: ConnectionProblem。"""
        self._give_back(await self._lend(hop))

    async def forget(self, server_id: ServerId) -> None:
        """その踏み台への接続を、使い終わりしだい閉じる(設定が変わったとき)。"""
        tunnel = self._current.pop(server_id, None)
        if tunnel is not None:
            self._rest(tunnel)

    async def close(self) -> None:
        """全部を今すぐ閉じる。"""
        tunnels = list(self._open)
        while self._tasks or self._open:
            for tunnel in list(self._open):
                self._drop(tunnel)
            for task in self._tasks:
                task.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks)
        for tunnel in tunnels:
            await tunnel.wait_closed()

    # ---- 貸し借り

    async def _lend(self, hop: Endpoint) -> "_Tunnel":
        """踏み台までつながったトンネル。使い終わったら ``_give_back`` する。"""
        tunnel = self._current.get(hop.server_id)
        if tunnel is None or tunnel.endpoint.revision != hop.revision or not tunnel.usable:
            await self.forget(hop.server_id)
            dialing = self._spawn(Dialer(hop, self).dial(), f"jump {hop.server_id}")
            tunnel = self._current[hop.server_id] = _Tunnel(hop, dialing)
            self._open.add(tunnel)
        tunnel.users += 1
        tunnel.stay()
        reached = False
        try:
            # 同じ踏み台を待つ人がほかにもいるので、一人がやめても張るのは続ける
            await asyncio.shield(tunnel.dialing)
            reached = True
        except ConnectionProblem as problem:
            raise problem.at_hop(hop) from problem.__cause__
        except asyncio.CancelledError as exc:
            me = asyncio.current_task()
            if tunnel.dialing.cancelled() and me is not None and not me.cancelling():
                raise ConnectionLostError("The connections are being closed.") from exc
            raise
        finally:
            if not reached:
                self._give_back(tunnel)
        return tunnel

    async def _until_closed(self, connection: Connection, tunnel: "_Tunnel") -> None:
        try:
            await connection.wait_closed()
        finally:
            self._give_back(tunnel)

    def _give_back(self, tunnel: "_Tunnel") -> None:
        tunnel.users -= 1
        self._rest(tunnel)

    def _rest(self, tunnel: "_Tunnel") -> None:
        if tunnel.users > 0 or tunnel not in self._open:
            return
        if self._current.get(tunnel.endpoint.server_id) is tunnel and tunnel.usable:
            loop = asyncio.get_running_loop()
            tunnel.idle = loop.call_later(self._idle_s, self._drop, tunnel)
        else:
            self._drop(tunnel)

    def _drop(self, tunnel: "_Tunnel") -> None:
        tunnel.stay()
        self._open.discard(tunnel)
        if self._current.get(tunnel.endpoint.server_id) is tunnel:
            del self._current[tunnel.endpoint.server_id]
        tunnel.end()

    def _spawn(self, work: Coroutine[Any, Any, Any], what: str) -> asyncio.Task[Any]:
        task = asyncio.create_task(work, name=f"ssh {what}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


@dataclass(slots=True, eq=False)
class _Tunnel:
    """踏み台への接続一本。``users`` は、この中を通っている接続(張る途中も)の数。"""

    endpoint: Endpoint
    dialing: asyncio.Task[Connection]
    users: int = 0
    idle: asyncio.TimerHandle | None = None

    @property
    def usable(self) -> bool:
        if not self.dialing.done():
            return True
        failed = self.dialing.cancelled() or self.dialing.exception() is not None
        return not failed and not self.dialing.result().is_closed()

    def stay(self) -> None:
        if self.idle is not None:
            self.idle.cancel()
            self.idle = None

    def end(self) -> None:
        if not self.dialing.done():
            self.dialing.cancel()
        elif self.usable:
            self.dialing.result().close()

    async def wait_closed(self) -> None:
        if not self.dialing.cancelled() and self.dialing.exception() is None:
            await self.dialing.result().wait_closed()


async def _through(tunnel: _Tunnel, route: Route, peer: Peer, options: Options) -> Connection:
    """踏み台の中を通って握手する。Raises: ConnectionProblem。"""
    hop = tunnel.endpoint
    connection: Connection | None = None
    try:
        async with asyncio.timeout(route.options.connect_timeout_s + options.login_timeout):
            connection, _ = await asyncssh.create_connection(
                lambda: peer, route.host, route.port, tunnel=tunnel.dialing.result(), options=options
            )
    except asyncssh.ChannelOpenError as exc:
        raise _refused_by(hop, route, exc) from exc
    except (asyncssh.Error, OSError, ValueError) as exc:
        if peer.connected_at is None:
            raise _not_connected(hop, route, exc) from exc
        raise login_problem(exc, peer) from exc
    finally:
        if connection is None:
            peer.let_go()
    return connection


def _refused_by(hop: Endpoint, route: Route, exc: asyncssh.ChannelOpenError) -> ConnectionProblem:
    """踏み台が、その先へつなげなかった。理由の文(RFC 4254 §5.1)は、OpenSSH が英語で書く。"""
    if exc.code == OPEN_ADMINISTRATIVELY_PROHIBITED:
        return JumpForbiddenError(
            f"It does not allow forwarding to {route.host}:{route.port}: {exc.reason}."
        ).at_hop(hop)
    if exc.code == OPEN_RESOURCE_SHORTAGE:
        return ServerBusyError(f"It cannot open more connections: {exc.reason}.").at_hop(hop)
    said = exc.reason.lower()
    kind: type[ConnectionProblem] = UnreachableError
    if "refused" in said:
        kind = ConnectRefusedError
    elif "timed out" in said:
        kind = ConnectTimedOutError
    elif "unknown host" in said or "not known" in said or "resolution" in said:
        kind = NameNotResolvedError
    elif "connection closed" in said or "connection lost" in said:
        kind = ConnectionLostError
    return kind(f"The jump server {hop.name!r} could not connect to {route.host}:{route.port}: {exc.reason}.")


def _not_connected(hop: Endpoint, route: Route, exc: Exception) -> ConnectionProblem:
    if isinstance(exc, TimeoutError):
        return ConnectTimedOutError(
            f"The jump server {hop.name!r} could not connect to {route.host}:{route.port} in time."
        )
    return ConnectionLostError(f"The connection to the jump server {hop.name!r} was lost: {exc}.")
