"""ログの道。中身は生のバイト列で、文字として読むのは画面だけ。"""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import StreamingResponse

from tsubame.business.executions.log_reading import MAX_LINES, MAX_TIMED_LINES, OpenedLog
from tsubame.business.shared.ids import TargetId
from tsubame.presentation.http.api_model import RowId
from tsubame.presentation.http.byte_ranges import UnsatisfiableRangeError, attachment, parse_range
from tsubame.presentation.http.dependencies import CurrentActor, ServicesDep, paced, problems
from tsubame.presentation.http.errors import problem, respond
from tsubame.presentation.http.pace import DOWNLOAD
from tsubame.presentation.http.schemas.executions import DownloadTicketRead
from tsubame.presentation.http.schemas.logs import LineTimeRead, LogOutlineRead, LogTimesRead

router = APIRouter(tags=["executions"], responses=problems())

_BYTES: Final = "application/octet-stream"
_BINARY: Final[dict[str, Any]] = {"content": {_BYTES: {"schema": {"type": "string", "format": "binary"}}}}
_LINE_HEADERS: Final = {
    name: {"description": description, "schema": {"type": "integer"}}
    for name, description in {
        "X-Log-First-Line": "The number of the first line returned, counted from 1.",
        "X-Log-Line-Count": "How many lines are returned; an unfinished last line counts.",
        "X-Log-First-Byte": "The offset of the first line in the log.",
        "X-Log-Bytes": "The length of the whole log at this moment.",
        "X-Log-Lines": "The number of lines of the whole log at this moment.",
        "X-Log-Truncated-Lines": "1 if a line was too long and has been cut, else 0.",
    }.items()
} | {
    "X-Log-Gap": {
        "description": (
            "The numbers (first-last) of the lines left out of the middle, only when the log was larger"
            " than its limit. Lines after them keep their true numbers. If last is first - 1, no whole"
            " line is missing."
        ),
        "schema": {"type": "string"},
    }
}


@router.get(
    "/targets/{target_id}/log",
    operation_id="getTargetLog",
    response_class=Response,
    responses={
        200: {"description": "The whole log.", **_BINARY},
        206: {"description": "The bytes asked for with Range.", **_BINARY},
        **problems(416),
    },
)
async def get_target_log(
    target_id: RowId,
    actor: CurrentActor,
    services: ServicesDep,
    range_: Annotated[str | None, Header(alias="range")] = None,
    if_range: Annotated[str | None, Header()] = None,
) -> Response:
    """生のバイト列。``Range`` は一つだけ受ける。走っている間の長さは、求めたときのもの。

    省いた真ん中には、そのことを言う一行が入り、``Range`` の位置はそれも入れて数える。
    """
    log = await services.logs.open(actor, TargetId(target_id))
    # 版の印(ETag)を出していないので、If-Range が合うことはない(RFC 9110 13.1.5)
    return _send(log, None if if_range is not None else range_)


@router.get(
    "/targets/{target_id}/log/lines",
    operation_id="getTargetLogLines",
    response_class=Response,
    responses={200: {"description": "The lines as raw bytes.", "headers": _LINE_HEADERS, **_BINARY}},
)
async def get_target_log_lines(
    target_id: RowId,
    actor: CurrentActor,
    services: ServicesDep,
    first_line: Annotated[int, Query(alias="from", ge=1, le=2**62)] = 1,
    count: Annotated[int, Query(ge=1, le=MAX_LINES)] = 1000,
) -> Response:
    """``from`` 行目から ``count`` 行。長すぎる行は切ってあり、改行は残る。

    省いた真ん中から始めると、その次の行から返す。真ん中をまたいでは返さない。
    """
    lines = await services.logs.lines(actor, TargetId(target_id), first_line, count)
    extent = lines.extent
    headers: dict[str, int | str] = {
        "X-Log-First-Line": lines.first_line,
        "X-Log-Line-Count": lines.count,
        "X-Log-First-Byte": lines.first_byte,
        "X-Log-Bytes": extent.bytes,
        "X-Log-Lines": extent.lines,
        "X-Log-Truncated-Lines": int(lines.truncated),
    }
    if extent.gap is not None:
        headers["X-Log-Gap"] = f"{extent.gap.first_line}-{extent.gap.last_line}"
    return Response(
        lines.data, media_type=_BYTES, headers={name: str(value) for name, value in headers.items()}
    )


@router.get("/targets/{target_id}/log/times", operation_id="getTargetLogTimes")
async def get_target_log_times(
    target_id: RowId,
    actor: CurrentActor,
    services: ServicesDep,
    first_line: Annotated[int, Query(alias="from", ge=1, le=2**62)] = 1,
    count: Annotated[int, Query(ge=1, le=MAX_TIMED_LINES)] = 1000,
) -> LogTimesRead:
    """``from`` 行目から ``count`` 行が届き始めた時刻。同じ時刻の続く行は、一つにまとめてある。"""
    times = await services.logs.times(actor, TargetId(target_id), first_line, count)
    return LogTimesRead(marks=[LineTimeRead.model_validate(time) for time in times])


@router.get("/targets/{target_id}/log/marks", operation_id="getTargetLogMarks")
async def get_target_log_marks(
    target_id: RowId, actor: CurrentActor, services: ServicesDep
) -> LogOutlineRead:
    """台本の書いた区切りと注記(GitHub Actions と GitLab CI の書き方)。"""
    return LogOutlineRead.model_validate(await services.logs.outline(actor, TargetId(target_id)))


@router.post(
    "/targets/{target_id}/log/download-ticket",
    status_code=201,
    operation_id="createDownloadTicket",
    dependencies=[paced(DOWNLOAD)],
)
async def create_download_ticket(
    target_id: RowId, actor: CurrentActor, services: ServicesDep
) -> DownloadTicketRead:
    """一度だけ、六十秒だけ使える住所。ブラウザにそのまま開かせる。"""
    ticket = await services.logs.issue_ticket(actor, TargetId(target_id))
    return DownloadTicketRead(url=f"/api/v1/targets/{target_id}/log/download?ticket={ticket}")


@router.get(
    "/targets/{target_id}/log/download",
    operation_id="downloadTargetLog",
    response_class=Response,
    responses={200: {"description": "The whole log as a file.", **_BINARY}},
)
async def download_target_log(
    target_id: RowId, services: ServicesDep, ticket: Annotated[str, Query(max_length=200)]
) -> Response:
    """券と引き換えに、ファイルとして渡す。券が通行証の代わりになる。"""
    log, subject = await services.logs.redeem(TargetId(target_id), ticket)
    response = _send(log, None)
    response.headers["Content-Disposition"] = attachment(
        subject.job_name, str(subject.execution_id), subject.server_name, suffix=".log"
    )
    return response


def _send(log: OpenedLog, range_header: str | None) -> Response:
    size = log.size
    try:
        wanted = parse_range(range_header, size)
    except UnsatisfiableRangeError:
        body = problem(416, "range_not_satisfiable", f"The log has {size} bytes.", params={"bytes": size})
        return respond(body, {"Content-Range": f"bytes */{size}", "Accept-Ranges": "bytes"})
    start, end = (0, size) if wanted is None else (wanted.start, wanted.end)
    headers = {"Accept-Ranges": "bytes"}
    if log.settled:
        headers["Content-Length"] = str(end - start)
    if wanted is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    return StreamingResponse(
        log.read(start, end), 200 if wanted is None else 206, headers=headers, media_type=_BYTES
    )
