"""ログを読む用件。"""

import hashlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from tsubame.business.executions.errors import DownloadTicketError
from tsubame.business.executions.ports import LogExtent, LogLines, LogReader, LogSubject, LogTickets
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.clock import Clock
from tsubame.business.shared.ids import TargetId
from tsubame.business.shared.permissions import Permission

MAX_LINES: Final = 2000
MAX_LINE_BYTES: Final = 64 * 1024
_TICKET_LIFETIME: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class OpenedLog:
    """開いたログ。長さは開いたときのもので、そのあと伸びても変わらない。"""

    target_id: TargetId
    extent: LogExtent
    reader: LogReader

    def read(self, start: int, end: int) -> AsyncIterator[bytes]:
        return self.reader.read(self.target_id, start, end)


class LogReadingService:
    def __init__(self, reader: LogReader, tickets: LogTickets, clock: Clock) -> None:
        self._reader = reader
        self._tickets = tickets
        self._clock = clock

    async def open(self, actor: Actor, target_id: TargetId) -> OpenedLog:
        """Raises: TargetNotFoundError。"""
        actor.require(Permission.EXECUTION_READ)
        return await self._open(target_id)

    async def lines(self, actor: Actor, target_id: TargetId, first_line: int, count: int) -> LogLines:
        """``count`` は ``MAX_LINES`` まで。``MAX_LINE_BYTES`` を超える行は切る。

        Raises: TargetNotFoundError。
        """
        actor.require(Permission.EXECUTION_READ)
        return await self._reader.lines(target_id, first_line, min(count, MAX_LINES), MAX_LINE_BYTES)

    async def issue_ticket(self, actor: Actor, target_id: TargetId) -> str:
        """一度だけ、六十秒だけ使える券。

        ブラウザに任せた受け取りには通行証を付けられないので、代わりに住所へ入れる。

        Raises: TargetNotFoundError。
        """
        actor.require(Permission.EXECUTION_READ)
        await self._reader.extent(target_id)
        token = secrets.token_urlsafe(32)
        await self._tickets.issue(_hash(token), target_id, self._clock.now() + _TICKET_LIFETIME)
        return token

    async def redeem(self, target_id: TargetId, token: str) -> tuple[OpenedLog, LogSubject]:
        """券と引き換えに開く。権限は、券を出すときに見た。

        Raises: DownloadTicketError, TargetNotFoundError。
        """
        redeemed = await self._tickets.redeem(_hash(token), self._clock.now())
        if redeemed != target_id:
            raise DownloadTicketError(
                "This download link was already used or has expired. Ask for a new one on the execution page."
            )
        return await self._open(target_id), await self._reader.subject(target_id)

    async def _open(self, target_id: TargetId) -> OpenedLog:
        return OpenedLog(target_id, await self._reader.extent(target_id), self._reader)


def _hash(token: str) -> bytes:
    # 券は十分に長い乱数なので、遅いハッシュは要らない
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
