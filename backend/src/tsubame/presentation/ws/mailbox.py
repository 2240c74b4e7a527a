"""一本の WebSocket への郵便受け。合図は目印を立てるだけで、中身はあとで読む。"""

import asyncio
from dataclasses import dataclass, field
from typing import Final

from tsubame.business.shared.signals import Signal, SignalKind

_MOST: Final = 2000
_ROOMS: Final = frozenset(
    {
        SignalKind.SERVER,
        SignalKind.CREDENTIAL,
        SignalKind.JOB,
        SignalKind.QUEUE,
        SignalKind.USER,
        SignalKind.WORKER,
    }
)


@dataclass(slots=True)
class Mail:
    """たまっていた合図。``gap`` なら、何かを取りこぼしたかもしれないので全部読み直す。"""

    gap: bool = False
    logs: set[int] = field(default_factory=set)
    executions: set[int] = field(default_factory=set)
    rooms: set[tuple[SignalKind, int]] = field(default_factory=set)
    tokens: bool = False
    """どれかの API トークンが取り消された。"""


class Mailbox:
    """遅い読み手がいても、溜まるのは番号だけで、増え方にも上限がある。"""

    def __init__(self) -> None:
        self._mail = Mail()
        self._flag = asyncio.Event()

    def put(self, signal: Signal) -> None:
        if signal.kind is SignalKind.LOG:
            self._mail.logs.update(signal.ids)
        elif signal.kind is SignalKind.EXECUTION:
            self._mail.executions.update(signal.ids)
        elif signal.kind in _ROOMS:
            self._mail.rooms.update((signal.kind, entity_id) for entity_id in signal.ids)
        elif signal.kind is SignalKind.TOKEN:
            self._mail.tokens = True
        else:
            return
        if len(self._mail.logs) + len(self._mail.executions) + len(self._mail.rooms) > _MOST:
            self._mail = Mail(gap=True)
        self._flag.set()

    def put_gap(self) -> None:
        self._mail.gap = True
        self._flag.set()

    def wake(self) -> None:
        """合図なしで起こす(購読が増えた、続きがまだある)。"""
        self._flag.set()

    async def take(self, timeout_s: float | None) -> Mail:
        """合図を待って取り出す。時間が過ぎたら空で戻る。"""
        try:
            async with asyncio.timeout(timeout_s):
                await self._flag.wait()
        except TimeoutError:
            return Mail()
        # 読む前に下ろす。読んだあとに下ろすと、読んでいるあいだの合図を失う
        self._flag.clear()
        mail, self._mail = self._mail, Mail()
        return mail
