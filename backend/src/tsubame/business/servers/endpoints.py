"""サーバの番号から、つなぐのに要るもの全部を組み立てる。実行と接続試験が使う。"""

import hashlib

from tsubame.business.credentials.documents import open_sealed
from tsubame.business.credentials.ports import SealedCredential, Vault, VaultError
from tsubame.business.servers.entities import Endpoint, HostKey, Server
from tsubame.business.servers.errors import CredentialUnusableError
from tsubame.business.servers.ports import ServersTx
from tsubame.business.shared.ids import ServerId
from tsubame.business.shared.signals import SignalKind
from tsubame.business.shared.transactions import Transactions


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
            sealed = await tx.credentials.sealed_of(server.credential_id)
        try:
            login = open_sealed(self._vault, server.credential_id, sealed.sealed)
        except VaultError as exc:
            raise CredentialUnusableError(
                f"The credential {server.credential_name!r} cannot be opened with the encryption keys in use."
            ) from exc
        return Endpoint(
            server_id=server.id,
            revision=_revision(server, sealed),
            host=server.host,
            port=server.port,
            username=server.username,
            login=login,
            host_key=server.pinned_key,
            run_directory=server.run_directory,
        )

    async def note_offered_key(self, endpoint: Endpoint, key: HostKey) -> None:
        """固定したものと違う鍵を見せられたことを書き留める。承認されるまで、画面に両方を出す。"""
        async with self._transactions.begin() as tx:
            server = await tx.servers.get(endpoint.server_id)
            # つないでいるあいだにあて先が変わっていれば、その鍵は別の相手のもの
            if (server.host, server.port) == (endpoint.host, endpoint.port):
                await tx.servers.offer_host_key(server.id, key)
                await tx.signals.send(SignalKind.SERVER, [server.id])


def _revision(server: Server, sealed: SealedCredential) -> str:
    # ホスト鍵の承認は版を進めない(編集中の人とぶつけない)ので、鍵そのものも混ぜる
    pinned = "" if server.pinned_key is None else server.pinned_key.public_key
    facts = f"{server.version}\n{server.credential_id}\n{sealed.version}\n{pinned}"
    return hashlib.sha256(facts.encode()).hexdigest()[:16]
