"""鎖を、はじめ(または錨)から先まで確かめる。"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from tsubame.business.audit.chain import START, digest, plain
from tsubame.business.audit.entities import Fault, FaultCode, Head, StoredLink
from tsubame.business.audit.ports import AuditTx
from tsubame.business.shared.transactions import Transactions

# 一度に読む数。多いほど往復は減るが、読んだ行を受け取るあいだ、ほかの仕事を待たせる
_BATCH: Final = 250

Progress = Callable[[int], None]
"""ここまで確かめた、と番号を知らせる先。"""


def _untold(position: int) -> None:
    del position


@dataclass(frozen=True, slots=True)
class Verification:
    """確かめた結果。

    Attributes:
        start: ここから確かめた。番号 0 でなければ、保存期間を過ぎて消した分の錨。
        head: ここまで合っていた。よそに控えておけば、後で末尾が切られても分かる。
        unchained: まだつないでいない記録の数。
        fault: 最初の乱れ。
    """

    start: Head
    head: Head
    unchained: int
    fault: Fault | None


class ChainCheck:
    """一つずつ受け取り、続きであることを確かめる。"""

    def __init__(self, start: Head, kept: Head | None = None) -> None:
        """``kept`` は、よそに控えておいた先。通り過ぎるときに比べる。"""
        self.start = start
        self.head = start
        self._kept = kept

    def feed(self, links: Sequence[StoredLink]) -> Fault | None:
        """続きの分。最初の乱れで止まる。"""
        return next((fault for fault in map(self._fault_of, links) if fault is not None), None)

    def _fault_of(self, link: StoredLink) -> Fault | None:
        expected = self.head.position + 1
        if link.position != expected:
            detail = f"The chain goes from {self.head.position} to {link.position}."
            return Fault(FaultCode.GAP, expected, link.event_id, detail)
        if link.event is None:
            detail = f"Event {link.event_id} has been deleted."
            return Fault(FaultCode.MISSING, expected, link.event_id, detail)
        if digest(self.head.hash, expected, plain(link.event)) != link.hash:
            detail = f"Event {link.event_id} does not match its hash: it was edited, inserted or moved."
            return Fault(FaultCode.EDITED, expected, link.event_id, detail)
        self.head = Head(expected, link.hash)
        return self._differs_from_kept(link.event_id)

    def missing_kept(self) -> Fault | None:
        """控えた先に、とうとう届かなかったか。"""
        if self._kept is None or self._kept.position <= self.head.position:
            return None
        detail = f"The chain ends at {self.head.position}, before the kept position {self._kept.position}."
        return Fault(FaultCode.CUT, self._kept.position, None, detail)

    def _differs_from_kept(self, event_id: int) -> Fault | None:
        if self._kept is None or self._kept.position != self.head.position or self._kept == self.head:
            return None
        detail = f"The hash at {self.head.position} is not the one that was kept."
        return Fault(FaultCode.CUT, self.head.position, event_id, detail)


class Verifier:
    def __init__(self, transactions: Transactions[AuditTx]) -> None:
        self._transactions = transactions

    async def run(self, kept: Head | None = None, progress: Progress = _untold) -> Verification:
        """全部を確かめる。ハッシュの計算は別のスレッドでし、そのあいだに次の分を読む。"""
        while True:
            anchor = await self._anchor()
            result = await self._walk(ChainCheck(anchor or START, kept), anchor, progress)
            # 確かめているあいだに古い分が消されたなら、乱れに見える。新しい錨からやり直す
            if result.fault is None or await self._anchor() == anchor:
                return result

    async def _links_after(self, position: int) -> Sequence[StoredLink]:
        async with self._transactions.look() as tx:
            return await tx.audit_chain.links_after(position, _BATCH)

    async def _anchor(self) -> Head | None:
        async with self._transactions.look() as tx:
            return await tx.audit_chain.anchor()

    async def _walk(self, check: ChainCheck, anchor: Head | None, progress: Progress) -> Verification:
        fault = await self._unrecorded(anchor)
        links = await self._links_after(check.head.position)
        while links and fault is None:
            async with asyncio.TaskGroup() as group:
                checking = group.create_task(asyncio.to_thread(check.feed, links), name="audit-check")
                reading = group.create_task(self._links_after(links[-1].position), name="audit-read")
            fault, links = checking.result(), reading.result()
            progress(check.head.position)
        async with self._transactions.look() as tx:
            unchained = await tx.audit_chain.waiting_count()
            fault = fault or check.missing_kept() or _outside(await tx.audit_chain.unqueued())
        return Verification(check.start, check.head, unchained, fault)

    async def _unrecorded(self, anchor: Head | None) -> Fault | None:
        if anchor is None:
            return None
        async with self._transactions.look() as tx:
            if await tx.audit_chain.anchor_recorded(anchor):
                return None
        detail = (
            f"Events up to {anchor.position} are gone, and no event says that the retention removed them."
        )
        return Fault(FaultCode.ANCHOR, anchor.position, None, detail)


def _outside(event_id: int | None) -> Fault | None:
    if event_id is None:
        return None
    detail = f"Event {event_id} is neither in the chain nor waiting for it."
    return Fault(FaultCode.UNQUEUED, None, event_id, detail)
