"""ホスト鍵の読み取り(``HostKeyScanner``)。相手の認証は決して試みない。踏み台には、ふつうに入る。"""

from tsubame.business.servers.entities import HostKey, Route
from tsubame.business.servers.errors import HostKeyChangedError, NotSshError
from tsubame.data_access.ssh.connection import Peer
from tsubame.data_access.ssh.dialer import Tunnels
from tsubame.data_access.ssh.options import base_options


class SshHostKeyScanner:
    """``HostKeyScanner`` の実装。"""

    def __init__(self, tunnels: Tunnels) -> None:
        self._tunnels = tunnels

    async def scan(self, route: Route) -> HostKey:
        # 期待する鍵がないので、どの鍵も断る。断るのは認証より前なので、利用者名も何も送られない。
        options = base_options(
            None, route.options, username="tsubame-scan", client_keys=None, preferred_auth=["none"]
        )
        try:
            connection = await self._tunnels.reach(route, Peer(None), options)
        except HostKeyChangedError as shown:
            if shown.hop is not None:
                # 踏み台のほうの鍵が変わっていた。読みに来た相手の鍵ではない。
                raise
            return shown.offered
        connection.abort()
        raise NotSshError("The server presented no host key.")
