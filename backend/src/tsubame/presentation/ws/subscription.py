"""購読の形と、どの購読も使うもの。"""

import asyncio
from dataclasses import dataclass
from typing import Final, Protocol

from tsubame.business.executions.changes import ChangeService
from tsubame.business.executions.ports import LogReader
from tsubame.business.executions.service import ExecutionService
from tsubame.business.shared.actor import Actor
from tsubame.presentation.ws.log_feed import LogFeed
from tsubame.presentation.ws.mailbox import Mail

CALM_S: Final = 0.1
"""状態の知らせの最短の間隔。二百の対象が一斉に動いても、画面は毎秒十回で足りる。"""


class Outlet(Protocol):
    """送り口。"""

    async def send_bytes(self, data: bytes) -> None: ...

    async def send_text(self, data: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Sources:
    """購読が読むもと。"""

    executions: ExecutionService
    changes: ChangeService
    logs: LogReader
    feed: LogFeed


class Subscription(Protocol):
    def notice(self, mail: Mail) -> None:
        """合図から、送るものが増えたかを見る。"""
        ...

    def due_in(self) -> float | None:
        """次に送るまでの秒数。送るものがなければ ``None``。"""
        ...

    async def send(self, outlet: Outlet, actor: Actor) -> None:
        """今送れるものを、一回分送る。"""
        ...


@dataclass(slots=True)
class Calm:
    """送る間隔をあける。最初の一回はすぐ送る。"""

    sent_at: float = float("-inf")

    def left(self, interval_s: float = CALM_S) -> float:
        return max(0.0, self.sent_at + interval_s - asyncio.get_running_loop().time())

    def sent(self) -> None:
        self.sent_at = asyncio.get_running_loop().time()
