"""一行に一つの JSON を、できたそばから送る(https://github.com/ndjson/ndjson-spec)。"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

from fastapi.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

NDJSON: Final = "application/x-ndjson"
# 受け手がこれだけ一バイトも受け取らなければ、去ったものとみなす
_STALLED_S: Final = 60


class NdjsonResponse(StreamingResponse):
    """``body`` は、受け手が去っても、受け取らなくなっても、送り終えても、必ず閉じる。

    受け手が遅ければ、``body`` の次を求めずに待つ。
    """

    media_type = NDJSON

    def __init__(self, body: AsyncGenerator[bytes, None]) -> None:
        # 逆プロキシに溜めさせない。溜めると、進み具合が最後にまとめて届く
        super().__init__(body, headers={"X-Accel-Buffering": "no"})
        self._body = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_in_time(message: Message) -> None:
            async with asyncio.timeout(_STALLED_S):
                await send(message)

        async with aclosing(self._body):
            await super().__call__(scope, receive, send_in_time)
