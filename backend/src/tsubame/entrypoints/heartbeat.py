"""ワーカーが動いている印を残す。HTTP を話さないワーカーを、外から見張れるように。"""

import asyncio
from pathlib import Path

INTERVAL_SECONDS = 5.0


async def beat(file: Path, interval: float = INTERVAL_SECONDS) -> None:
    """取り消されるまで `file` を触り続ける。イベントループが固まれば、時刻が古いまま残る。"""
    while True:
        file.touch()  # noqa: ASYNC240  手元のファイル 1 つの時刻を変えるだけで、待たされない
        await asyncio.sleep(interval)
