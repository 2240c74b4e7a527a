from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from tsubame.business.audit.entities import (
    AuditEvent,
    AuditFilter,
    ChainState,
    Fault,
    Head,
    LinkedEvent,
    RecordedEvent,
    StoredLink,
)
from tsubame.business.shared.paging import Page, PageRequest


class AuditLog(Protocol):
    async def record(self, *events: AuditEvent) -> None:
        """同じ取引に書く。操作が取り消されれば記録も残らない。"""
        ...


class AuditTrail(Protocol):
    """残っている記録を読む口。"""

    async def page(self, where: AuditFilter, request: PageRequest) -> Page[LinkedEvent]:
        """新しい順。Raises: InvalidInputError(作りものの ``cursor``)。"""
        ...

    async def actions(self) -> list[str]:
        """これまでに残った操作の名前。"""
        ...


class AuditChain(Protocol):
    """鎖の口。"""

    async def take_turn(self) -> bool:
        """この取引のあいだ、つなぐ番を取る。ほかの者がつないでいれば偽。"""
        ...

    async def head(self) -> Head: ...

    async def waiting(self, limit: int) -> list[RecordedEvent]:
        """まだつないでいない記録。残った順。"""
        ...

    async def append(self, linked: Sequence[LinkedEvent]) -> None:
        """鎖の先に足し、待ちの列から外す。"""
        ...

    async def links_after(self, position: int, limit: int) -> list[StoredLink]:
        """``position`` より先。番号の順。"""
        ...

    async def linked(self, first: int, last: int) -> list[LinkedEvent]:
        """``first`` から ``last`` まで。番号の順。行が失われた分は飛ばす。"""
        ...

    async def anchor(self) -> Head | None:
        """最新の錨。"""
        ...

    async def anchor_recorded(self, anchor: Head) -> bool:
        """その錨を打ったことが、記録に残っているか。"""
        ...

    async def unqueued(self) -> int | None:
        """鎖にも待ちの列にもない記録の番号。引き金を外して入れられたもの。"""
        ...

    async def waiting_count(self) -> int: ...

    async def span(self, since: datetime | None, until: datetime | None) -> tuple[int, int] | None:
        """その間の記録を全部含む、鎖の番号の範囲(両端を含む)。なければ ``None``。"""
        ...

    async def expire(self, at_most: int) -> int:
        """保存期間を過ぎた記録を、古いほうから消し、錨を打つ。消した数。"""
        ...

    async def state(self) -> ChainState: ...

    async def report_check(self, position: int, fault: Fault | None) -> None: ...

    async def set_keep_days(self, days: int | None) -> int | None:
        """前の日数を返す。"""
        ...


class AuditTx(Protocol):
    """この部屋の用件が使うリポジトリ。"""

    @property
    def audit(self) -> AuditLog: ...

    @property
    def audit_trail(self) -> AuditTrail: ...

    @property
    def audit_chain(self) -> AuditChain: ...
