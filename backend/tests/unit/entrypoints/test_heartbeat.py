"""ワーカーが動いている印。"""

import asyncio
import os
import subprocess
import sys
import time
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


def test_health_check_sees_a_frozen_worker(tmp_path: Path) -> None:
    """健康診断は、新しい印に 0、古い印やない印に 1 で答える。"""
    file = tmp_path / "alive"
    command = [sys.executable, "-m", "tsubame.entrypoints.heartbeat", str(file)]
    assert subprocess.run(command, check=False).returncode == 1
    file.touch()
    assert subprocess.run(command, check=False).returncode == 0
    frozen = time.time() - 60
    os.utime(file, (frozen, frozen))
    assert subprocess.run(command, check=False).returncode == 1
