"""更新券の Cookie。JavaScript からは読めず、よそのサイトからは送られず、認証の道にだけ届く。"""

from datetime import UTC, datetime
from typing import Final
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from tsubame.business.auth.entities import RefreshToken
from tsubame.business.shared.errors import PermissionDeniedError
from tsubame.presentation.http.services import HttpServices

NAME: Final = "tsubame_refresh"
PATH: Final = "/api/v1/auth"


class CrossSiteError(PermissionDeniedError):
    """よそのサイトの頁から送られた。"""

    code = "cross_site_request"


def read(request: Request, *, always_secure: bool) -> str | None:
    secure = is_secure(request, always_secure=always_secure)
    return request.cookies.get(host_bound_name(request, NAME, secure=secure))


def write(request: Request, response: Response, token: RefreshToken, *, always_secure: bool) -> None:
    secure = is_secure(request, always_secure=always_secure)
    response.set_cookie(
        host_bound_name(request, NAME, secure=secure),
        token.value,
        max_age=max(0, int((token.expires_at - datetime.now(UTC)).total_seconds())),
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
    services: HttpServices = connection.app.state.services
    if origin is not None and origin == services.site.public_origin:
        # 逆プロキシが Host を書き換えても、決めてある URL の頁は自分の頁
        return True
    # X-Forwarded-Host は、よその頁からは付けられない(付けると事前確認で止まる)
    hosts = {connection.headers.get("host"), connection.headers.get("x-forwarded-host")}
    return origin is None or urlsplit(origin).netloc in hosts


def host_bound_name(request: HTTPConnection, base: str, *, secure: bool) -> str:
    """Cookie は口の番号を区別しない。同じ名前の機械の二つの設置が、互いの券を消さないよう名前に入れる。

    ``__Host-`` の付いた Cookie は、同じ機械の https の頁しか書けない(RFC 6265bis)。
    隣の名前のサイトが差し込めない。
    """
    _, separator, port = request.headers.get("host", "").rpartition(":")
    name = f"__Host-{base}" if secure else base
    return f"{name}_{port}" if separator and port.isdecimal() else name


def host_bound_path(narrow: str, *, secure: bool) -> str:
    # __Host- は / でなければならない。守りとしては、届く道の狭さより、差し込まれないことのほうが強い
    return "/" if secure else narrow


def is_secure(request: HTTPConnection, *, always_secure: bool) -> bool:
    return always_secure or request.url.scheme == "https"
