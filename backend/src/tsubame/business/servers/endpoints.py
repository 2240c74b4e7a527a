"""サーバの番号から、つなぐのに要るもの全部を組み立てる。実行と接続試験が使う。"""

import hashlib
from dataclasses import dataclass

from tsubame.business.credentials.documents import open_sealed
from tsubame.business.credentials.entities import Login, PasswordLogin
from tsubame.business.credentials.ports import Vault, VaultError
from tsubame.business.servers.entities import Endpoint, Route, Server, Sudo
from tsubame.business.servers.errors import CredentialUnusableError, HostKeyChangedError
from tsubame.business.servers.ports import ServersTx
from tsubame.business.shared.ids import CredentialId, ServerId
from tsubame.business.shared.signals import SignalKind
from tsubame.business.shared.transactions import Transactions


@dataclass(frozen=True, slots=True)
class _Opened:
    """開いた認証情報。"""

    login: Login
    version: int


class EndpointService:
    def __init__(self, transactions: Transactions[ServersTx], vault: Vault) -> None:
        self._transactions = transactions
        self._vault = vault

    async def endpoint_of(self, server_id: ServerId) -> Endpoint:
        """権限は見ない。呼ぶ側の用件が、もう確かめている。

        Raises:
            ServerNotFoundError: サーバがない。
            CredentialUnusableError: しまってある認証情報を開けない(暗号の鍵が違う)。
        """
        async with self._transactions.begin() as tx:
            server = await tx.servers.get(server_id)
            return await self._endpoint(tx, server, await self._via(tx, server))

    async def route_of(self, server: Server) -> Route:
        """ホスト鍵を読みに行く道。相手の認証情報は要らないので、開けなくてもよい。

        Raises: CredentialUnusableError(踏み台の認証情報を開けない)。
        """
        async with self._transactions.begin() as tx:
            return Route(server.host, server.port, await self._via(tx, server), server.ssh_options)

    async def note_changed_key(self, endpoint: Endpoint, problem: HostKeyChangedError) -> None:
        """固定したものと違う鍵を見せられたことを書き留める。承認されるまで、画面に両方を出す。

        見せたのが途中の踏み台なら、その踏み台に書き留める。
        """
        shown_by = next((hop for hop in endpoint.hops if hop.server_id == problem.hop), endpoint)
        async with self._transactions.begin() as tx:
            server = await tx.servers.get(shown_by.server_id)
            # つないでいるあいだにあて先が変わっていれば、その鍵は別の相手のもの
            if (server.host, server.port) == (shown_by.host, shown_by.port):
                await tx.servers.offer_host_key(server.id, problem.offered)
                await tx.signals.send(SignalKind.SERVER, [server.id])

    async def _via(self, tx: ServersTx, server: Server) -> Endpoint | None:
        via = None
        for jump in server.jump_path:
            try:
                via = await self._endpoint(tx, await tx.servers.get(jump.id), via)
            except CredentialUnusableError as problem:
                problem.hop = jump.id
                raise
        return via

    async def _endpoint(self, tx: ServersTx, server: Server, via: Endpoint | None) -> Endpoint:
        login = await self._opened(tx, server.credential_id, server.credential_name)
        sudo, sudo_version = await self._sudo(tx, server)
        # ホスト鍵の承認は版を進めない(編集中の人とぶつけない)ので、鍵そのものも混ぜる
        facts = (
            server.version,
            (server.credential_id, login.version),
            (server.sudo_credential_id, sudo_version),
            None if server.pinned_key is None else server.pinned_key.public_key,
            None if via is None else via.revision,
        )
        return Endpoint(
            server_id=server.id,
            name=server.name,
            revision=hashlib.sha256(repr(facts).encode()).hexdigest()[:16],
            host=server.host,
            port=server.port,
            username=server.username,
            login=login.login,
            host_key=server.pinned_key,
            run_directory=server.run_directory,
            via=via,
            sudo=sudo,
            options=server.ssh_options,
        )

    async def _sudo(self, tx: ServersTx, server: Server) -> tuple[Sudo | None, int]:
        """替わる利用者と、パスワードの版。"""
        if server.sudo_user is None:
            return None, 0
        if server.sudo_credential_id is None:
            return Sudo(server.sudo_user, None), 0
        name = server.sudo_credential_name or ""
        opened = await self._opened(tx, server.sudo_credential_id, name)
        if not isinstance(opened.login, PasswordLogin):
            raise CredentialUnusableError(f"The sudo credential {name!r} holds a key, not a password.")
        return Sudo(server.sudo_user, opened.login.password), opened.version

    async def _opened(self, tx: ServersTx, credential_id: CredentialId, name: str) -> _Opened:
        sealed = await tx.credentials.sealed_of(credential_id)
        try:
            return _Opened(open_sealed(self._vault, credential_id, sealed.sealed), sealed.version)
        except VaultError as exc:
            raise CredentialUnusableError(
                f"The credential {name!r} cannot be opened with the encryption keys in use."
            ) from exc
