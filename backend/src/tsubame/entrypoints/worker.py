"""``tsubame worker``: サーバを動かすワーカーだけ。"""

import asyncio

from tsubame.entrypoints.database import database
from tsubame.entrypoints.heartbeat import beat
from tsubame.entrypoints.lifetime import run_until_stopped
from tsubame.entrypoints.settings import Settings
from tsubame.entrypoints.wiring import keep_audit, open_foundation, worker_parts
from tsubame.entrypoints.worker_loop import run_worker_loop


def run_worker(settings: Settings) -> None:
    run_until_stopped(_run(settings))


async def _run(settings: Settings) -> None:
    async with database(settings) as db, open_foundation(db.url, settings, "tsubame-worker") as foundation:
        parts = await worker_parts(foundation, settings)
        async with asyncio.TaskGroup() as group:
            group.create_task(foundation.bus.run(), name="signal-bus")
            group.create_task(keep_audit(foundation), name="audit-keeper")
            group.create_task(run_worker_loop(parts), name="worker")
            if settings.heartbeat_file is not None:
                group.create_task(beat(settings.heartbeat_file), name="heartbeat")
