"""伏せ字の値段: 同じログを、秘密なしと秘密百個で交互に保存し、速さの比を出す。

`python bench/masking.py [MB]`。秘密百個の速さは、なしの 0.9 倍を下回らないこと(予算)。
"""

import asyncio
import random
import statistics
import string
import sys
import time

from database_bench import postgres
from log_store import DAY, new_target, realistic
from sqlalchemy.ext.asyncio import AsyncEngine

from tsubame.business.executions.log_writer import LogWriter
from tsubame.business.executions.masking import Masker, MaskingPlan
from tsubame.business.executions.secret_forms import forms_of
from tsubame.data_access.db.engine import create_engine
from tsubame.data_access.db.migrate import migrate
from tsubame.data_access.literal_search import LiteralSearch
from tsubame.data_access.logstore.chunks import ChunkStore
from tsubame.data_access.logstore.partitions import ensure_partitions
from tsubame.data_access.system_clock import SystemClock

_SECRETS = 100
_TIMES = 16
# 速く流れるログを、走りの口(ssh/channel.py)がまとめて渡す大きさ
_PIECE = 256 * 1024
_BUDGET = 0.9


def secrets(count: int) -> list[bytes]:
    """長さも形もまちまちな、ありそうな秘密。"""
    chance = random.Random(1)
    letters = string.ascii_letters + string.digits + "-_/+="
    return ["".join(chance.choices(letters, k=chance.randrange(12, 60))).encode() for _ in range(count)]


async def stored(url: str, engine: AsyncEngine, data: bytes, plan: MaskingPlan | None) -> float:
    """保存し終えるまでの秒。"""
    store = ChunkStore(url, engine)
    writer = LogWriter(store, SystemClock())
    running = asyncio.create_task(writer.run(), name="log-writer")
    started = time.perf_counter()
    stream = writer.open(await new_target(engine), Masker(plan))
    for start in range(0, len(data), _PIECE):
        await stream.write(data[start : start + _PIECE])
    await stream.finish()
    took = time.perf_counter() - started
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await store.close()
    return took


def alone(data: bytes, plan: MaskingPlan) -> float:
    """伏せるだけの秒。"""
    masker = Masker(plan)
    started = time.perf_counter()
    for start in range(0, len(data), _PIECE):
        masker.feed(data[start : start + _PIECE])
    masker.flush()
    return time.perf_counter() - started


async def report(url: str, size: int) -> bool:
    engine = create_engine(url, application_name="tsubame-bench")
    await migrate(engine)
    await ensure_partitions(engine, DAY)
    data, values = realistic(size), secrets(_SECRETS)
    started = time.perf_counter()
    plan = MaskingPlan(values, LiteralSearch)
    ready_ms = (time.perf_counter() - started) * 1e3
    print(f"{len(forms_of(values))} forms of {_SECRETS} secrets, ready in {ready_ms:.0f} ms")
    print(f"masking alone       {size / min(alone(data, plan) for _ in range(_TIMES)) / 1e6:6.0f} MB/s")
    times: dict[int, list[float]] = {0: [], _SECRETS: []}
    for turn in range(_TIMES):
        # 先に走るほうが得をしないよう、順を入れ替える
        for count in (0, _SECRETS) if turn % 2 == 0 else (_SECRETS, 0):
            times[count].append(await stored(url, engine, data, plan if count else None))
    await engine.dispose()
    for count, took in times.items():
        print(f"{count:3} secrets, stored {size / statistics.median(took) / 1e6:6.0f} MB/s")
    # 隣どうしを比べる。ほかの仕事で機械の速さが途中で変わっても、比はぶれにくい
    ratio = statistics.median(bare / masked for bare, masked in zip(times[0], times[_SECRETS], strict=True))
    print(f"with / without      {ratio:.3f}  (budget >= {_BUDGET})")
    return ratio >= _BUDGET


def main() -> None:
    size = int(sys.argv[1] if len(sys.argv) > 1 else 60) * 1_000_000
    with postgres() as url:
        good = asyncio.run(report(url, size))
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
