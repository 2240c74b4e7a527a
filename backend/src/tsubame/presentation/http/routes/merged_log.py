"""実行の対象のログを、届いた順に見る道。"""

import base64
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Query

from tsubame.business.executions.merged_log import END, MAX_ROWS, MergeRequest, Moment
from tsubame.business.shared.errors import InvalidInputError
from tsubame.business.shared.ids import ExecutionId, TargetId
from tsubame.business.shared.paging import decode_cursor, encode_cursor
from tsubame.presentation.http.api_model import RowId
from tsubame.presentation.http.dependencies import CurrentActor, ServicesDep, paced, problems
from tsubame.presentation.http.pace import LOG_READING
from tsubame.presentation.http.schemas.merged_log import MergedLogRead, MergedRowRead

router = APIRouter(tags=["executions"], responses=problems())

_MOST_TARGETS: Final = 1000


@router.get(
    "/executions/{execution_id}/log/merged", operation_id="getMergedLog", dependencies=[paced(LOG_READING)]
)
async def get_merged_log(
    execution_id: RowId,
    actor: CurrentActor,
    services: ServicesDep,
    *,
    cursor: str | None = None,
    count: Annotated[int, Query(ge=1, le=MAX_ROWS)] = 500,
    direction: Literal["forward", "backward"] = "forward",
    target_ids: Annotated[list[RowId] | None, Query(max_length=_MOST_TARGETS)] = None,
) -> MergedLogRead:
    """``cursor`` の後(``backward`` なら前)の行を、届いた時刻・対象・行の順に。

    ``cursor`` を省けば、先頭(``backward`` なら末尾)から。``target_ids`` は繰り返して並べる。
    走っているあいだは ``after`` がいつもあり、そこから求め直せば、増えた行が来る。
    """
    request = MergeRequest(
        _moment(cursor), count, direction == "backward", tuple(map(TargetId, target_ids or ()))
    )
    merged = await services.merged_logs.rows(actor, ExecutionId(execution_id), request)
    rows = [
        MergedRowRead(
            target_id=row.at.target_id,
            line=row.at.line,
            at_ms=row.at.at_ms,
            data=base64.b64encode(row.data).decode(),
        )
        for row in merged.rows
    ]
    return MergedLogRead(rows=rows, before=_cursor(merged.before), after=_cursor(merged.after))


def _cursor(moment: Moment | None) -> str | None:
    return None if moment is None else encode_cursor((moment.at_ms, moment.target_id, moment.line))


def _moment(cursor: str | None) -> Moment | None:
    """Raises: InvalidInputError。"""
    match decode_cursor(cursor):
        case ():
            return None
        case (int(at_ms), int(target_id), int(line)) if min(at_ms, target_id, line) >= 0:
            moment = Moment(at_ms, TargetId(target_id), line)
            if at_ms < END.at_ms and moment < END and max(target_id, line) < END.line:
                return moment
    raise InvalidInputError.one("cursor", "invalid_cursor", "This is not a cursor from a previous page.")
