"""ログを探す道。答えは、見つけたそばから流れる。"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, FastAPI, Query, Response

from tsubame.business.executions.log_search import MAX_LIMIT, Part, Search
from tsubame.business.executions.log_search_ports import JobPeriod, SearchQuery
from tsubame.business.shared.ids import ExecutionId, JobId, TargetId
from tsubame.presentation.http.api_model import RowId
from tsubame.presentation.http.dependencies import CurrentActor, ServicesDep, paced, problems
from tsubame.presentation.http.ndjson import NDJSON, NdjsonResponse
from tsubame.presentation.http.pace import LOG_SEARCH
from tsubame.presentation.http.schemas.log_search import (
    SearchEnded,
    SearchMatch,
    SearchMessage,
    SearchPast,
    SearchProgressed,
    SearchTarget,
    search_message,
)

router = APIRouter(tags=["executions"], responses=problems())

_MESSAGES: Final = (SearchMatch, SearchProgressed, SearchPast, SearchTarget, SearchEnded)
_STREAM: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "One JSON message per line, as they are found; the last one has the type `end`.",
        "content": {
            NDJSON: {
                "schema": {"oneOf": [{"$ref": f"#/components/schemas/{one.__name__}"} for one in _MESSAGES]}
            }
        },
    },
}
Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT)]


def search_query(q: str, *, regex: bool = False, case: bool = False, word: bool = False) -> SearchQuery:
    """``regex`` なら RE2 の文法。``case`` は大文字と小文字を分け、``word`` は単語の一部には当てない。"""
    return SearchQuery(q, regex=regex, case=case, word=word)


QueryDep = Annotated[SearchQuery, Depends(search_query)]


def search_part(
    from_byte: Annotated[int, Query(ge=0, le=2**62)] = 0,
    limit: Limit = MAX_LIMIT,
    *,
    count: bool = True,
) -> Part:
    """``count`` が偽なら、``limit`` 行に届いたところでやめる。続きは ``next_byte`` から。"""
    return Part(from_byte, limit, count)


@router.get(
    "/targets/{target_id}/log/search",
    operation_id="searchTargetLog",
    dependencies=[paced(LOG_SEARCH)],
    response_class=Response,
    responses=_STREAM,
)
async def search_target_log(
    target_id: RowId,
    actor: CurrentActor,
    services: ServicesDep,
    query: QueryDep,
    part: Annotated[Part, Depends(search_part)],
) -> Response:
    """一つのログを探す。走っているあいだは、前の ``next_byte`` から探し直せば、増えた行だけが当たる。

    改行のまだ来ていない最後の行は、来てから当たる。``limit`` を超えた当たりは数えるだけにし、どこまでに
    いくつあったかを ``passed`` で知らせる。``count`` が偽なら、数えずにそこでやめる。
    """
    return NdjsonResponse(_lines(await services.log_search.target(actor, TargetId(target_id), query, part)))


@router.get(
    "/executions/{execution_id}/log/search",
    operation_id="searchExecutionLogs",
    dependencies=[paced(LOG_SEARCH)],
    response_class=Response,
    responses=_STREAM,
)
async def search_execution_logs(
    execution_id: RowId, actor: CurrentActor, services: ServicesDep, query: QueryDep, limit: Limit = MAX_LIMIT
) -> Response:
    """実行の対象の全部(やり直しの前の試みも)を、サーバの並びの順に探す。"""
    return NdjsonResponse(
        _lines(await services.log_search.execution(actor, ExecutionId(execution_id), query, limit=limit))
    )


@router.get(
    "/jobs/{job_id}/log/search",
    operation_id="searchJobLogs",
    dependencies=[paced(LOG_SEARCH)],
    response_class=Response,
    responses=_STREAM,
)
async def search_job_logs(
    job_id: RowId,
    actor: CurrentActor,
    services: ServicesDep,
    query: QueryDep,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: Limit = MAX_LIMIT,
) -> Response:
    """頼んだ時刻が ``since`` 以上 ``until`` 未満の実行の全部を、新しい実行から探す。"""
    period = JobPeriod(JobId(job_id), _in_utc(since), _in_utc(until))
    return NdjsonResponse(_lines(await services.log_search.job(actor, period, query, limit=limit)))


def add_search_messages(app: FastAPI) -> None:
    """OpenAPI に行ごとの JSON の書き方がないので、webhooks として型だけを載せる。"""

    @app.webhooks.post("logSearchMessage", operation_id="logSearchMessage", response_model=None)
    def w1(body: SearchMessage) -> None: ...


async def _lines(found: Search) -> AsyncGenerator[bytes, None]:
    async with aclosing(found):
        async for events in found:
            yield b"".join(search_message(event).model_dump_json().encode() + b"\n" for event in events)


def _in_utc(value: datetime | None) -> datetime | None:
    return value.replace(tzinfo=UTC) if value is not None and value.tzinfo is None else value
