"""監査記録の鎖の、行の側。"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tsubame.business.audit.chain import START
from tsubame.business.audit.entities import (
    ChainState,
    Fault,
    Head,
    LinkedEvent,
    RecordedEvent,
    StoredLink,
)
from tsubame.data_access.repositories.audit import linked_event, recorded, with_links
from tsubame.data_access.tables.audit import (
    audit_anchors,
    audit_chain,
    audit_events,
    audit_state,
    audit_unchained,
)

# 「tsaudt」の ASCII
_TURN: Final = 0x74_73_61_75_64_74
_TAKE_TURN: Final = text("SELECT pg_try_advisory_xact_lock(:key)")
_UNQUEUED: Final = text("""
SELECT min(e.id) FROM audit_events e
WHERE NOT EXISTS (SELECT FROM audit_chain c WHERE c.event_id = e.id)
    AND NOT EXISTS (SELECT FROM audit_unchained u WHERE u.event_id = e.id)
""")
_EXPIRE: Final = text("SELECT expire_audit_events(:at_most)")
_ANCHOR_RECORDED: Final = text("""
SELECT EXISTS (
    SELECT FROM audit_events
    WHERE action = 'audit.expired'
        AND details @> jsonb_build_object('position', CAST(:position AS bigint), 'hash', CAST(:hash AS text))
)
""")


class SqlAuditChain:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def take_turn(self) -> bool:
        return bool((await self._connection.execute(_TAKE_TURN, {"key": _TURN})).scalar_one())

    async def head(self) -> Head:
        last = select(audit_chain.c.position, audit_chain.c.hash).order_by(audit_chain.c.position.desc())
        row = (await self._connection.execute(last.limit(1))).one_or_none()
        if row is not None:
            return Head(row.position, row.hash)
        return await self.anchor() or START

    async def anchor(self) -> Head | None:
        last = select(audit_anchors.c.position, audit_anchors.c.hash).order_by(
            audit_anchors.c.position.desc()
        )
        row = (await self._connection.execute(last.limit(1))).one_or_none()
        return None if row is None else Head(row.position, row.hash)

    async def anchor_recorded(self, anchor: Head) -> bool:
        values = {"position": anchor.position, "hash": anchor.hash.hex()}
        return bool((await self._connection.execute(_ANCHOR_RECORDED, values)).scalar_one())

    async def waiting(self, limit: int) -> list[RecordedEvent]:
        query = (
            select(audit_events)
            .join(audit_unchained, audit_unchained.c.event_id == audit_events.c.id)
            .order_by(audit_events.c.id)
            .limit(limit)
        )
        return [recorded(row) for row in await self._connection.execute(query)]

    async def append(self, linked: Sequence[LinkedEvent]) -> None:
        rows = [
            {"position": each.link.position, "event_id": each.event.id, "hash": each.link.hash}
            for each in linked
            if each.link is not None
        ]
        if rows:
            await self._connection.execute(insert(audit_chain), rows)
            done = [row["event_id"] for row in rows]
            await self._connection.execute(
                delete(audit_unchained).where(audit_unchained.c.event_id == func.any(done))
            )

    async def links_after(self, position: int, limit: int) -> list[StoredLink]:
        query = (
            select(audit_events, audit_chain)
            .select_from(audit_chain)
            .outerjoin(audit_events, audit_events.c.id == audit_chain.c.event_id)
            .where(audit_chain.c.position > position)
            .order_by(audit_chain.c.position)
            .limit(limit)
        )
        return [
            StoredLink(row.position, row.event_id, row.hash, None if row.id is None else recorded(row))
            for row in await self._connection.execute(query)
        ]

    async def linked(self, first: int, last: int) -> list[LinkedEvent]:
        chosen = (
            select(audit_events)
            .join(audit_chain, audit_chain.c.event_id == audit_events.c.id)
            .where(audit_chain.c.position.between(first, last))
            .subquery()
        )
        found = await self._connection.execute(with_links(chosen).order_by(audit_chain.c.position))
        return [linked_event(row) for row in found]

    async def unqueued(self) -> int | None:
        found: int | None = (await self._connection.execute(_UNQUEUED)).scalar_one()
        return found

    async def waiting_count(self) -> int:
        count = select(func.count()).select_from(audit_unchained)
        return (await self._connection.execute(count)).scalar_one()

    async def span(self, since: datetime | None, until: datetime | None) -> tuple[int, int] | None:
        position = audit_chain.c.position
        query = select(func.min(position).label("first"), func.max(position).label("last")).join_from(
            audit_chain, audit_events, audit_events.c.id == audit_chain.c.event_id
        )
        if since is not None:
            query = query.where(audit_events.c.at >= since)
        if until is not None:
            query = query.where(audit_events.c.at < until)
        row = (await self._connection.execute(query)).one()
        return None if row.first is None else (row.first, row.last)

    async def expire(self, at_most: int) -> int:
        gone: int = (await self._connection.execute(_EXPIRE, {"at_most": at_most})).scalar_one()
        return gone

    async def state(self) -> ChainState:
        head, anchor, unchained = await self.head(), await self.anchor(), await self.waiting_count()
        row = (await self._connection.execute(select(audit_state))).one()
        return ChainState(
            head=head,
            # 数えない。番号は欠けずに続くので、引き算で分かる
            events=head.position - (0 if anchor is None else anchor.position) + unchained,
            unchained=unchained,
            anchor=anchor,
            keep_days=row.keep_days,
            checked_at=row.checked_at,
            checked_position=row.checked_position,
            fault=row.fault,
            fault_event_id=row.fault_event_id,
        )

    async def report_check(self, position: int, fault: Fault | None) -> None:
        await self._connection.execute(
            update(audit_state).values(
                checked_at=func.now(),
                checked_position=position,
                fault=None if fault is None else fault.code,
                fault_event_id=None if fault is None else fault.event_id,
            )
        )

    async def set_keep_days(self, days: int | None) -> int | None:
        row = (await self._connection.execute(select(audit_state.c.keep_days).with_for_update())).one()
        await self._connection.execute(update(audit_state).values(keep_days=days))
        before: int | None = row.keep_days
        return before
