"""「前に入った端末」の印の Cookie。これで入れはしない。間違いの数え先が、ほかの人と別になるだけ。"""

from typing import Final

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from tsubame.presentation.http.session_cookie import PATH, host_bound_name, host_bound_path, is_secure

NAME: Final = "tsubame_device"
_LIFETIME_S: Final = 365 * 86_400
_LONGEST: Final = 200


def read(request: HTTPConnection, *, always_secure: bool) -> str:
    """なければ空。"""
    secure = is_secure(request, always_secure=always_secure)
    return request.cookies.get(host_bound_name(request, NAME, secure=secure), "")[:_LONGEST]


def write(request: Request, response: Response, mark: str, *, always_secure: bool) -> None:
    secure = is_secure(request, always_secure=always_secure)
    response.set_cookie(
        host_bound_name(request, NAME, secure=secure),
        mark,
        max_age=_LIFETIME_S,
        path=host_bound_path(PATH, secure=secure),
        secure=secure,
        httponly=True,
        samesite="strict",
    )
