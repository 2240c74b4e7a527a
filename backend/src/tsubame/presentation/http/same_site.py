"""よそのサイトの頁からの要求を見分ける。Cookie の SameSite に頼らない、二つ目の鍵。"""

from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

from tsubame.business.shared.errors import PermissionDeniedError
from tsubame.presentation.http.services import HttpServices


class CrossSiteError(PermissionDeniedError):
    """よそのサイトの頁から送られた。"""

    code = "cross_site_request"


def refuse_cross_site(request: HTTPConnection) -> None:
    """Raises: CrossSiteError。"""
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
