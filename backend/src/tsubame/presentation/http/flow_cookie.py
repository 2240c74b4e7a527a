"""外のログインの途中の Cookie。提供者から戻ったあと、画面が自分で送るので Strict のままでよい。"""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from tsubame.business.auth.providers import FLOW_LIFETIME
from tsubame.presentation.http.session_cookie import host_bound_name, host_bound_path, is_secure

NAME: Final = "tsubame_sso"
PATH: Final = "/api/v1/auth/sso"


def read(request: Request, *, always_secure: bool) -> str | None:
    secure = is_secure(request, always_secure=always_secure)
    return request.cookies.get(host_bound_name(request, NAME, secure=secure))


def write(request: Request, response: Response, value: str, *, always_secure: bool) -> None:
    secure = is_secure(request, always_secure=always_secure)
    response.set_cookie(
        host_bound_name(request, NAME, secure=secure),
        value,
        max_age=int(FLOW_LIFETIME.total_seconds()),
        path=host_bound_path(PATH, secure=secure),
        secure=secure,
        httponly=True,
        samesite="strict",
    )


def clear(request: Request, response: Response, *, always_secure: bool) -> None:
    secure = is_secure(request, always_secure=always_secure)
    response.delete_cookie(
        host_bound_name(request, NAME, secure=secure),
        path=host_bound_path(PATH, secure=secure),
        secure=secure,
        httponly=True,
        samesite="strict",
    )
