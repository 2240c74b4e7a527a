"""合図を PostgreSQL の NOTIFY に載せる。"""

import json
from collections.abc import Sequence
from typing import Final

from tsubame.business.shared.signals import Signal, SignalKind
from tsubame.data_access.db.at_commit import AtCommit

CHANNEL: Final = "tsubame"
# NOTIFY の中身は 8000 バイトまで。番号は最大 19 桁なので、余裕をもって区切る
_IDS_PER_NOTIFY: Final = 300


class SqlSignals:
    def __init__(self, at_commit: AtCommit) -> None:
        self._at_commit = at_commit

    async def send(self, kind: SignalKind, ids: Sequence[int]) -> None:
        """同じ取引で送る。確定すると届き、取り消せば届かない。"""
        for start in range(0, len(ids), _IDS_PER_NOTIFY):
            payload = encode(Signal(kind, tuple(ids[start : start + _IDS_PER_NOTIFY])))
            self._at_commit.add("SELECT pg_notify(%s, %s)", CHANNEL, payload)


def encode(signal: Signal) -> str:
    return json.dumps([signal.kind, *signal.ids], separators=(",", ":"))


def decode(payload: str) -> Signal:
    kind, *ids = json.loads(payload)
    return Signal(SignalKind(kind), tuple(ids))
