"""ワーカーが動いている印。"""

import asyncio
from pathlib import Path

from harness.waiting import eventually
from tsubame.entrypoints.heartbeat import beat


async def test_file_is_touched_again_and_again(tmp_path: Path) -> None:
    """印のファイルは、動いている間くり返し新しくなる。"""
    file = tmp_path / "alive"
    task = asyncio.create_task(beat(file, 0.01), name="heartbeat")
    try:
        await eventually(file.exists, "印ができる")
        first = file.stat().st_mtime_ns
        await eventually(lambda: file.stat().st_mtime_ns > first, "印が新しくなる")
        assert not task.done()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
