"""更新券の Cookie。JavaScript からは読めず、よそのサイトからは送られず、認証の道にだけ届く。"""

from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from tsubame.business.auth.entities import RefreshToken
from tsubame.business.shared.errors import PermissionDeniedError

NAME: Final = "tsubame_refresh"
PATH: Final = "/api/v1/auth"


class CrossSiteError(PermissionDeniedError):
    """よそのサイトの頁から送られた。"""

    code = "cross_site_request"


def read(request: Request) -> str | None:
    return request.cookies.get(NAME)


def write(request: Request, response: Response, token: RefreshToken, *, always_secure: bool) -> None:
    response.set_cookie(
        NAME,
        token.value,
        max_age=max(0, int((token.expires_at - datetime.now(UTC)).total_seconds())),
        path=PATH,
        secure=_secure(request, always_secure=always_secure),
        httponly=True,
        samesite="strict",
    )


def clear(request: Request, response: Response, *, always_secure: bool) -> None:
    response.delete_cookie(
        NAME,
        path=PATH,
        secure=_secure(request, always_secure=always_secure),
        httponly=True,
        samesite="strict",
    )


def refuse_cross_site(request: HTTPConnection) -> None:
    """よそのサイトの頁からの要求を断る。Cookie の SameSite に頼らない、二つ目の鍵。

    Raises: CrossSiteError。
    """
    if not is_same_site(request):
        raise CrossSiteError("This request came from another site's page.")


def is_same_site(connection: HTTPConnection) -> bool:
    """同じサイトの頁からか。ブラウザでない相手(curl など)は、どの見出しも送らないので通る。"""
    site = connection.headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = connection.headers.get("origin")
    # X-Forwarded-Host は、よその頁からは付けられない(付けると事前確認で止まる)
    hosts = {connection.headers.get("host"), connection.headers.get("x-forwarded-host")}
    return origin is None or urlsplit(origin).netloc in hosts


def _secure(request: Request, *, always_secure: bool) -> bool:
    return always_secure or request.url.scheme == "https"
