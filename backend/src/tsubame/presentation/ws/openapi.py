"""``/api/v1/stream`` を流れる文を、OpenAPI に載せる。"""

from fastapi import FastAPI

from tsubame.presentation.ws.messages import ClientMessage, ServerMessage


def add_stream_messages(app: FastAPI) -> None:
    """OpenAPI に WebSocket の書き方がないので、webhooks として型だけを載せる。"""

    @app.webhooks.post("streamClientMessage", operation_id="streamClientMessage", response_model=None)
    def w1(body: ClientMessage) -> None: ...

    @app.webhooks.post("streamServerMessage", operation_id="streamServerMessage", response_model=None)
    def w2(body: ServerMessage) -> None: ...
