"""HTTP の外側の皮(純粋な ASGI)。WebSocket と起動・終了の合図は、そのまま通す。"""

import secrets
import time
from http import HTTPStatus
from typing import Any, Final

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tsubame.presentation.http.errors import problem, respond

_PROBES: Final = frozenset({"/healthz", "/readyz"})
API_PREFIX: Final = "/api/"
MAX_BODY_BYTES: Final = 8 * 1024 * 1024

_SECURITY_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
    # 頁でない応答をブラウザが直に開いても、何も読み込ませない。頁は自分の方針を先に付けている
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
_log = structlog.get_logger("tsubame.http")


class RequestRecord:
    """要求ごとに番号を付け、一行の記録を残す。予期しない失敗も、番号とともにここで記録する。"""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id
        began, status = time.monotonic(), 0

        async def send_recorded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, send_recorded)
            except Exception:  # noqa: BLE001  HTTP 500 の唯一の受け口
                # 利用者への応答は、内側の errors._unexpected がもう送った
                _log.exception("request failed", method=scope["method"], path=scope["path"])
            finally:
                # 見出しや問い合わせの文字列は、秘密を含みうるので残さない
                took_ms = round((time.monotonic() - began) * 1000, 1)
                # 見張りは数秒おきに来る。うまくいっているあいだは、ふつうの記録を埋めさせない
                quiet = scope["path"] in _PROBES and status == HTTPStatus.OK
                record = _log.debug if quiet else _log.info
                facts = {"method": scope["method"], "path": scope["path"], "status": status}
                record("request", **facts, took_ms=took_ms, **_refusal(scope))


def _refusal(scope: Scope) -> dict[str, Any]:
    """断ったわけと、だれに。抜けようとする人を、記録を集める道具が見つけられるように(ASVS 16.3.3)。"""
    state = scope["state"]
    if "refused" not in state:
        return {}
    actor, client = state.get("actor"), scope.get("client")
    return {
        "refused": state["refused"],
        "user_id": None if actor is None else actor.user_id,
        "address": "" if client is None else client[0],
    }


class ResponseHeaders:
    """どの応答にも安全のための見出しを付け、API の応答を溜め置かせない。

    ``https_only`` なら、この名前の機械を一年のあいだ https でだけ開かせる(RFC 6797)。
    """

    def __init__(self, app: ASGIApp, *, https_only: bool) -> None:
        self._app = app
        # 下の名前(includeSubDomains)までは決めない。よその持ち物かもしれず、要れば逆プロキシが付けられる
        extra = {"Strict-Transport-Security": "max-age=31536000"} if https_only else {}
        self._headers = _SECURITY_HEADERS | extra

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
                if scope["path"].startswith(API_PREFIX):
                    headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, send_with_headers)


class BodyLimit:
    """大きすぎる本文を、記憶に溜める前に断る。"""

    def __init__(self, app: ASGIApp, max_bytes: int = MAX_BODY_BYTES) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "0")
        if announced.isdecimal() and int(announced) > self._max_bytes:
            refusal = respond(problem(413, "body_too_large", "The body is too large."))
            await refusal(scope, receive, send)
            return
        taken = 0

        async def receive_limited() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._max_bytes:
                # 長さを言わずに送り続ける相手。FastAPI がこの例外を応答に直す
                raise HTTPException(status_code=413)
            return message

        await self._app(scope, receive_limited, send)
