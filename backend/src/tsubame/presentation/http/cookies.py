"""三つの Cookie。JavaScript からは読めず、よそのサイトからは送られず、認証の道にだけ届く。"""

from dataclasses import dataclass
from typing import Final

from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from tsubame.presentation.http.services import HttpServices


@dataclass(frozen=True, slots=True)
class Cookie:
    """``path`` は http の設置で届く道。https では ``__Host-`` を付けるので、``/`` でなければならない。

    ``__Host-`` の付いた Cookie は、同じ機械の https の頁しか書けない(RFC 6265bis)。隣の名前のサイトが
    差し込めないことのほうが、届く道の狭さより強い守りになる。
    """

    name: str
    path: str

    def read(self, connection: HTTPConnection) -> str:
        """なければ空。"""
        return connection.cookies.get(self._name_on(connection), "")

    def write(self, request: Request, response: Response, value: str, lifetime_s: int) -> None:
        secure = _is_secure(request)
        response.set_cookie(
            self._name_on(request),
            value,
            max_age=lifetime_s,
            path="/" if secure else self.path,
            secure=secure,
            httponly=True,
            samesite="strict",
        )

    def clear(self, request: Request, response: Response) -> None:
        secure = _is_secure(request)
        response.delete_cookie(
            self._name_on(request),
            path="/" if secure else self.path,
            secure=secure,
            httponly=True,
            samesite="strict",
        )

    def _name_on(self, connection: HTTPConnection) -> str:
        """Cookie は口の番号を区別しない。同じ名前の機械の二つの設置が、互いの券を消さないよう名に入れる。"""
        _, separator, port = connection.headers.get("host", "").rpartition(":")
        name = f"__Host-{self.name}" if _is_secure(connection) else self.name
        return f"{name}_{port}" if separator and port.isdecimal() else name


REFRESH: Final = Cookie("tsubame_refresh", "/api/v1/auth")
"""更新券。"""
DEVICE: Final = Cookie("tsubame_device", "/api/v1/auth")
"""「前に入った端末」の印。これで入れはしない。間違いの数え先が、ほかの人と別になるだけ。"""
FLOW: Final = Cookie("tsubame_sso", "/api/v1/auth/sso")
"""外のログインの途中。提供者から戻ったあと、画面が自分で送るので Strict のままでよい。"""


def _is_secure(connection: HTTPConnection) -> bool:
    services: HttpServices = connection.app.state.services
    return services.secure_cookies or connection.url.scheme == "https"
