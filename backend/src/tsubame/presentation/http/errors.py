"""失敗を RFC 9457 の ``application/problem+json`` にする。番号との対応は、この一つの表だけ。"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from tsubame.business.audit.refusals import Refusals
from tsubame.business.auth.errors import ChallengeEndedError, SetupTokenError
from tsubame.business.auth.provider_errors import ProviderProblem, SsoRefusedError
from tsubame.business.servers.errors import ConnectionProblem
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.errors import (
    AuthenticationError,
    BusyError,
    ConflictError,
    DomainError,
    FieldError,
    InvalidInputError,
    NotFoundError,
    PermissionDeniedError,
    UnavailableError,
    VersionConflictError,
)
from tsubame.business.users.errors import InvitationInvalidError

STATUS_BY_ERROR: Final[Mapping[type[DomainError], int]] = {
    InvalidInputError: HTTPStatus.UNPROCESSABLE_ENTITY,
    AuthenticationError: HTTPStatus.UNAUTHORIZED,
    # 通行証の話ではないので、画面が取り直しを試みないよう 401 にしない
    SetupTokenError: HTTPStatus.FORBIDDEN,
    ChallengeEndedError: HTTPStatus.FORBIDDEN,
    InvitationInvalidError: HTTPStatus.FORBIDDEN,
    SsoRefusedError: HTTPStatus.FORBIDDEN,
    PermissionDeniedError: HTTPStatus.FORBIDDEN,
    NotFoundError: HTTPStatus.NOT_FOUND,
    ConflictError: HTTPStatus.CONFLICT,
    VersionConflictError: HTTPStatus.PRECONDITION_FAILED,
    # 相手のサーバの事情。502 にすると、手前の逆プロキシが自分の誤りの頁に差し替えてしまう
    ConnectionProblem: HTTPStatus.CONFLICT,
    ProviderProblem: HTTPStatus.CONFLICT,
    UnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
    BusyError: HTTPStatus.TOO_MANY_REQUESTS,
}
"""いちばん近い親の行を使う。"""

PROBLEM_JSON: Final = "application/problem+json"

_CODE_BY_STATUS: Final[Mapping[int, tuple[str, str]]] = {
    400: ("malformed_body", "The body is not valid JSON in UTF-8."),
    404: ("route_not_found", "There is no such address in this API."),
    405: ("method_not_allowed", "This address does not take this method."),
    413: ("body_too_large", "The body is too large."),
}


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    params: Mapping[str, str | int] | None = None,
    errors: Sequence[FieldError] = (),
) -> dict[str, Any]:
    """問題の本文。形は ``schemas.common.Problem``。"""
    return {
        "type": f"urn:tsubame:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "detail": detail,
        "code": code,
        "params": dict(params or {}),
        "errors": [
            {
                "field": error.field,
                "code": error.code,
                "message": error.message,
                "params": dict(error.params),
            }
            for error in errors
        ],
    }


def respond(body: dict[str, Any], headers: Mapping[str, str] | None = None) -> JSONResponse:
    return JSONResponse(body, status_code=body["status"], media_type=PROBLEM_JSON, headers=headers)


def status_of(error: DomainError) -> int:
    for ancestor in type(error).__mro__:
        if ancestor in STATUS_BY_ERROR:
            return STATUS_BY_ERROR[ancestor]
    return HTTPStatus.INTERNAL_SERVER_ERROR


def install(app: FastAPI) -> None:
    app.add_exception_handler(DomainError, _domain_error)
    app.add_exception_handler(RequestValidationError, _invalid_request)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(Exception, _unexpected)


async def _domain_error(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, DomainError):  # 登録の型が Exception なので、狭める
        raise error
    status = status_of(error)
    if is_refusal(error):
        await _note_refusal(request, error)
    fields = error.errors if isinstance(error, InvalidInputError) else ()
    body = problem(status, error.code, error.detail, params=error.params, errors=fields)
    request.state.refused = error.code
    return respond(body, _headers(error, status))


def is_refusal(error: DomainError) -> bool:
    """権限か身元が足りずに断ったか。読めない物は、はじめから見えない物として「ない」と答えるので、含まない。"""
    return status_of(error) == HTTPStatus.FORBIDDEN


async def _note_refusal(request: Request, error: DomainError) -> None:
    """断ったことを監査に残す。HTTP で断る道は、どれもここを通る。"""
    refusals: Refusals = request.app.state.services.refusals
    address = request.client.host if request.client is not None else ""
    # 名乗る前に断ったとき(よその頁からのログインなど)は、だれかを知らない
    actor: Actor = getattr(request.state, "actor", None) or Actor(None, "", None, address=address)
    path = request.scope["path"]
    await refusals.note(actor, f"{request.method} {_template(path, request.path_params)}", path, error)


def _template(path: str, params: Mapping[str, str]) -> str:
    """``/api/v1/jobs/7`` → ``/api/v1/jobs/{job_id}``。route は、取り込んだ先の前置きを知らない。"""
    names = {value: name for name, value in params.items()}
    return "/".join(f"{{{names[part]}}}" if part in names else part for part in path.split("/"))


def _headers(error: DomainError, status: int) -> Mapping[str, str] | None:
    if isinstance(error, BusyError):
        return {"Retry-After": str(error.retry_after_s)}
    return {"WWW-Authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else None


async def _invalid_request(request: Request, error: Exception) -> JSONResponse:
    """型の検査で落ちた入力。送られた値は返さない(秘密かもしれない)。"""
    if not isinstance(error, RequestValidationError):
        raise error
    request.state.refused = InvalidInputError.code
    found = error.errors()
    if any(item["type"] == "json_invalid" for item in found):
        return respond(problem(400, *_CODE_BY_STATUS[400]))
    fields = [FieldError(_field(item["loc"]), item["type"], item["msg"]) for item in found]
    invalid = InvalidInputError(fields)
    return respond(problem(422, invalid.code, invalid.detail, errors=fields))


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException):
        raise error
    code, detail = _CODE_BY_STATUS.get(error.status_code, ("http_error", str(error.detail)))
    request.state.refused = code
    return respond(problem(error.status_code, code, detail), error.headers)


async def _unexpected(request: Request, _: Exception) -> JSONResponse:
    """予期しない失敗。中身は記録にだけ残し、利用者には照合のための番号を渡す。"""
    request_id = str(request.scope.get("state", {}).get("request_id", ""))
    detail = f"Something went wrong inside tsubame-ci. Tell your administrator this number: {request_id}"
    return respond(problem(500, "internal_error", detail, params={"request_id": request_id}))


def _field(location: Sequence[str | int]) -> str:
    """``("body", "env", "A")`` → ``env.A``。"""
    parts = [str(part) for part in location]
    return ".".join(parts[1:]) or parts[0]
