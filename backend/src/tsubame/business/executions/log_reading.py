"""ログを読む用件。"""

import hashlib
import secrets
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from tsubame.business.executions.errors import DownloadTicketError
from tsubame.business.executions.log_limit import LogGap
from tsubame.business.executions.log_sections import LogOutline, outline
from tsubame.business.executions.ports import (
    LineTime,
    LogExtent,
    LogLines,
    LogReader,
    LogSubject,
    LogTickets,
)
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.clock import Clock
from tsubame.business.shared.ids import TargetId
from tsubame.business.shared.permissions import Permission

MAX_LINES: Final = 2000
MAX_LINE_BYTES: Final = 64 * 1024
MAX_TIMED_LINES: Final = 5000
_TICKET_LIFETIME: Final = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class OpenedLog:
    """開いたログ。長さは開いたときのもので、そのあと伸びても変わらない。

    省いた真ん中には、そのことを言う一行(``notice``)が入る。位置はそれも入れて数える。
    """

    target_id: TargetId
    extent: LogExtent
    reader: LogReader
    notice: bytes = b""

    @property
    def size(self) -> int:
        gap = self.extent.gap
        return self.extent.bytes + (0 if gap is None else len(self.notice) - gap.bytes)

    @property
    def settled(self) -> bool:
        """省く所がもう動かない。動くあいだは、送り終えるまでに短くなりうる。"""
        return self.extent.gap is None or self.extent.ended

    async def read(self, start: int, end: int) -> AsyncIterator[bytes]:
        gap = self.extent.gap
        if gap is None:
            async for part in self.reader.read(self.target_id, start, end):
                yield part
            return
        resumed = gap.start + len(self.notice)
        if start < gap.start:
            async for part in self.reader.read(self.target_id, start, min(end, gap.start)):
                yield part
        if notice := self.notice[max(0, start - gap.start) : max(0, end - gap.start)]:
            yield notice
        if end > resumed:
            skipped = gap.end - resumed
            async for part in self.reader.read(
                self.target_id, max(start, resumed) + skipped, min(end + skipped, self.extent.bytes)
            ):
                yield part


class LogReadingService:
    def __init__(self, reader: LogReader, tickets: LogTickets, clock: Clock) -> None:
        self._reader = reader
        self._tickets = tickets
        self._clock = clock

    async def open(self, actor: Actor, target_id: TargetId) -> OpenedLog:
        """Raises: TargetNotFoundError。"""
        await self._check(actor, target_id)
        return await self._open(target_id)

    async def lines(self, actor: Actor, target_id: TargetId, first_line: int, count: int) -> LogLines:
        """``count`` は ``MAX_LINES`` まで。``MAX_LINE_BYTES`` を超える行は切る。

        Raises: TargetNotFoundError。
        """
        await self._check(actor, target_id)
        return await self._reader.lines(target_id, first_line, min(count, MAX_LINES), MAX_LINE_BYTES)

    async def times(self, actor: Actor, target_id: TargetId, first_line: int, count: int) -> list[LineTime]:
        """``count`` は ``MAX_TIMED_LINES`` まで。

        Raises: TargetNotFoundError。
        """
        await self._check(actor, target_id)
        return await self._reader.times(target_id, first_line, min(count, MAX_TIMED_LINES))

    async def outline(self, actor: Actor, target_id: TargetId) -> LogOutline:
        """台本の書いた印から組み立てた、区切りと注記。

        Raises: TargetNotFoundError。
        """
        await self._check(actor, target_id)
        stored = await self._reader.marks(target_id)
        return outline(stored.marks, stored.total)

    async def issue_ticket(self, actor: Actor, target_id: TargetId) -> str:
        """一度だけ、六十秒だけ使える券。

        ブラウザに任せた受け取りには通行証を付けられないので、代わりに住所へ入れる。

        Raises: TargetNotFoundError。
        """
        await self._check(actor, target_id)
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

    async def _check(self, actor: Actor, target_id: TargetId) -> None:
        """Raises: TargetNotFoundError, PermissionDeniedError。"""
        reach = actor.reach(Permission.EXECUTION_READ)
        if reach is not None:
            await self._reader.check(target_id, reach)

    async def _open(self, target_id: TargetId) -> OpenedLog:
        extent = await self._reader.extent(target_id)
        if extent.gap is None:
            return OpenedLog(target_id, extent, self._reader)
        head = self._reader.read(target_id, extent.gap.start - 1, extent.gap.start)
        broken = b"".join([part async for part in head]) not in {b"", b"\n"}
        return OpenedLog(target_id, extent, self._reader, _notice(extent.gap, broken=broken))


def _notice(gap: LogGap, *, broken: bool) -> bytes:
    """省いた真ん中の代わりの一行。``broken`` なら、頭が行の途中で切れている。"""
    lines = f", lines {gap.first_line} to {gap.last_line}" if gap.last_line >= gap.first_line else ""
    text = (
        f"[tsubame-ci] {gap.bytes} bytes were left out here{lines}:"
        " the log was larger than the limit of its job (max_log_bytes)."
    )
    return (b"\n" if broken else b"") + text.encode() + b"\n"


def _hash(token: str) -> bytes:
    # 券は十分に長い乱数なので、遅いハッシュは要らない
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
