from typing import Protocol

from tsubame.business.audit.entities import AuditEvent


class AuditLog(Protocol):
    async def record(self, event: AuditEvent) -> None:
        """同じ取引に書く。操作が取り消されれば記録も残らない。"""
        ...
