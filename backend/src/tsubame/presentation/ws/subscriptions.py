"""購読ごとの、「今まで何を送ったか」と「次に何を送るか」。"""

import asyncio
import struct
from dataclasses import dataclass, field
from typing import Final

from tsubame.business.executions.changes import Change
from tsubame.business.executions.ports import TargetHome
from tsubame.business.executions.states import ENDED
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.ids import ExecutionId
from tsubame.business.shared.permissions import Permission
from tsubame.business.shared.signals import SignalKind
from tsubame.presentation.http.schemas.execution_mapping import execution_summary
from tsubame.presentation.ws.mailbox import Mail
from tsubame.presentation.ws.messages import (
    ExecutionsChanged,
    LogEnd,
    LogPosition,
    RoomChanged,
    RoomName,
    SubscribeLog,
)
from tsubame.presentation.ws.subscription import Calm, Outlet, Sources

_HEADER: Final = struct.Struct(">IQ")
_NEVER_BEHIND: Final = 2**62
_SETTLE_S: Final = 0.02
"""実行が変わったと聞いてから、ログが終わったかを見に行くまで。始まったばかりのときは、最初の一行が先に届く。"""
_ROOM_NAMES: Final[dict[SignalKind, RoomName]] = {
    SignalKind.SERVER: "servers",
    SignalKind.JOB: "jobs",
    SignalKind.CREDENTIAL: "credentials",
    SignalKind.QUEUE: "queue",
    SignalKind.USER: "users",
    SignalKind.WORKER: "workers",
}


class LogSubscription:
    def __init__(self, request: SubscribeLog, home: TargetHome, sources: Sources) -> None:
        target = home.target
        self._id = request.id
        self._target_id = target.id
        self._execution_id = target.execution_id
        self._project_id = home.project_id
        self._position = request.from_byte
        self._max_behind = request.max_behind or _NEVER_BEHIND
        self._sources = sources
        self._pending = target.log_bytes > request.from_byte or target.state in ENDED
        # まだ何もなかったのは、少し前のこと。購読までのあいだに届いていないかも、見に行く
        self._moved_at: float | None = asyncio.get_running_loop().time()
        self._ended = False

    def notice(self, mail: Mail) -> None:
        if mail.gap or self._target_id in mail.logs:
            self._pending = True
        if self._execution_id in mail.executions and self._moved_at is None:
            self._moved_at = asyncio.get_running_loop().time()

    def due_in(self) -> float | None:
        if self._ended:
            return None
        if self._pending or self._moved_at is None:
            return 0.0 if self._pending else None
        return max(0.0, self._moved_at + _SETTLE_S - asyncio.get_running_loop().time())

    async def send(self, outlet: Outlet, actor: Actor) -> None:
        # 開いてから役割を失うことがある。通行証を確かめ直すたびに、主体は新しくなる
        actor.require(Permission.EXECUTION_READ, self._project_id)
        self._pending, self._moved_at = False, None
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
class ExecutionsSubscription:
    """変わった実行の行。取りこぼしたおそれがあるときは、動いているものを送り直す。"""

    subscription_id: int
    sources: Sources
    _changed: set[int] = field(default_factory=set)
    _gap: bool = False
    _calm: Calm = field(default_factory=Calm)

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
    sources: Sources
    _changed: set[Change] = field(default_factory=set)
    _calm: Calm = field(default_factory=Calm)

    def notice(self, mail: Mail) -> None:
        self._changed |= mail.rooms
        if mail.gap:
            # 番号 0 は「どれかが変わったかもしれない」
            self._changed |= {(kind, 0) for kind in _ROOM_NAMES}

    def due_in(self) -> float | None:
        return self._calm.left() if self._changed else None

    async def send(self, outlet: Outlet, actor: Actor) -> None:
        changed, self._changed = self._changed, set()
        self._calm.sent()
        for kind, entity_id in sorted(await self.sources.changes.visible(actor, changed)):
            message = RoomChanged(
                type="changed", id=self.subscription_id, room=_ROOM_NAMES[kind], entity_id=entity_id
            )
            await outlet.send_text(message.model_dump_json())
