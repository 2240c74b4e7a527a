"""ワーカーの本体: 配達を受け、運転し、見回る。"""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from tsubame.business.executions.admitter import Admitter
from tsubame.business.executions.cleaner import Cleaner
from tsubame.business.executions.dispatch import Dispatch
from tsubame.business.executions.log_writer import LogWriter
from tsubame.business.executions.runner import TargetRunner
from tsubame.business.shared.periodic import every
from tsubame.business.shared.signals import Signal, SignalBus
from tsubame.data_access.db.presence import Presence
from tsubame.data_access.logstore.chunks import ChunkStore
from tsubame.data_access.queue.delivery import Delivery
from tsubame.entrypoints.heartbeat import beat

_SWEEP_S: Final = 2.0
_CANCEL_CHECK_S: Final = 5.0
_STALLED_CHECK_S: Final = 10.0
_PATROL_S: Final = 600.0
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
    dispatch: Dispatch
    admitter: Admitter
    delivery: Delivery
    concurrency: int
    heartbeat_file: Path | None


async def run_worker_loop(parts: WorkerParts) -> None:
    """取り消されるまで働く。取り消されたら、走りをサーバに残したまま手放し、在席を消す。"""

    # 合図を逃したかもしれないときの読み直しは、決まった間隔の見回りが引き受ける
    def on_signal(signal: Signal) -> None:
        parts.runner.on_signal(signal)
        parts.admitter.on_signal(signal)

    unsubscribe = parts.bus.subscribe(on_signal, lambda: None)
    try:
        async with asyncio.TaskGroup() as group:
            for name, work in {
                "presence": parts.presence.keep(),
                "log-writer": parts.log_writer.run(),
                "log-months": every(_DAY_S, parts.log_store.prepare_months),
                "cleaner": parts.cleaner.run(),
                "admitter": parts.admitter.run(),
                "sweep": every(_SWEEP_S, parts.dispatch.sweep),
                "cancel-check": every(_CANCEL_CHECK_S, parts.runner.look_for_cancels),
                "patrol": every(_PATROL_S, parts.cleaner.patrol),
                "delivery": _deliver(parts),
                "heartbeat-file": _beat(parts.heartbeat_file),
            }.items():
                group.create_task(work, name=name)
    finally:
        unsubscribe()
        await parts.log_store.close()


async def _deliver(parts: WorkerParts) -> None:
    """配達を受ける。止まるときは、まず運転を止めて権利を返し、それから列を離れる。"""
    async with parts.delivery.opened():
        receiving = [
            asyncio.create_task(parts.delivery.run(parts.concurrency), name="receive"),
            asyncio.create_task(every(_STALLED_CHECK_S, parts.delivery.discard_stalled), name="stalled"),
        ]
        try:
            await asyncio.wait(receiving, return_when=asyncio.FIRST_COMPLETED)
            for task in receiving:
                if task.done():
                    task.result()
        finally:
            await _leave(parts)
            for task in receiving:
                task.cancel()
            await asyncio.gather(*receiving, return_exceptions=True)


async def _leave(parts: WorkerParts) -> None:
    try:
        async with asyncio.timeout(_STOP_S):
            await parts.runner.stop()
            await parts.presence.leave()
    except TimeoutError:
        _log.warning("left_without_handing_over", running=parts.runner.running_count)


async def _beat(file: Path | None) -> None:
    if file is not None:
        await beat(file)
