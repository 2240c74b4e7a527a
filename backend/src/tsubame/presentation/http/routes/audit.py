"""監査記録の道。"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from tsubame.business.audit.entities import AuditFilter, LinkedEvent, Outcome
from tsubame.business.audit.exports import export_line
from tsubame.business.shared.ids import ProjectId
from tsubame.business.shared.paging import encode_cursor
from tsubame.presentation.http.api_model import RowId
from tsubame.presentation.http.byte_ranges import attachment
from tsubame.presentation.http.dependencies import CurrentActor, PageDep, ServicesDep, paced, problems
from tsubame.presentation.http.ndjson import NDJSON, NdjsonResponse
from tsubame.presentation.http.pace import WHOLE_AUDIT
from tsubame.presentation.http.schemas.audit import (
    AuditActions,
    AuditChainRead,
    AuditPage,
    AuditRetentionInput,
    chain_read,
    event_read,
)

router = APIRouter(prefix="/audit", tags=["audit"], responses=problems())
_Words = Annotated[str, Query(max_length=200)]
_Name = Annotated[str | None, Query(max_length=100)]


def time_range(
    since: Annotated[datetime | None, Query(alias="from")] = None,
    until: Annotated[datetime | None, Query(alias="to")] = None,
) -> tuple[datetime | None, datetime | None]:
    """``from`` 以上、``to`` 未満。帯のない時刻は協定世界時とみなす。"""
    return _in_utc(since), _in_utc(until)


def audit_filter(  # noqa: PLR0917  問い合わせの項目
    q: _Words = "",
    actor_id: RowId | None = None,
    action: _Name = None,
    subject_type: _Name = None,
    subject_id: RowId | None = None,
    project_id: RowId | None = None,
    outcome: Outcome | None = None,
    between: Annotated[tuple[datetime | None, datetime | None], Depends(time_range)] = (None, None),
) -> AuditFilter:
    """絞り込み。``q`` は、人・操作・物の名前・住所の部分一致。"""
    return AuditFilter(
        words=q.strip(),
        actor_id=actor_id,
        action=action,
        subject_type=subject_type,
        subject_id=subject_id,
        project_id=None if project_id is None else ProjectId(project_id),
        outcome=outcome,
        since=between[0],
        until=between[1],
    )


FilterDep = Annotated[AuditFilter, Depends(audit_filter)]


@router.get("", operation_id="listAuditEvents")
async def list_events(
    actor: CurrentActor, where: FilterDep, page: PageDep, services: ServicesDep
) -> AuditPage:
    """新しい順。プロジェクトだけの管理者には、そのプロジェクトのものだけ。"""
    found = await services.audit.page(actor, where, page)
    return AuditPage(
        items=[event_read(linked) for linked in found.items], next_cursor=encode_cursor(found.next_after)
    )


@router.get("/actions", operation_id="listAuditActions")
async def list_actions(actor: CurrentActor, services: ServicesDep) -> AuditActions:
    """これまでに残った操作の名前。"""
    return AuditActions(items=await services.audit.actions(actor))


@router.get(
    "/export",
    operation_id="exportAuditEvents",
    dependencies=[paced(WHOLE_AUDIT)],
    response_class=Response,
    responses={200: {"content": {NDJSON: {}}, "description": "一行に一つの記録。新しい順。"}},
)
async def export_events(actor: CurrentActor, where: FilterDep, services: ServicesDep) -> NdjsonResponse:
    """絞り込んだ全部を、鎖のハッシュとともに、できたそばから送る。"""
    pages = services.audit.pages(actor, where)
    # 断るなら、送り始める前に
    first = await anext(pages)

    async def lines() -> AsyncGenerator[bytes, None]:
        async with aclosing(pages):
            yield _lines(first)
            async for page in pages:
                yield _lines(page)

    answer = NdjsonResponse(lines())
    answer.headers["Content-Disposition"] = attachment("audit", suffix=".jsonl")
    return answer


@router.get("/chain", operation_id="getAuditChain")
async def get_chain(actor: CurrentActor, services: ServicesDep) -> AuditChainRead:
    return chain_read(await services.audit.state(actor))


@router.post("/verification", operation_id="verifyAuditChain", dependencies=[paced(WHOLE_AUDIT)])
async def verify_chain(actor: CurrentActor, services: ServicesDep) -> AuditChainRead:
    """今、鎖の全部を確かめる。百万の記録で一分ほどかかる。進みは ``GET /audit/chain`` で見える。"""
    return chain_read(await services.audit.verify(actor))


@router.put("/retention", operation_id="setAuditRetention")
async def set_retention(
    body: AuditRetentionInput, actor: CurrentActor, services: ServicesDep
) -> AuditChainRead:
    """残す日数。三十日より短くはできない。"""
    return chain_read(await services.audit.set_keep_days(actor, body.keep_days))


def _lines(page: Sequence[LinkedEvent]) -> bytes:
    return "".join(export_line(linked) for linked in page).encode()


def _in_utc(value: datetime | None) -> datetime | None:
    return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value
