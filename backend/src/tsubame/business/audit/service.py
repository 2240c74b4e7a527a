"""監査記録を読む用件と、保存期間を決める用件。"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace
from typing import Final

from tsubame.business.audit.changes import changes
from tsubame.business.audit.entities import AuditEvent, AuditFilter, ChainState, LinkedEvent
from tsubame.business.audit.ports import AuditTx
from tsubame.business.audit.verification import Verifier
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.errors import BusyError, InvalidInputError
from tsubame.business.shared.paging import MAX_LIMIT, Page, PageRequest
from tsubame.business.shared.permissions import Permission
from tsubame.business.shared.transactions import Transactions

MIN_KEEP_DAYS: Final = 30
"""これより短くは消せない。データベースの側でも守る。"""

_RETRY_AFTER_S: Final = 10


class AuditService:
    def __init__(self, transactions: Transactions[AuditTx]) -> None:
        self._transactions = transactions
        self._verifier = Verifier(transactions)
        self._verifying = asyncio.Lock()
        self._verified: int | None = None

    async def page(self, actor: Actor, where: AuditFilter, request: PageRequest) -> Page[LinkedEvent]:
        """新しい順。プロジェクトだけの管理者には、そのプロジェクトのものだけ。"""
        where = _narrowed(actor, where)
        async with self._transactions.look() as tx:
            return await tx.audit_trail.page(where, request)

    async def pages(self, actor: Actor, where: AuditFilter) -> AsyncGenerator[Sequence[LinkedEvent], None]:
        """全部の頁。頁ごとに読み、あいだに取引を開いたままにしない。"""
        after: tuple[str | int, ...] | None = ()
        while after is not None:
            page = await self.page(actor, where, PageRequest(after, MAX_LIMIT))
            yield page.items
            after = page.next_after

    async def actions(self, actor: Actor) -> list[str]:
        """これまでに残った操作の名前。絞り込みの選択肢。"""
        _narrowed(actor, AuditFilter())
        async with self._transactions.look() as tx:
            return await tx.audit_trail.actions()

    async def state(self, actor: Actor) -> ChainState:
        _narrowed(actor, AuditFilter())
        async with self._transactions.look() as tx:
            return replace(await tx.audit_chain.state(), verifying_position=self._verified)

    async def verify(self, actor: Actor) -> ChainState:
        """今、全部を確かめる。Raises: BusyError(もう確かめている)。"""
        actor.require(Permission.AUDIT_READ)
        if self._verifying.locked():
            raise BusyError("The audit trail is being verified already.", _RETRY_AFTER_S)
        async with self._verifying:
            try:
                result = await self._verifier.run(progress=self._note_progress)
            finally:
                self._verified = None
        details: dict[str, object] = {"position": result.head.position, "hash": result.head.hash.hex()}
        if result.fault is not None:
            details |= {"fault": result.fault.code, "fault_event_id": result.fault.event_id}
        async with self._transactions.begin() as tx:
            await tx.audit_chain.report_check(result.head.position, result.fault)
            await tx.audit.record(AuditEvent(actor, "audit.verified", "audit", None, "chain", details))
            return await tx.audit_chain.state()

    def _note_progress(self, position: int) -> None:
        self._verified = position

    async def set_keep_days(self, actor: Actor, days: int | None) -> ChainState:
        """保存する日数。``None`` なら、いつまでも残す。

        Raises: InvalidInputError(短すぎる)。
        """
        actor.require(Permission.AUDIT_RETAIN)
        if days is not None and days < MIN_KEEP_DAYS:
            raise InvalidInputError.one("keep_days", "too_short", f"Keep at least {MIN_KEEP_DAYS} days.")
        async with self._transactions.begin() as tx:
            before = await tx.audit_chain.set_keep_days(days)
            details = {"changes": changes({"keep_days": before}, {"keep_days": days})}
            await tx.audit.record(
                AuditEvent(actor, "audit.retention_changed", "audit", None, "retention", details)
            )
            return await tx.audit_chain.state()


def _narrowed(actor: Actor, where: AuditFilter) -> AuditFilter:
    """Raises: PermissionDeniedError(どのプロジェクトの記録も読めない、または求めたものが読めない)。"""
    readable = actor.projects_with(Permission.AUDIT_READ)
    if where.project_id is not None or not readable:
        actor.require(Permission.AUDIT_READ, where.project_id)
    return replace(where, projects=readable)
