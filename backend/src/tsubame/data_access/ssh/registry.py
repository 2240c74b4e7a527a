"""サーバごとの接続の束を、設定の版とともに持つ(``Connections``)。"""

import asyncio
from dataclasses import dataclass, field

from tsubame.business.servers.entities import Endpoint
from tsubame.business.shared.ids import ServerId
from tsubame.data_access.ssh.dialer import Dialer, Tunnels
from tsubame.data_access.ssh.pool import PoolLimits, SessionPool

# 中止・問い合わせ・片付けは、走りの行列に並ばせない。
_CONTROL_LIMITS = PoolLimits(connections=8, connecting=1)


@dataclass(slots=True)
class ServerLines:
    """一つの設定の版の接続。

    Attributes:
        runs: 走りにつながる接続。
        control: 中止・問い合わせ・片付けの接続。
        follower: このサーバの追い手の種類。``a`` はまだ知らない。
    """

    revision: str
    runs: SessionPool
    control: SessionPool
    follower: str = field(default="a")

    def learn_follower(self, follower: str) -> None:
        self.follower = follower

    @property
    def busy(self) -> bool:
        return self.runs.busy or self.control.busy

    def retire(self) -> None:
        self.runs.retire()
        self.control.retire()

    async def close(self) -> None:
        await asyncio.gather(self.runs.close(), self.control.close())


class ConnectionRegistry:
    """接続の束の台帳。"""

    def __init__(self, tunnels: Tunnels, run_limits: PoolLimits | None = None) -> None:
        self._tunnels = tunnels
        self._run_limits = run_limits or PoolLimits()
        self._current: dict[ServerId, ServerLines] = {}
        self._retired: list[ServerLines] = []

    def of(self, endpoint: Endpoint) -> ServerLines:
        """この設定の接続。版が変わっていたら古い接続を捨てにかかり、新しく作る。"""
        lines = self._current.get(endpoint.server_id)
        if lines is not None and lines.revision == endpoint.revision:
            return lines
        self._retire(endpoint.server_id)
        dialer = Dialer(endpoint, self._tunnels)
        name = f"server {endpoint.server_id}"
        lines = ServerLines(
            endpoint.revision,
            SessionPool(name, dialer.dial, self._run_limits),
            SessionPool(f"{name} control", dialer.dial, _CONTROL_LIMITS),
        )
        self._current[endpoint.server_id] = lines
        return lines

    async def forget(self, server_id: ServerId) -> None:
        self._retire(server_id)
        await self._tunnels.forget(server_id)

    async def close(self) -> None:
        everything = [*self._current.values(), *self._retired]
        self._current.clear()
        self._retired.clear()
        await asyncio.gather(*(lines.close() for lines in everything))
        await self._tunnels.close()

    def _retire(self, server_id: ServerId) -> None:
        lines = self._current.pop(server_id, None)
        if lines is not None:
            lines.retire()
            self._retired = [old for old in self._retired if old.busy]
            self._retired.append(lines)
