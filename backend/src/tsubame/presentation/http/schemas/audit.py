"""監査記録の、API の型。"""

from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from tsubame.business.audit.entities import ChainState, LinkedEvent, Outcome
from tsubame.business.audit.service import MIN_KEEP_DAYS
from tsubame.presentation.http.api_model import ApiInput, ApiModel


class AuditEventRead(ApiModel):
    """``position`` と ``hash`` は鎖の番号とハッシュ。まだつないでいなければ ``null``(一秒のうちに付く)。

    ``details.changes`` は ``{項目: {"from": …, "to": …}}``。秘密の項目は ``"changed"`` とだけ書く。
    """

    id: int
    at: datetime
    actor_id: int | None
    actor_name: str
    token_name: str | None
    address: str
    action: str
    subject_type: str
    subject_id: int | None
    subject_name: str
    project_id: int | None
    outcome: Outcome
    details: dict[str, Any]
    position: int | None
    hash: str | None


class AuditPage(ApiModel):
    items: list[AuditEventRead]
    next_cursor: str | None


class AuditActions(ApiModel):
    items: list[str]


class AuditChainRead(ApiModel):
    """鎖のようす。

    ``removed_up_to`` までは、保存期間を過ぎて消した。``checked_position`` までは、``checked_at`` に確かめた。
    ``fault`` は、そのとき見つけた最初の乱れ。
    """

    events: int
    position: int
    hash: str
    unchained: int
    removed_up_to: int | None
    keep_days: int | None
    checked_at: datetime | None
    checked_position: int | None
    fault: str | None
    fault_event_id: int | None
    verifying_position: int | None
    """応えたプロセスが今確かめている最中なら、ここまで進んだ。"""


class AuditRetentionInput(ApiInput):
    """``null`` なら、いつまでも残す。"""

    keep_days: Annotated[int, Field(ge=MIN_KEEP_DAYS, le=36_500)] | None


def event_read(linked: LinkedEvent) -> AuditEventRead:
    event, link = linked.event, linked.link
    return AuditEventRead(
        id=event.id,
        at=event.at,
        actor_id=event.actor_id,
        actor_name=event.actor_name,
        token_name=event.token_name,
        address=event.address,
        action=event.action,
        subject_type=event.subject_type,
        subject_id=event.subject_id,
        subject_name=event.subject_name,
        project_id=event.project_id,
        outcome=event.outcome,
        details=dict(event.details),
        position=None if link is None else link.position,
        hash=None if link is None else link.hash.hex(),
    )


def chain_read(state: ChainState) -> AuditChainRead:
    return AuditChainRead(
        events=state.events,
        position=state.head.position,
        hash=state.head.hash.hex(),
        unchained=state.unchained,
        removed_up_to=None if state.anchor is None else state.anchor.position,
        keep_days=state.keep_days,
        checked_at=state.checked_at,
        checked_position=state.checked_position,
        fault=state.fault,
        fault_event_id=state.fault_event_id,
        verifying_position=state.verifying_position,
    )
