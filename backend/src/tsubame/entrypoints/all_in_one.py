"""``tsubame up``: web、worker、内蔵の PostgreSQL を一つのプロセスの木で動かす。"""

import asyncio

from tsubame.data_access.db.presence import retire_all
from tsubame.entrypoints.database import database
from tsubame.entrypoints.http_app import serve_web
from tsubame.entrypoints.lifetime import run_until_stopped
from tsubame.entrypoints.settings import Settings
from tsubame.entrypoints.web_server import listening_socket
from tsubame.entrypoints.wiring import keep_audit, open_foundation, worker_parts
from tsubame.entrypoints.worker_loop import run_worker_loop


def run_all(settings: Settings) -> None:
    run_until_stopped(_run(settings))


async def _run(settings: Settings) -> None:
    # データベースを起こす前に確かめる。口が塞がっているだけなら、すぐそう言って終わる
    opened = listening_socket(settings)
    async with database(settings) as db, open_foundation(db.url, settings, "tsubame-up") as foundation:
        if db.started_here:
            # データベースは自分が起こしたばかり。名簿に残っているのは、前に死んだ自分だけ
            await retire_all(foundation.engine)
        parts = await worker_parts(foundation, settings)
        async with asyncio.TaskGroup() as group:
            group.create_task(foundation.bus.run(), name="signal-bus")
            group.create_task(keep_audit(foundation), name="audit-keeper")
            group.create_task(run_worker_loop(parts), name="worker")
            group.create_task(serve_web(foundation, settings, opened), name="web")
