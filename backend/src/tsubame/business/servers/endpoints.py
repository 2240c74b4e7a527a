"""サーバの番号から、つなぐのに要るもの全部を組み立てる。実行と接続試験が使う。"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tsubame.business.credentials.documents import open_sealed
from tsubame.business.credentials.entities import Login, PasswordLogin
from tsubame.business.credentials.ports import SealedCredential
from tsubame.business.servers.entities import Endpoint, Route, Server, Sudo
from tsubame.business.servers.errors import (
    CredentialUnusableError,
    HostKeyChangedError,
    ServerNotFoundError,
)
from tsubame.business.servers.ports import ServersTx
from tsubame.business.shared.batching import Batcher
from tsubame.business.shared.ids import CredentialId, ServerId
from tsubame.business.shared.signals import SignalKind
from tsubame.business.shared.transactions import Transactions
from tsubame.business.shared.vault import Vault, VaultError


@dataclass(frozen=True, slots=True)
class _Opened:
    """開いた認証情報。"""

    login: Login
    version: int


class _Facts:
    """読み終えた行から、つなぎ方を組み立てる。同じ認証情報は一度だけ開く。"""

    def __init__(
        self,
        vault: Vault,
        servers: Mapping[ServerId, Server],
        sealed: Mapping[CredentialId, SealedCredential],
    ) -> None:
        self._vault = vault
        self._servers = servers
        self._sealed = sealed
        self._opened: dict[CredentialId, _Opened] = {}

    def endpoint_or_problem(
        self, server_id: ServerId
    ) -> Endpoint | ServerNotFoundError | CredentialUnusableError:
        try:
            server = self._server(server_id)
            return self._endpoint(server, self.via(server))
        except (ServerNotFoundError, CredentialUnusableError) as problem:
            return problem

    def via(self, server: Server) -> Endpoint | None:
        """最後に通る踏み台。Raises: CredentialUnusableError。"""
        via = None
        for jump in server.jump_path:
            try:
                via = self._endpoint(self._server(jump.id), via)
            except CredentialUnusableError as problem:
                problem.hop = jump.id
                raise
        return via

    def _server(self, server_id: ServerId) -> Server:
        server = self._servers.get(server_id)
        if server is None:
            raise ServerNotFoundError(f"There is no server {server_id}.")
        return server

    def _endpoint(self, server: Server, via: Endpoint | None) -> Endpoint:
        login = self._open(server.credential_id, server.credential_name)
        sudo, sudo_version = self._sudo(server)
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

    def _sudo(self, server: Server) -> tuple[Sudo | None, int]:
        """替わる利用者と、パスワードの版。"""
        if server.sudo_user is None:
            return None, 0
        if server.sudo_credential_id is None:
            return Sudo(server.sudo_user, None), 0
        name = server.sudo_credential_name or ""
        opened = self._open(server.sudo_credential_id, name)
        if not isinstance(opened.login, PasswordLogin):
            raise CredentialUnusableError(f"The sudo credential {name!r} holds a key, not a password.")
        return Sudo(server.sudo_user, opened.login.password), opened.version

    def _open(self, credential_id: CredentialId, name: str) -> _Opened:
        opened = self._opened.get(credential_id)
        if opened is None:
            sealed = self._sealed[credential_id]
            try:
                opened = _Opened(open_sealed(self._vault, credential_id, sealed.sealed), sealed.version)
            except VaultError as exc:
                raise CredentialUnusableError(
                    f"The credential {name!r} cannot be opened with the encryption keys in use."
                ) from exc
            self._opened[credential_id] = opened
        return opened


class EndpointService:
    def __init__(self, transactions: Transactions[ServersTx], vault: Vault) -> None:
        self._transactions = transactions
        self._vault = vault
        self._lookups = Batcher("look-up-endpoints", self._look_up)

    async def endpoint_of(self, server_id: ServerId) -> Endpoint:
        """権限は見ない。呼ぶ側の用件が、もう確かめている。

        二百の対象が一斉に始まるときのために、同時に来た分はまとめて読む。

        Raises:
            ServerNotFoundError: サーバがない。
            CredentialUnusableError: しまってある認証情報を開けない(暗号の鍵が違う)。
        """
        found = await self._lookups.submit(server_id)
        if isinstance(found, Endpoint):
            return found
        raise found

    async def route_of(self, server: Server) -> Route:
        """ホスト鍵を読みに行く道。相手の認証情報は要らないので、開けなくてもよい。

        Raises: CredentialUnusableError(踏み台の認証情報を開けない)。
        """
        async with self._transactions.begin() as tx:
            facts = await self._facts(tx, [jump.id for jump in server.jump_path])
        return Route(server.host, server.port, facts.via(server), server.ssh_options)

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

    async def _look_up(
        self, server_ids: Sequence[ServerId]
    ) -> Sequence[Endpoint | ServerNotFoundError | CredentialUnusableError]:
        async with self._transactions.look() as tx:
            facts = await self._facts(tx, server_ids)
        return [facts.endpoint_or_problem(server_id) for server_id in server_ids]

    async def _facts(self, tx: ServersTx, server_ids: Sequence[ServerId]) -> _Facts:
        found = await tx.servers.with_logins(server_ids)
        servers, sealed = dict(found.servers), dict(found.sealed)
        jumps = {jump.id for server in servers.values() for jump in server.jump_path} - servers.keys()
        if jumps:
            on_the_way = await tx.servers.with_logins(sorted(jumps))
            servers |= on_the_way.servers
            sealed |= on_the_way.sealed
        return _Facts(self._vault, servers, sealed)
