"""監査記録を書く口と、読む口。"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from psycopg.types.json import Jsonb
from sqlalchemy import Row, Select, Subquery, func, literal, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from tsubame.business.audit.chain import GENESIS
from tsubame.business.audit.entities import (
    AuditEvent,
    AuditFilter,
    Link,
    LinkedEvent,
    Outcome,
    RecordedEvent,
)
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.errors import InvalidInputError
from tsubame.business.shared.ids import ProjectId
from tsubame.business.shared.paging import Page, PageRequest
from tsubame.business.shared.validation import MAX_ROW_ID
from tsubame.data_access.db.at_commit import AtCommit
from tsubame.data_access.db.paging import contains
from tsubame.data_access.tables.audit import audit_anchors, audit_chain, audit_events, words

# 違う操作の名前だけを、索引を跳びながら集める。百万行を数えない
_ACTIONS: Final = text("""
WITH RECURSIVE found AS (
    (SELECT action FROM audit_events ORDER BY action LIMIT 1)
    UNION ALL
    SELECT (SELECT e.action FROM audit_events e WHERE e.action > found.action ORDER BY e.action LIMIT 1)
    FROM found WHERE found.action IS NOT NULL
)
SELECT action FROM found WHERE action IS NOT NULL
""")


# いくつ書いても、下ごしらえの効く同じ一つの文
_RECORD: Final = """
INSERT INTO audit_events (actor_id, actor_name, token_name, address, action, subject_type, subject_id,
                          subject_name, project_id, outcome, details)
SELECT * FROM jsonb_to_recordset(%s) AS event
    (actor_id bigint, actor_name text, token_name text, address text, action text, subject_type text,
     subject_id bigint, subject_name text, project_id bigint, outcome text, details jsonb)
"""


class SqlAuditLog:
    def __init__(self, at_commit: AtCommit) -> None:
        self._at_commit = at_commit

    async def record(self, *events: AuditEvent) -> None:
        self._at_commit.add(_RECORD, Jsonb([_row(event) for event in events]))


class SqlAuditTrail:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def page(self, where: AuditFilter, request: PageRequest) -> Page[LinkedEvent]:
        newest_first = (audit_events.c.at.desc(), audit_events.c.id.desc())
        query = _filtered(select(audit_events), where)
        if request.after:
            query = query.where(tuple_(audit_events.c.at, audit_events.c.id) < tuple_(*_key(request.after)))
        # 一頁を決めてから鎖をつなぐ。先につなぐと、百万行をつなぐ計画が選ばれうる
        shown = query.order_by(*newest_first).limit(request.limit + 1).subquery()
        linked = with_links(shown).order_by(shown.c.at.desc(), shown.c.id.desc())
        found = (await self._connection.execute(linked)).all()
        rows = found[: request.limit]
        next_after = None
        if len(found) > request.limit:
            next_after = (rows[-1].at.astimezone(UTC).isoformat(), rows[-1].id)
        return Page([linked_event(row) for row in rows], next_after)

    async def actions(self) -> list[str]:
        return list((await self._connection.execute(_ACTIONS)).scalars())


def recorded(row: Row[Any]) -> RecordedEvent:
    return RecordedEvent(
        id=row.id,
        at=row.at,
        actor_id=row.actor_id,
        actor_name=row.actor_name,
        token_name=row.token_name,
        address=row.address,
        action=row.action,
        subject_type=row.subject_type,
        subject_id=row.subject_id,
        subject_name=row.subject_name,
        project_id=None if row.project_id is None else ProjectId(row.project_id),
        outcome=Outcome(row.outcome),
        details=row.details,
    )


def actor_columns(actor: Actor) -> dict[str, object]:
    """誰が、どこから。表の列の名前と値。"""
    return {
        "actor_id": actor.user_id,
        "actor_name": _storable(actor.name),
        "token_name": actor.token,
        "address": _storable(actor.address),
    }


def _row(event: AuditEvent) -> dict[str, object]:
    return {
        **actor_columns(event.actor),
        "action": event.action,
        "subject_type": event.subject_type,
        "subject_id": event.subject_id,
        "subject_name": _storable(event.subject_name),
        "project_id": event.project_id,
        "outcome": event.outcome,
        "details": _storable(event.details),
    }


def _storable(value: object) -> object:
    """PostgreSQL が受け取れない文字(NUL、片割れの代理)を置き換える。断った要求の住所などに入りうる。"""
    match value:
        case str():
            return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
        case Mapping():
            return {str(_storable(key)): _storable(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_storable(inner) for inner in value]
        case _:
            return value


def _filtered(query: Select[Any], where: AuditFilter) -> Select[Any]:
    events = audit_events.c
    equal = {
        events.actor_id: where.actor_id,
        events.action: where.action,
        events.subject_type: where.subject_type,
        events.subject_id: where.subject_id,
        events.project_id: where.project_id,
    }
    query = query.where(*(column == value for column, value in equal.items() if value is not None))
    if where.outcome is Outcome.DONE:
        query = query.where(events.outcome == Outcome.DONE)
    elif where.outcome is not None:
        # 部分索引の条件を、そのまま添える。値だけでは、下ごしらえした文で索引を選べない
        query = query.where(events.outcome == where.outcome, text("audit_events.outcome <> 'done'"))
    if where.projects is not None:
        query = query.where(events.project_id == func.any(sorted(where.projects)))
    if where.since is not None:
        query = query.where(events.at >= where.since)
    if where.until is not None:
        query = query.where(events.at < where.until)
    return query.where(contains(where.words, words)) if where.words else query


def linked_event(row: Row[Any]) -> LinkedEvent:
    """``with_links`` の一行。"""
    link = None if row.position is None else Link(row.position, row.previous, row.hash)
    return LinkedEvent(recorded(row), link)


def with_links(shown: Subquery) -> Select[Any]:
    """選んだ記録に、鎖の番号とハッシュ、一つ前のハッシュを添える。"""
    before, anchor = audit_chain.alias("before"), audit_anchors
    previous = func.coalesce(before.c.hash, anchor.c.hash, literal(GENESIS))
    here = audit_chain.c.position - 1
    return (
        select(shown, audit_chain.c.position, audit_chain.c.hash, previous.label("previous"))
        .select_from(shown)
        .outerjoin(audit_chain, audit_chain.c.event_id == shown.c.id)
        .outerjoin(before, before.c.position == here)
        .outerjoin(anchor, anchor.c.position == here)
    )


def _key(after: tuple[str | int, ...]) -> tuple[datetime, int]:
    match after:
        case (str(at), int(row_id)) if abs(row_id) <= MAX_ROW_ID:
            try:
                return datetime.fromisoformat(at).astimezone(UTC), row_id
            except (ValueError, OverflowError):
                pass
    raise InvalidInputError.one("cursor", "invalid_cursor", "This is not a cursor from a previous page.")
