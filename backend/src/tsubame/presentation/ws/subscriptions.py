"""購読ごとの、「今まで何を送ったか」と「次に何を送るか」。"""

import asyncio
import struct
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from tsubame.business.executions.ports import LogReader
from tsubame.business.executions.service import ExecutionService
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.ids import ExecutionId, TargetId
from tsubame.business.shared.signals import SignalKind
from tsubame.presentation.http.schemas.execution_mapping import execution_read, execution_summary
from tsubame.presentation.ws.log_feed import LogFeed
from tsubame.presentation.ws.mailbox import Mail
from tsubame.presentation.ws.messages import (
    ExecutionChanged,
    ExecutionsChanged,
    LogEnd,
    LogPosition,
    RoomChanged,
    SubscribeLog,
)

_HEADER: Final = struct.Struct(">IQ")
_NEVER_BEHIND: Final = 2**62
_CALM_S: Final = 0.1
"""状態の知らせの最短の間隔。二百の対象が一斉に動いても、画面は毎秒十回で足りる。"""
_GROWTH_S: Final = 1.0
_GROWTH_S_PER_TARGET: Final = 0.01
_ROOM_NAMES: Final[dict[SignalKind, Literal["servers", "jobs", "credentials", "queue", "workers"]]] = {
    SignalKind.SERVER: "servers",
    SignalKind.JOB: "jobs",
    SignalKind.CREDENTIAL: "credentials",
    SignalKind.QUEUE: "queue",
    SignalKind.WORKER: "workers",
}


