"""一つの実行の購読。初めに全部を送り、そのあとは変わったところだけを送る。"""

from dataclasses import dataclass, field, fields, replace
from operator import attrgetter
from typing import Final

from tsubame.business.executions.entities import ExecutionDetail, Target
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.ids import ExecutionId
from tsubame.presentation.http.schemas.execution_mapping import (
    execution_read,
    execution_summary,
    queue_place_read,
    target_read,
)
from tsubame.presentation.ws.mailbox import Mail
from tsubame.presentation.ws.messages import ExecutionChanged, ExecutionDelta
from tsubame.presentation.ws.subscription import CALM_S, Calm, Outlet, Sources

_READ_S_PER_TARGET: Final = 0.001
"""読み直しの重さは対象の数で決まる。一人の読み手のために、毎秒千を超える対象を読まない。"""
_GROWTH_S: Final = 1.0
_GROWTH_S_PER_TARGET: Final = 0.01
_GROWING: Final = frozenset({"remote_bytes", "log_bytes", "log_lines"})
_STEADY: Final = attrgetter(*(each.name for each in fields(Target) if each.name not in _GROWING))
"""ログの量のほかの全部。"""


@dataclass(slots=True)
class ExecutionSubscription:
    """一つの実行と、その対象。

    ``_sent`` は相手が今持っている姿で、読み直した姿との差だけを送る。一本の接続は順を守るので、
    差が失われることはない(つなぎ直した購読は、全部から始まる)。ログが伸びただけの対象は、
    行の数を見せるために、間をおいてまとめて送る。
    """

    subscription_id: int
    execution_id: ExecutionId
    sources: Sources
    _sent: ExecutionDetail | None = None
    _target_ids: frozenset[int] = frozenset()
    _pending: bool = True
    _grown: set[int] = field(default_factory=set)
    _calm: Calm = field(default_factory=Calm)
    _growth_calm: Calm = field(default_factory=Calm)

    def notice(self, mail: Mail) -> None:
        if mail.gap:
            self._sent = None
        if mail.gap or self.execution_id in mail.executions:
            self._pending = True
        self._grown |= self._target_ids & mail.logs

    def due_in(self) -> float | None:
        if self._pending:
            return self._calm_left()
        if self._grown:
            return max(self._calm_left(), self._growth_due_in())
        return None

    def _calm_left(self) -> float:
        # 静かだったあとの一つ目は待たせない。百までの対象なら、続けざまでも CALM_S しか待たない
        return self._calm.left(max(CALM_S, _READ_S_PER_TARGET * len(self._target_ids)))

    def _growth_due_in(self) -> float:
        # 伸びた対象が多いほど、一度に送る量が増えるので間をあける
        return self._growth_calm.left(_GROWTH_S + _GROWTH_S_PER_TARGET * len(self._grown))

    async def send(self, outlet: Outlet, actor: Actor) -> None:
        self._pending = False
        self._calm.sent()
        growth = self._sent is None or self._growth_due_in() == 0.0
        if growth:
            self._grown = set()
            self._growth_calm.sent()
        now = await self.sources.executions.get(actor, self.execution_id)
        if self._sent is None or not _same_places(self._sent, now):
            await self._send_whole(outlet, now)
        else:
            await self._send_delta(outlet, self._sent, now, growth=growth)

    async def _send_whole(self, outlet: Outlet, now: ExecutionDetail) -> None:
        self._remember(now)
        message = ExecutionChanged(type="execution", id=self.subscription_id, execution=execution_read(now))
        await outlet.send_text(message.model_dump_json())

    async def _send_delta(
        self, outlet: Outlet, before: ExecutionDetail, now: ExecutionDetail, *, growth: bool
    ) -> None:
        changed = [
            target
            for held, target in zip(before.targets, now.targets, strict=True)
            if held != target and (growth or _STEADY(held) != _STEADY(target))
        ]
        if not changed and (before.execution, before.place) == (now.execution, now.place):
            return
        fresh = {target.position: target for target in changed}
        held = tuple(fresh.get(target.position, target) for target in before.targets)
        self._remember(replace(now, targets=held))
        message = ExecutionDelta(
            type="execution_delta",
            id=self.subscription_id,
            execution=execution_summary(now.execution),
            queue=queue_place_read(now.place),
            targets=[target_read(target) for target in changed],
        )
        await outlet.send_text(message.model_dump_json())

    def _remember(self, sent: ExecutionDetail) -> None:
        self._sent = sent
        self._target_ids = frozenset(target.id for target in sent.targets)


def _same_places(before: ExecutionDetail, now: ExecutionDetail) -> bool:
    return [target.position for target in before.targets] == [target.position for target in now.targets]
