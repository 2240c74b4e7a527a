"""実行を押してから、最初の一バイトが WebSocket の客に届くまで。同じ回で OpenSSH と交互に測る。"""

import asyncio
import statistics
import sys

from product_bench import Bench, bench, describe, run

from harness.stream import StreamClient, open_stream

WARM_UP = 3


async def main(rounds: int) -> None:
    product: list[float] = []
    cold: list[float] = []
    master: list[float] = []
    async with bench() as b, open_stream(b.client) as stream:
        job = await b.journey.add_job("echo first", [b.server_id])
        control = ("-S", str(b.root / "control"))
        await run(*b.ssh[:1], *control, "-fNM", *b.ssh[1:])
        for number in range(rounds + WARM_UP):
            times = (
                await press(b, stream, job),
                await run(*b.ssh, "true"),
                await run(*b.ssh[:1], *control, *b.ssh[1:], "true"),
            )
            if number >= WARM_UP:
                for samples, seconds in zip((product, cold, master), times, strict=True):
                    samples.append(seconds)
        await run(*b.ssh[:1], *control, "-O", "exit", *b.ssh[1:])
    print(f"tsubame press -> first byte   {describe(product)}")
    print(f"ssh host true (cold)          {describe(cold)}")
    print(f"ssh host true (ControlMaster) {describe(master)}")
    p50 = statistics.median
    print(f"ratio to cold ssh             {p50(product) / p50(cold):.2f}   (budget 0.25)")
    print(f"ratio to ControlMaster ssh    {p50(product) / p50(master):.2f}   (budget 4)")


async def press(b: Bench, stream: StreamClient, job: int) -> float:
    loop = asyncio.get_running_loop()
    started = loop.time()
    execution = await b.journey.start(job)
    number = await stream.subscribe_log(execution["targets"][0]["id"])
    while not stream.logs[number]:
        await stream.receive()
    seconds = loop.time() - started
    await stream.log_until_end(number)
    await stream.send(type="unsubscribe", id=number)
    return seconds


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 40))
