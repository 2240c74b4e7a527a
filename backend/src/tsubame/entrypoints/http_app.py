"""HTTP の一枚の ASGI アプリケーションを組み上げる。"""

from pathlib import Path

from fastapi import FastAPI
from starlette.types import ASGIApp

import tsubame
from tsubame.presentation.http.application import create_api
from tsubame.presentation.http.doors import Doors
from tsubame.presentation.http.middleware import BodyLimit, RequestRecord, ResponseHeaders
from tsubame.presentation.http.services import HttpServices
from tsubame.presentation.web.front_end import FrontEnd
from tsubame.presentation.ws.openapi import add_stream_messages


def create_api_with_stream() -> FastAPI:
    """HTTP の道と、WebSocket の文の型。"""
    api = create_api()
    add_stream_messages(api)
    return api


def create_http_app(services: HttpServices, screens: Path) -> ASGIApp:
    """``screens`` は組み上がった画面の置き場(無くても API は動く)。"""
    api = create_api_with_stream()
    api.state.services = services
    # 外から順に: 記録(番号)→ 見出し → 大きさ → 振り分け。どの失敗の応答にも番号と見出しが付く
    return RequestRecord(ResponseHeaders(BodyLimit(Doors(api, FrontEnd(screens)))))


def screens_directory() -> Path:
    """組み上がった画面の置き場。入れた物の中(wheel)にあればそれ、なければ checkout の frontend/dist。"""
    package = Path(tsubame.__file__).parent
    packaged = package / "presentation" / "web" / "dist"
    if packaged.is_dir():
        return packaged
    return package.parents[2] / "frontend" / "dist"
