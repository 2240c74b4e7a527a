"""同時に走らせる数を増やすと、記憶と CPU はどう増えるか。

一つのサーバの上で、毎秒二十行を書く走りを 10 から 500 まで並べ、製品のプロセス(内蔵の PostgreSQL と
sshd を除く)の RSS と CPU、全部がつながるまでの秒、殺して起こし直してから全部がつながり直すまでの秒を測る。
"""

import asyncio
import sys
from typing import Any

import psutil
from product_bench import Bench, bench

from harness.waiting import eventually

SIZES = (10, 50, 100, 200, 500)
# 一つのプロセスが書き続ける。行のたびに子を作る書き方では、子を作る重さばかりを測ってしまう
SCRIPT = (
    "exec perl -e '$|=1; while(1) { print qq(line of a quiet script\\n); select(undef,undef,undef,.05) }'"
)
WINDOW_S = 10


async def main(sizes: tuple[int, ...]) -> None:
    async with bench(TSUBAME_WORKER_CONCURRENCY="600") as b:
        job = await b.journey.add_job(SCRIPT, [b.server_id])
        base = memory(b)
        print(f"{'runs':>5} {'to start':>9} {'RSS':>9} {'per run':>9} {'CPU':>7} {'re-attach':>10}")
        for size in sizes:
            await grow(b, job, size, base)


async def grow(b: Bench, job: int, size: int, base: float) -> None:
    loop = asyncio.get_running_loop()
    started = loop.time()
    running = [(await b.journey.start(job))["id"] for _ in range(size)]
    await all_in_state(b, running, "running")
    to_start = loop.time() - started
    before, at = cpu(b), loop.time()
    await asyncio.sleep(WINDOW_S)
    share = (cpu(b) - before) / (loop.time() - at)
    used = memory(b)
    await b.product.kill()
    await b.product.start()
    at = loop.time()
    await all_in_state(b, running, "running", since_lines=await lines(b, running))
    again = loop.time() - at
    each = (used - base) / size
    print(
        f"{size:5} {to_start:7.1f} s {used:5.0f} MiB {each:5.2f} MiB {share:6.0%} {again:8.1f} s", flush=True
    )
    for execution in running:
        await b.client.post(f"/executions/{execution}/cancel")
    await all_in_state(b, running, "cancelled")


async def all_in_state(
    b: Bench, executions: list[int], state: str, since_lines: dict[int, int] | None = None
) -> None:
    """全部がその状態になり、``since_lines`` があれば、それより行が増えるまで待つ。"""

    async def fact() -> bool:
        found = await newest(b, executions)
        if since_lines is not None:
            grown = await lines(b, executions)
            return all(grown[key] > since_lines[key] for key in executions)
        return all(found.get(key) == state for key in executions)

    await eventually(fact, f"{len(executions)} 本が {state}", 300)


async def newest(b: Bench, executions: list[int]) -> dict[int, str]:
    states: dict[int, str] = {}
    cursor: str | None = None
    while len(states.keys() & set(executions)) < len(executions):
        page: dict[str, Any] = (
            await b.client.get("/executions", params={"limit": 200, **({"cursor": cursor} if cursor else {})})
        ).json()
        states |= {item["id"]: item["state"] for item in page["items"]}
        cursor = page["next_cursor"]
        if cursor is None:
            break
    return states


async def lines(b: Bench, executions: list[int]) -> dict[int, int]:
    counted: dict[int, int] = {}
    for execution in executions:
        answer = await b.client.get(f"/executions/{execution}")
        counted[execution] = answer.json()["targets"][0]["log_lines"]
    return counted


def memory(b: Bench) -> float:
    return float(psutil.Process(b.product.pid).memory_info().rss) / 2**20


def cpu(b: Bench) -> float:
    times = psutil.Process(b.product.pid).cpu_times()
    return float(times.user + times.system)


if __name__ == "__main__":
    asyncio.run(main(tuple(int(size) for size in sys.argv[1:]) or SIZES))
