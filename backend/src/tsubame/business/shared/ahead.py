"""一つ先を、もう始めておく。"""

import asyncio
from collections.abc import AsyncGenerator
from typing import Final, Generic, TypeVar

ItemT = TypeVar("ItemT")

_END: Final = object()


class Ahead(Generic[ItemT]):
    """``source`` の次の一つを、受け手が前の一つを使っているあいだに用意する。

    用意するのは一つだけなので、受け手が遅ければ源も待つ。作ったところで始まるので、並べて作れば並んで進む。
    使い終わったら、途中でも ``aclose`` すること(``contextlib.aclosing`` でよい)。
    """

    def __init__(self, source: AsyncGenerator[ItemT, None], name: str) -> None:
        self._source = source
        self._name = name
        self._next = self._start()

    def __aiter__(self) -> "Ahead[ItemT]":
        return self

    async def __anext__(self) -> ItemT:
        item = await self._next
        if item is _END:
            raise StopAsyncIteration
        self._next = self._start()
        return item  # type: ignore[return-value]  # _END でなければ ItemT

    async def ready(self, seconds: float) -> bool:
        """次が来たか、源が終わったか失敗したら、すぐ真。``seconds`` 待っても来なければ偽。"""
        done, _ = await asyncio.wait({self._next}, timeout=seconds)
        return bool(done)

    async def aclose(self) -> None:
        """始めていた分を止め、源を閉じる。"""
        self._next.cancel()
        await asyncio.wait({self._next})
        if not self._next.cancelled():
            # 受け手がもう要らないと言ったあとの失敗。拾っておかないと「だれも見ていない」と警告される
            self._next.exception()
        await self._source.aclose()

    def _start(self) -> asyncio.Task[object]:
        return asyncio.create_task(self._take(), name=self._name)

    async def _take(self) -> object:
        return await anext(self._source, _END)
