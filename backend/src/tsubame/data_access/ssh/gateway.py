"""SSH の入口。配線はこれを一つ作り、終わりに ``close`` する。"""

from tsubame.data_access.ssh.connection_test import SshConnectionTester
from tsubame.data_access.ssh.dialer import Tunnels
from tsubame.data_access.ssh.host_keys import SshHostKeyScanner
from tsubame.data_access.ssh.keys import AsyncsshKeys
from tsubame.data_access.ssh.pool import PoolLimits
from tsubame.data_access.ssh.registry import ConnectionRegistry
from tsubame.data_access.ssh.remote_run import RemoteCommands, SshRemoteRuns


class SshGateway:
    """業務の口(走り、接続、ホスト鍵、接続試験、鍵)の実装一式。

    Args:
        limits: 走りの接続の上限。
        shell: サーバの POSIX シェルの呼び方。
    """

    def __init__(self, limits: PoolLimits | None = None, shell: str = "/bin/sh") -> None:
        tunnels = Tunnels()
        self.connections = ConnectionRegistry(tunnels, limits)
        self.runs = SshRemoteRuns(RemoteCommands(self.connections, shell))
        self.scanner = SshHostKeyScanner(tunnels)
        self.tester = SshConnectionTester(shell)
        self.keys = AsyncsshKeys()

    async def close(self) -> None:
        """接続を全部閉じる。サーバの上の走りは続く。"""
        await self.connections.close()
