"""WebSocket の道。"""

from fastapi import APIRouter, WebSocket

from tsubame.presentation.http.same_site import is_same_site
from tsubame.presentation.ws.stream import StreamPorts, StreamSession

router = APIRouter()
FORBIDDEN_ORIGIN = 4403


@router.websocket("/stream")
async def stream(socket: WebSocket) -> None:
    """生きた状態とログ。文の形は OpenAPI の ``streamClientMessage`` と ``streamServerMessage``。"""
    await socket.accept()
    if not is_same_site(socket):
        # よその頁に開かせない。名乗りの文も要るが、試させもしない
        await socket.close(FORBIDDEN_ORIGIN, "forbidden_origin")
        return
    ports: StreamPorts = socket.app.state.stream
    await StreamSession(socket, ports).run()
