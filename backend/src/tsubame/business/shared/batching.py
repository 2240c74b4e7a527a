"""同時に来た頼みを、一度の仕事にまとめる。"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


@dataclass(slots=True)
class _Batch(Generic[ItemT, ResultT]):
    """一度の仕事にまとまる頼み。"""

    items: list[ItemT] = field(default_factory=list)
    done: asyncio.Task[Sequence[ResultT]] | None = None


class Batcher(Generic[ItemT, ResultT]):
    """一つの仕事が済むのを待つあいだに来た頼みを、次の仕事にまとめる。

    時間を決めて溜めるのではないので、ひとりで来た頼みは少しも遅れない。混むほど大きくまとまる。
    仕事が失敗したら、その回に頼んだ者みなに、同じ失敗が届く。
    """

    def __init__(
        self, name: str, work: Callable[[Sequence[ItemT]], Awaitable[Sequence[ResultT]]], largest: int = 200
    ) -> None:
        """``work`` は、頼みと同じ並びで、一つずつの結果を返すこと。"""
        self._name = name
        self._work = work
        self._largest = largest
        self._turn = asyncio.Lock()
        self._forming: _Batch[ItemT, ResultT] | None = None

    async def submit(self, item: ItemT) -> ResultT:
        """頼み、自分の分の結果を待つ。待つのをやめても、頼んだことは行われうる。"""
        batch = self._forming
        if batch is None or len(batch.items) >= self._largest:
            batch = self._forming = _Batch()
            batch.done = asyncio.create_task(self._do(batch), name=self._name)
        place = len(batch.items)
        batch.items.append(item)
        assert batch.done is not None  # noqa: S101  すぐ上で必ず入れている
        results = await asyncio.shield(batch.done)
        return results[place]

    async def _do(self, batch: _Batch[ItemT, ResultT]) -> Sequence[ResultT]:
        async with self._turn:
            # ここから先に来た頼みは、次の回になる
            if self._forming is batch:
                self._forming = None
            return await self._work(batch.items)
