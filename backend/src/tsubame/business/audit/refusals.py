"""断った操作を残す。同じ人が同じ戸を叩き続けても、一分に一行しか増えない。"""

import logging
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from tsubame.business.audit.entities import AuditEvent, Outcome
from tsubame.business.audit.ports import AuditTx
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.clock import Clock
from tsubame.business.shared.errors import DomainError, UnavailableError
from tsubame.business.shared.transactions import Transactions

WINDOW: Final = timedelta(minutes=1)
_MOST: Final = 5_000
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Window:
    """ある人の、ある断り方の一分。"""

    event: AuditEvent
    opened_at: datetime
    repeated: int = 0


class Refusals:
    """プロセスに一つ。断りを応答にする場所(HTTP と WebSocket に一つずつ)だけが呼ぶ。"""

    def __init__(self, transactions: Transactions[AuditTx], clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock
        self._windows: OrderedDict[tuple[object, ...], _Window] = OrderedDict()

    async def note(self, actor: Actor, door: str, path: str, error: DomainError) -> None:
        """断った。操作そのものの取引は取り消されているので、自分の取引で残す。

        ``door`` は、番号を伏せた戸の名前(例 ``DELETE /api/v1/jobs/{job_id}``)。番号を変えながら
        叩いても、同じ戸は同じ断りとして数える。
        """
        # 名乗れていない人は名前で見分けられないので、どこから来たかで数える
        who = actor.user_id or actor.address
        key = (who, actor.token, door, error.code, error.params.get("permission"))
        window = self._windows.get(key)
        if window is not None and self._clock.now() - window.opened_at < WINDOW:
            window.repeated += 1
            return
        event = AuditEvent(
            actor,
            "access.refused",
            "door",
            None,
            door,
            {"path": path, "code": error.code, **error.params},
            outcome=Outcome.REFUSED,
        )
        passed = [] if window is None else [window]
        self._windows[key] = _Window(event, self._clock.now())
        self._windows.move_to_end(key)
        while len(self._windows) > _MOST:
            passed.append(self._windows.popitem(last=False)[1])
        await self._record([*_summaries(passed), event])

    async def settle(self) -> None:
        """一分が過ぎた断りのうち、繰り返されたものの回数を残す。"""
        now, passed = self._clock.now(), []
        while self._windows:
            key, window = next(iter(self._windows.items()))
            if now - window.opened_at < WINDOW:
                break
            del self._windows[key]
            passed.append(window)
        await self._record(_summaries(passed))

    async def _record(self, events: list[AuditEvent]) -> None:
        if not events:
            return
        try:
            async with self._transactions.begin() as tx:
                await tx.audit.record(*events)
        except UnavailableError as problem:
            # 断りの応答は、残せなくても返す
            _log.warning("refusal_not_recorded reason=%s count=%d", problem.code, len(events))


def _summaries(windows: list[_Window]) -> list[AuditEvent]:
    return [
        AuditEvent(
            window.event.actor,
            window.event.action,
            window.event.subject_type,
            None,
            window.event.subject_name,
            {**window.event.details, "repeated": window.repeated},
            outcome=Outcome.REFUSED,
        )
        for window in windows
        if window.repeated
    ]
