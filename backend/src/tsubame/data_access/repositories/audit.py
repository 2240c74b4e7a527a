from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from tsubame.business.audit.entities import AuditEvent
from tsubame.data_access.tables.audit import audit_events


class SqlAuditLog:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def record(self, event: AuditEvent) -> None:
        await self._connection.execute(
            insert(audit_events).values(
                actor_id=event.actor.user_id,
                actor_name=event.actor.name,
                action=event.action,
                subject_type=event.subject_type,
                subject_id=event.subject_id,
                subject_name=event.subject_name,
                details=dict(event.details),
            )
        )
