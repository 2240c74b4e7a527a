"""ホスト鍵の用件: 見せられた鍵を読み、人が承認したものだけを固定する。"""

import hmac
from dataclasses import dataclass

from tsubame.business.audit.changes import changes
from tsubame.business.servers.endpoints import EndpointService
from tsubame.business.servers.entities import HostKey, Server
from tsubame.business.servers.errors import HostKeyMismatchError
from tsubame.business.servers.events import server_event
from tsubame.business.servers.ports import Connections, HostKeyScanner, ServersTx
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.errors import VersionConflictError
from tsubame.business.shared.ids import ServerId
from tsubame.business.shared.permissions import Permission
from tsubame.business.shared.signals import SignalKind
from tsubame.business.shared.transactions import Transactions


@dataclass(frozen=True, slots=True)
class HostKeyScan:
    """``key`` は今見せられた鍵。``server`` は書き留めたあとの姿。"""

    key: HostKey
    server: Server


class HostKeyService:
    def __init__(
        self,
        transactions: Transactions[ServersTx],
        endpoints: EndpointService,
        scanner: HostKeyScanner,
        connections: Connections,
    ) -> None:
        self._transactions = transactions
        self._endpoints = endpoints
        self._scanner = scanner
        self._connections = connections

    async def scan(self, actor: Actor, server_id: ServerId) -> HostKeyScan:
        """今見せられる鍵を読み、書き留める。固定はしない。

        Raises: ServerNotFoundError, ConnectionProblem, VersionConflictError。
        """
        async with self._transactions.begin() as tx:
            server = await tx.servers.get(server_id, actor.sight)
        actor.require(Permission.SERVER_TEST, server.project_id)
        key = await self._read(server)
        return HostKeyScan(key, await self.offer(server, key))

    async def offer(self, seen: Server, key: HostKey) -> Server:
        """見せられた鍵を書き留める。``seen`` は、つなぎに行ったときのサーバの姿。

        Raises: ServerNotFoundError, VersionConflictError(その間に、あて先が変わった)。
        """
        async with self._transactions.begin() as tx:
            now = await tx.servers.get(seen.id)
            _check_same_address(seen, now)
            await tx.servers.offer_host_key(seen.id, key)
            server = await tx.servers.get(seen.id)
            if server != now:
                await tx.signals.send(SignalKind.SERVER, [seen.id])
        return server

    async def approve(self, actor: Actor, server_id: ServerId, fingerprint: str) -> Server:
        """人が指紋を見て「この相手だ」と言った鍵を固定する。

        書き留めた鍵の指紋と違えば、もう一度読んで確かめる。それでも違えば断る。

        Raises: ServerNotFoundError, HostKeyMismatchError, ConnectionProblem, VersionConflictError。
        """
        async with self._transactions.begin() as tx:
            server = await tx.servers.get(server_id, actor.sight)
        actor.require(Permission.HOST_KEY_APPROVE, server.project_id)
        if server.offered_key is None and _matches(server.pinned_key, fingerprint):
            return server
        key = server.offered_key
        if key is None or not _matches(key, fingerprint):
            key = await self._read(server)
        if not _matches(key, fingerprint):
            await self.offer(server, key)
            raise HostKeyMismatchError(
                f"The server shows the host key {key.fingerprint}, not the one you approved. Look again.",
                params={"offered": key.fingerprint},
            )
        approved = await self._pin(actor, server, key)
        await self._connections.forget(server_id)
        return approved

    async def _read(self, server: Server) -> HostKey:
        return await self._scanner.scan(await self._endpoints.route_of(server))

    async def _pin(self, actor: Actor, seen: Server, key: HostKey) -> Server:
        async with self._transactions.begin() as tx:
            before = await tx.servers.get(seen.id)
            _check_same_address(seen, before)
            await tx.servers.pin_host_key(seen.id, key)
            pinned = None if before.pinned_key is None else before.pinned_key.fingerprint
            details: dict[str, object] = {
                "changes": changes({"host_key": pinned}, {"host_key": key.fingerprint})
            }
            await tx.audit.record(server_event(actor, "server.host_key_approved", before, details))
            await tx.signals.send(SignalKind.SERVER, [seen.id])
            return await tx.servers.get(seen.id)


def _matches(key: HostKey | None, fingerprint: str) -> bool:
    return key is not None and hmac.compare_digest(
        key.fingerprint.encode(), fingerprint.strip().encode("utf-8", "replace")
    )


def _check_same_address(seen: Server, now: Server) -> None:
    # 読んでいるあいだにあて先が変われば、その鍵は別の相手のもの
    if (seen.host, seen.port, seen.jump_server_id) != (now.host, now.port, now.jump_server_id):
        raise VersionConflictError
