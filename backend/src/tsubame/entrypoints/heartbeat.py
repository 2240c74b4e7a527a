"""ワーカーが動いている印を残す。HTTP を話さないワーカーを、外から見張れるように。

`python -m tsubame.entrypoints.heartbeat FILE` は、印が新しければ 0、古いかなければ 1 で終わる。
何度も呼ばれるので、標準ライブラリしか読み込まない。
"""

import asyncio
import sys
import time
from pathlib import Path

INTERVAL_SECONDS = 5.0
_STALE_SECONDS = 30.0


async def beat(file: Path, interval: float = INTERVAL_SECONDS) -> None:
    """取り消されるまで `file` を触り続ける。イベントループが固まれば、時刻が古いまま残る。"""
    while True:
        file.touch()  # noqa: ASYNC240  手元のファイル 1 つの時刻を変えるだけで、待たされない
        await asyncio.sleep(interval)


def is_beating(file: Path) -> bool:
    try:
        return time.time() - file.stat().st_mtime <= _STALE_SECONDS
    except FileNotFoundError:
        return False


if __name__ == "__main__":
    sys.exit(0 if is_beating(Path(sys.argv[1])) else 1)
