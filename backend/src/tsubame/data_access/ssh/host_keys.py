"""ホスト鍵の読み取り(``HostKeyScanner``)。認証は決して試みない。"""

from tsubame.business.servers.entities import HostKey
from tsubame.business.servers.errors import HostKeyChangedError, NotSshError
from tsubame.data_access.ssh.connection import Peer, base_options, connect_tcp, handshake, resolve


class SshHostKeyScanner:
    """``HostKeyScanner`` の実装。"""

    async def scan(self, host: str, port: int) -> HostKey:
        sock = await connect_tcp(await resolve(host, port))
        # 期待する鍵がないので、どの鍵も断る。断るのは認証より前なので、利用者名も何も送られない。
        options = base_options(None, username="tsubame-scan", client_keys=None, preferred_auth=["none"])
        try:
            connection = await handshake(sock, Peer(None), options)
        except HostKeyChangedError as shown:
            return shown.offered
        connection.abort()
        raise NotSshError("The server presented no host key.")
