"""二度目の起動から使えるようになるまでと、何もしていないときの記憶の量(PostgreSQL を除く)。"""

import asyncio

import psutil
from product_bench import bench

SETTLE_S = 10


async def main() -> None:
    async with bench() as b:
        b.product.stop()
        seconds = await b.product.start()
        await asyncio.sleep(SETTLE_S)
        rss = psutil.Process(b.product.pid).memory_info().rss / 2**20
    print(f"second start -> ready   {seconds:.2f} s   (budget 3)")
    print(f"idle RSS                {rss:.0f} MiB   (budget 150)")


if __name__ == "__main__":
    asyncio.run(main())
