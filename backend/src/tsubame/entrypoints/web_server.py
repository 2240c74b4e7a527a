"""HTTP と WebSocket を待ち受ける。"""

import contextlib
import socket
from collections.abc import Iterator
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from tsubame.entrypoints.connection_guard import ConnectionLimits, guarded
from tsubame.entrypoints.settings import Settings
from tsubame.entrypoints.settings_sources import SettingsError

_BACKLOG: Final = 512
_LEAVE_S: Final = 2
_MOST_MESSAGE: Final = 65_536


class QuietServer(uvicorn.Server):
    """止める合図を自分で受けない uvicorn。合図は、ワーカーと PostgreSQL も止める親が受ける。"""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listening_socket(settings: Settings) -> socket.socket:
    """待ち受ける口。

    Raises:
        SettingsError: 開けない。ほかのプログラムが使っていることが多い。
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    opened = socket.socket(family)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((settings.host, settings.port))
    except OSError as exc:
        opened.close()
        raise SettingsError(
            f"Cannot listen on {settings.host} port {settings.port} ({exc.strerror}): "
            "set TSUBAME_PORT to another port, or stop the program that uses it."
        ) from exc
    opened.listen(_BACKLOG)
    opened.setblocking(False)  # noqa: FBT003  標準ライブラリの形
    return opened


def create_server(app: ASGIApp, limits: ConnectionLimits) -> QuietServer:
    return QuietServer(
        uvicorn.Config(
            app,
            http=guarded(limits),
            ws="websockets-sansio",
            lifespan="off",
            access_log=False,
            log_config=None,
            forwarded_allow_ips=[str(network) for network in limits.trusted],
            server_header=False,
            timeout_graceful_shutdown=_LEAVE_S,
            ws_max_size=_MOST_MESSAGE,
            # ログはもう圧縮して保存してある。伸ばしたものを縮め直すと、一行ごとに CPU を食う
            ws_per_message_deflate=False,
        )
    )
