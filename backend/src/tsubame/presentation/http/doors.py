"""入口の振り分け: API と見張りの道は API へ、ほかは画面へ。"""

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from tsubame.presentation.http.middleware import API_PREFIX
from tsubame.presentation.http.routes import security_txt

_OURS: Final = frozenset({"/healthz", "/readyz", "/api", security_txt.PATH})


class Doors:
    """画面を道の一つにすると、知らない API の住所や違うメソッドまで、画面が受けてしまう。"""

    def __init__(self, api: ASGIApp, front_end: ASGIApp) -> None:
        self._api = api
        self._front_end = front_end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        is_page = scope["type"] == "http" and not path.startswith(API_PREFIX) and path not in _OURS
        await (self._front_end if is_page else self._api)(scope, receive, send)
