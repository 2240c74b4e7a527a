"""ワーカーの本体: 配達を受け、運転し、見回る。"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy.exc import DBAPIError

from tsubame.business.executions.admitter import Admitter
from tsubame.business.executions.cleaner import Cleaner
from tsubame.business.executions.disk_patrol import DiskPatrol
from tsubame.business.executions.dispatch import Dispatch
from tsubame.business.executions.log_writer import LogWriter
from tsubame.business.executions.runner import TargetRunner
from tsubame.business.shared.periodic import every
from tsubame.business.shared.signals import SignalBus
from tsubame.business.storage.keeper import StorageKeeper
from tsubame.business.workers.entities import Vitals
from tsubame.data_access.db.presence import Presence
from tsubame.data_access.logstore.chunks import ChunkStore
from tsubame.data_access.queue.delivery import Delivery
from tsubame.entrypoints.heartbeat import beat

_SWEEP_S: Final = 2.0
_CANCEL_CHECK_S: Final = 5.0
_STALLED_CHECK_S: Final = 10.0
_PATROL_S: Final = 600.0
_DISK_PATROL_S: Final = 60.0
_STORAGE_S: Final = 30.0
_DAY_S: Final = 86_400.0
_STOP_S: Final = 5.0
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class WorkerParts:
    """組み上がったワーカーの部品(wiring.py が作る)。"""

    presence: Presence
    bus: SignalBus
    log_store: ChunkStore
    log_writer: LogWriter
    runner: TargetRunner
    cleaner: Cleaner
    disk_patrol: DiskPatrol
    vitals: Callable[[], Vitals]
    dispatch: Dispatch
    admitter: Admitter
    storage_keeper: StorageKeeper
    delivery: Delivery
    heartbeat_file: Path | None


async def run_worker_loop(parts: WorkerParts) -> None:
    """取り消されるまで働く。取り消されたら、走りをサーバに残したまま手放し、在席を消す。"""
    # 合図を逃したかもしれないときの読み直しは、決まった間隔の見回りが引き受ける
    hearers = (parts.runner.on_signal, parts.admitter.on_signal, parts.presence.on_signal)
    unsubscribes = [parts.bus.subscribe(hear, lambda: None) for hear in hearers]
    try:
        async with asyncio.TaskGroup() as group:
            for name, work in {
                "presence": parts.presence.keep(parts.vitals),
                "log-writer": parts.log_writer.run(),
                "log-months": every(_DAY_S, parts.log_store.prepare_months),
                "cleaner": parts.cleaner.run(),
                "admitter": parts.admitter.run(),
                "sweep": every(_SWEEP_S, lambda: parts.dispatch.sweep(take_over=parts.presence.settled)),
                "cancel-check": every(_CANCEL_CHECK_S, parts.runner.look_for_cancels),
                "patrol": every(_PATROL_S, parts.cleaner.patrol),
                "disk-patrol": every(_DISK_PATROL_S, parts.disk_patrol.walk),
                "storage": every(_STORAGE_S, parts.storage_keeper.run_once),
                "delivery": _deliver(parts),
                "heartbeat-file": _beat(parts.heartbeat_file),
            }.items():
                group.create_task(work, name=name)
    finally:
        for unsubscribe in unsubscribes:
            unsubscribe()
        await parts.log_store.close()


async def _deliver(parts: WorkerParts) -> None:
    """配達を受ける。止まるときは、列を離れてから運転を止め、権利を返す。

    逆の順では、列に戻した対象を自分が受け取ってしまう。
    """
    async with parts.delivery.opened():
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(_receive_on_duty(parts), name="receive")
                group.create_task(every(_STALLED_CHECK_S, parts.delivery.discard_stalled), name="stalled")
        finally:
            await _leave(parts)


async def _receive_on_duty(parts: WorkerParts) -> None:
    """引き受けてよいあいだだけ、列から受け取る。"""
    while True:
        await parts.presence.duty.on()
        async with asyncio.TaskGroup() as group:
            receiving = group.create_task(parts.delivery.run(), name="queue")
            await parts.presence.duty.off()
            receiving.cancel()
        _log.info("draining", running=parts.runner.running_count)


async def _leave(parts: WorkerParts) -> None:
    try:
        async with asyncio.timeout(_STOP_S):
            await parts.runner.stop()
            await parts.presence.leave()
    except (TimeoutError, DBAPIError) as problem:
        # データベースに届かないまま止まる。在席が途切れれば、ほかの者が引き継ぐ
        _log.warning("left_without_handing_over", running=parts.runner.running_count, error=str(problem))


async def _beat(file: Path | None) -> None:
    if file is not None:
        await beat(file)
