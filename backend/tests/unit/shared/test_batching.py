"""同時に来た頼みを、一度の仕事にまとめる。"""

import asyncio
from collections.abc import Sequence

import pytest

from tsubame.business.shared.batching import Batcher


class Desk:
    """頼みを二倍にして返す係。``gate`` が開くまで、仕事は終わらない。"""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.began = asyncio.Event()
        self.seen: list[list[int]] = []

    async def work(self, items: Sequence[int]) -> Sequence[int]:
        self.seen.append(list(items))
        self.began.set()
        await self.gate.wait()
        if 0 in items:
            raise ZeroDivisionError
        return [item * 2 for item in items]


async def test_those_who_come_during_the_work_go_together() -> None:
    """一人目はすぐ始まり、その仕事のあいだに来た者は、次の一度にまとまる。"""
    desk = Desk()
    batcher = Batcher("double", desk.work)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(batcher.submit(1))
        await desk.began.wait()
        later = [group.create_task(batcher.submit(item)) for item in (2, 3, 4)]
        desk.gate.set()
    assert desk.seen == [[1], [2, 3, 4]]
    assert [task.result() for task in (first, *later)] == [2, 4, 6, 8]


async def test_batch_never_grows_past_the_limit() -> None:
    """何百人が一斉に来ても、一度の仕事は決めた数まで。"""
    desk = Desk()
    desk.gate.set()
    batcher = Batcher("double", desk.work, largest=3)
    assert await asyncio.gather(*(batcher.submit(item) for item in range(1, 8))) == [2, 4, 6, 8, 10, 12, 14]
    assert desk.seen == [[1, 2, 3], [4, 5, 6], [7]]


async def test_failure_reaches_everyone_of_that_batch_only() -> None:
    """仕事が失敗したら、その回に頼んだ者みなに届き、前後の回には響かない。"""
    desk = Desk()
    batcher = Batcher("double", desk.work)
    first = asyncio.create_task(batcher.submit(1))
    await desk.began.wait()
    failing = [asyncio.create_task(batcher.submit(item)) for item in (0, 5)]
    desk.gate.set()
    assert await first == 2
    for task in failing:
        with pytest.raises(ZeroDivisionError):
            await task
    assert await batcher.submit(6) == 12


async def test_one_who_leaves_does_not_stop_the_others() -> None:
    """待つのをやめた者がいても、同じ回のほかの者は結果を受け取る。"""
    desk = Desk()
    batcher = Batcher("double", desk.work)
    leaving = asyncio.create_task(batcher.submit(1))
    staying = asyncio.create_task(batcher.submit(2))
    await desk.began.wait()
    leaving.cancel()
    desk.gate.set()
    assert await staying == 4
    with pytest.raises(asyncio.CancelledError):
        await leaving
