"""合図を PostgreSQL の NOTIFY に載せる。"""

import json
from collections.abc import Sequence
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from tsubame.business.shared.signals import Signal, SignalKind

CHANNEL: Final = "tsubame"
# NOTIFY の中身は 8000 バイトまで。番号は最大 19 桁なので、余裕をもって区切る
_IDS_PER_NOTIFY: Final = 300
_NOTIFY: Final = text("SELECT pg_notify(:channel, :payload)")


class SqlSignals:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def send(self, kind: SignalKind, ids: Sequence[int]) -> None:
        """同じ取引で送る。確定すると届き、取り消せば届かない。"""
        for start in range(0, len(ids), _IDS_PER_NOTIFY):
            payload = encode(Signal(kind, tuple(ids[start : start + _IDS_PER_NOTIFY])))
            await self._connection.execute(_NOTIFY, {"channel": CHANNEL, "payload": payload})


def encode(signal: Signal) -> str:
    return json.dumps([signal.kind, *signal.ids], separators=(",", ":"))


def decode(payload: str) -> Signal:
    kind, *ids = json.loads(payload)
    return Signal(SignalKind(kind), tuple(ids))
