"""このワーカーが、今、新しい対象を引き受けてよいか。"""

import asyncio


class Duty:
    """心拍が書き換え、受け取る係が見る。"""

    def __init__(self) -> None:
        self._on = asyncio.Event()
        self._off = asyncio.Event()
        self._on.set()

    def set(self, *, draining: bool) -> None:
        raised, lowered = (self._off, self._on) if draining else (self._on, self._off)
        lowered.clear()
        raised.set()

    async def on(self) -> None:
        """引き受けてよくなるまで待つ。"""
        await self._on.wait()

    async def off(self) -> None:
        """引き受けを止めるよう言われるまで待つ。"""
        await self._off.wait()