class Outlet(Protocol):
    """送り口。"""

    async def send_bytes(self, data: bytes) -> None: ...

    async def send_text(self, data: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Sources:
    """購読が読むもと。"""

    executions: ExecutionService
    logs: LogReader
    feed: LogFeed


class Subscription(Protocol):
    def notice(self, mail: Mail) -> None:
        """合図から、送るものが増えたかを見る。"""
        ...

    def due_in(self) -> float | None:
        """次に送るまでの秒数。送るものがなければ ``None``。"""
        ...

    async def send(self, outlet: Outlet, actor: Actor) -> None:
        """今送れるものを、一回分送る。"""
        ...


class LogSubscription:
    def __init__(self, request: SubscribeLog, execution_id: ExecutionId, sources: Sources) -> None:
        self._id = request.id
        self._target_id = TargetId(request.target_id)
        self._execution_id = execution_id
        self._position = request.from_byte
        self._max_behind = request.max_behind or _NEVER_BEHIND
        self._sources = sources
        self._pending = True
        self._ended = False

    def notice(self, mail: Mail) -> None:
        if mail.gap or self._target_id in mail.logs or self._execution_id in mail.executions:
            self._pending = True

    def due_in(self) -> float | None:
        return 0.0 if self._pending and not self._ended else None

    async def send(self, outlet: Outlet, actor: Actor) -> None:
        self._pending = False
        piece = await self._sources.feed.read(self._target_id, self._position, self._max_behind)
        if piece.data:
            await outlet.send_bytes(_HEADER.pack(self._id, self._position) + piece.data)
            self._position += len(piece.data)
        elif piece.start > self._position:
            # 遅れすぎたか、省かれた真ん中に来た
            self._position = piece.start
            skipped = LogPosition(
                type="log_position", id=self._id, log_bytes=piece.start, log_lines=piece.lines_before
            )
            await outlet.send_text(skipped.model_dump_json())
        if self._position < piece.extent.bytes:
            # 一度に全部は送らない。ほかの購読と順番に進める
            self._pending = True
        elif piece.extent.ended:
            await self._send_end(outlet, actor)

    async def _send_end(self, outlet: Outlet, actor: Actor) -> None:
        target = await self._sources.executions.target(actor, self._target_id)
        if target.log_bytes > self._position:
            self._pending = True
            return
        self._ended = True
        end = LogEnd(
            type="log_end",
            id=self._id,
            log_bytes=target.log_bytes,
            log_lines=target.log_lines,
            state=target.state,
        )
        await outlet.send_text(end.model_dump_json())


@dataclass(slots=True)
class _Calm:
    """送る間隔をあける。最初の一回はすぐ送る。"""

    sent_at: float = float("-inf")

    def left(self, interval_s: float = _CALM_S) -> float:
        return max(0.0, self.sent_at + interval_s - asyncio.get_running_loop().time())

    def sent(self) -> None:
        self.sent_at = asyncio.get_running_loop().time()


class ExecutionSubscription:
    """一つの実行と、その対象。ログが伸びたときも、行の数を見せるために間をおいて送り直す。"""

    def __init__(self, subscription_id: int, execution_id: ExecutionId, sources: Sources) -> None:
        self._id = subscription_id
        self._execution_id = execution_id
        self._sources = sources
        self._target_ids: frozenset[int] = frozenset()
        self._pending = True
        self._grown = False
        self._calm = _Calm()

    def notice(self, mail: Mail) -> None:
        if mail.gap or self._execution_id in mail.executions:
            self._pending = True
        if not self._target_ids.isdisjoint(mail.logs):
            self._grown = True

    def due_in(self) -> float | None:
        if self._pending:
            return self._calm.left()
        if self._grown:
            # 全部の対象を送り直すので、対象が多いほど間をあける
            return self._calm.left(_GROWTH_S + _GROWTH_S_PER_TARGET * len(self._target_ids))
        return None

    async def send(self, outlet: Outlet, actor: Actor) -> None:
        self._pending = self._grown = False
        self._calm.sent()
        detail = await self._sources.executions.get(actor, self._execution_id)
        self._target_ids = frozenset(target.id for target in detail.targets)
        message = ExecutionChanged(type="execution", id=self._id, execution=execution_read(detail))
        await outlet.send_text(message.model_dump_json())


@dataclass(slots=True)
class ExecutionsSubscription:
    """変わった実行の行。取りこぼしたおそれがあるときは、動いているものを送り直す。"""

    subscription_id: int
    sources: Sources
    _changed: set[int] = field(default_factory=set)
    _gap: bool = False
    _calm: _Calm = field(default_factory=_Calm)

    def notice(self, mail: Mail) -> None:
        self._changed |= mail.executions
        self._gap = self._gap or mail.gap

    def due_in(self) -> float | None:
        return self._calm.left() if self._changed or self._gap else None

    async def send(self, outlet: Outlet, actor: Actor) -> None:
        changed, gap = self._changed, self._gap
        self._changed, self._gap = set(), False
        self._calm.sent()
        found = {
            item.id: item
            for item in await self.sources.executions.by_ids(actor, sorted(map(ExecutionId, changed)))
        }
        if gap:
            overview = await self.sources.executions.overview(actor)
            found |= {item.id: item for item in (*overview.running, *overview.failed)}
        items = [execution_summary(found[key]) for key in sorted(found)]
        await outlet.send_text(
            ExecutionsChanged(type="executions", id=self.subscription_id, items=items).model_dump_json()
        )


@dataclass(slots=True)
class ChangesSubscription:
    """サーバ・ジョブ・認証情報・待ち行列・ワーカーが変わったこと。"""

    subscription_id: int
    _changed: set[tuple[SignalKind, int]] = field(default_factory=set)
    _calm: _Calm = field(default_factory=_Calm)

    def notice(self, mail: Mail) -> None:
        self._changed |= mail.rooms
        if mail.gap:
            # 番号 0 は「どれかが変わったかもしれない」
            self._changed |= {(kind, 0) for kind in _ROOM_NAMES}

    def due_in(self) -> float | None:
        return self._calm.left() if self._changed else None

    async def send(self, outlet: Outlet, actor: Actor) -> None:  # noqa: ARG002  口の形をそろえる
        changed, self._changed = self._changed, set()
        self._calm.sent()
        for kind, entity_id in sorted(changed):
            message = RoomChanged(
                type="changed", id=self.subscription_id, room=_ROOM_NAMES[kind], entity_id=entity_id
            )
            await outlet.send_text(message.model_dump_json())
