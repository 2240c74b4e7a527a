"""``tsubame web``: HTTP と WebSocket の、一枚の ASGI アプリケーションを組み上げて動かす。"""

import asyncio
import socket
import sys
from pathlib import Path
from typing import Final

import uvicorn
from fastapi import FastAPI
from starlette.types import ASGIApp

import tsubame
from tsubame.business.auth.setup import FirstAdmin
from tsubame.business.shared.actor import SYSTEM
from tsubame.business.shared.periodic import every
from tsubame.business.shared.secret import Secret
from tsubame.entrypoints.connection_guard import ConnectionLimits
from tsubame.entrypoints.database import database
from tsubame.entrypoints.lifetime import run_until_stopped
from tsubame.entrypoints.settings import Settings
from tsubame.entrypoints.web_server import create_server, listening_socket
from tsubame.entrypoints.wiring import (
    Foundation,
    http_services,
    keep_audit,
    open_foundation,
    stream_ports,
)
from tsubame.presentation.http.application import API_ROOT, create_api
from tsubame.presentation.http.doors import Doors
from tsubame.presentation.http.middleware import BodyLimit, RequestRecord, ResponseHeaders
from tsubame.presentation.http.services import HttpServices
from tsubame.presentation.web.front_end import FrontEnd
from tsubame.presentation.ws import route as stream_route
from tsubame.presentation.ws.openapi import add_stream_messages
from tsubame.presentation.ws.stream import StreamPorts

_SETTLE_S: Final = 15.0


def create_api_with_stream() -> FastAPI:
    """HTTP の道と、WebSocket の文の型。"""
    api = create_api()
    api.include_router(stream_route.router, prefix=API_ROOT)
    add_stream_messages(api)
    return api


def create_http_app(services: HttpServices, stream: StreamPorts, screens: Path) -> ASGIApp:
    """``screens`` は組み上がった画面の置き場(無くても API は動く)。"""
    api = create_api_with_stream()
    api.state.services = services
    api.state.stream = stream
    # 外から順に: 記録(番号)→ 見出し → 大きさ → 振り分け。どの失敗の応答にも番号と見出しが付く
    inner = BodyLimit(Doors(api, FrontEnd(screens)))
    return RequestRecord(ResponseHeaders(inner, https_only=services.site.is_https))


def screens_directory() -> Path:
    """組み上がった画面の置き場。入れた物の中(wheel)にあればそれ、なければ checkout の frontend/dist。"""
    package = Path(tsubame.__file__).parent
    packaged = package / "presentation" / "web" / "dist"
    if packaged.is_dir():
        return packaged
    return package.parents[2] / "frontend" / "dist"


def run_web(settings: Settings) -> None:
    run_until_stopped(_run(settings))


async def _run(settings: Settings) -> None:
    opened = listening_socket(settings)
    async with (
        database(settings) as db,
        open_foundation(db.url, settings, "tsubame-web") as foundation,
        asyncio.TaskGroup() as group,
    ):
        group.create_task(foundation.bus.run(), name="signal-bus")
        group.create_task(keep_audit(foundation), name="audit-keeper")
        group.create_task(serve_web(foundation, settings, opened), name="web")


async def serve_web(foundation: Foundation, settings: Settings, opened: socket.socket) -> None:
    """取り消されるまで待ち受ける。"""
    services = http_services(foundation, settings)
    stream = stream_ports(foundation, services)
    limits = ConnectionLimits(settings.trusted_proxies)
    server = create_server(create_http_app(services, stream, screens_directory()), limits)
    try:
        await _prepare(services, settings)
        await _announce(services, settings)
        async with asyncio.TaskGroup() as group:
            settling = group.create_task(every(_SETTLE_S, services.refusals.settle), name="refusals")
            try:
                await _serve(server, opened)
            finally:
                settling.cancel()
    finally:
        stream.hub.close()
        if services.practice is not None:
            await services.practice.stop()


async def _serve(server: uvicorn.Server, opened: socket.socket) -> None:
    serving = asyncio.create_task(server.serve(sockets=[opened]), name="uvicorn")
    try:
        await asyncio.shield(serving)
    except asyncio.CancelledError:
        # 取り消しで断ち切らず、開いている WebSocket を閉じて口を返すまで待つ
        server.should_exit = True
        await serving
        raise


async def _prepare(services: HttpServices, settings: Settings) -> None:
    if settings.admin_username is not None and settings.admin_password is not None:
        password = Secret(settings.admin_password.get_secret_value())
        await services.setup.ensure_admin(FirstAdmin(settings.admin_username, password))
    if services.practice is not None:
        await services.practice.resume()
        if settings.practice:
            await services.practice.install(SYSTEM)


async def _announce(services: HttpServices, settings: Settings) -> None:
    token = await services.setup.issue_token()
    if token is None:
        sys.stdout.write(_READY.format(url=settings.base_url))
    else:
        sys.stdout.write(_SET_UP.format(url=f"{settings.base_url}/setup?token={token}"))
    sys.stdout.flush()


_READY: Final = """
  tsubame-ci  {url}
  Ctrl+C: stop / 止める

"""
_SET_UP: Final = """
  最初の管理者を作ってください(この URL は一度だけ使えます)
  Create the administrator (this link works once):

  {url}

"""
