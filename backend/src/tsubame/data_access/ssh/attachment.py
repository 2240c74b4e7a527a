"""つながっている一本(``Attachment``)。"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from tsubame.business.executions.remote_run import Cut, Hello, Outcome
from tsubame.business.servers.errors import ConnectionProblem
from tsubame.data_access.ssh.channel import RunChannel

_HELLO_TIMEOUT_S: Final = 60.0
_SILENCE_S: Final = 60.0


class SshAttachment:
    """``Attachment`` の実装。

    Args:
        channel: 走りにつながったチャンネル。
        still_running: 別の接続で走りの今を尋ねる。``False`` なら、ここはもう届かない。
        silence_s: 黙っていたら尋ねるまでの長さ。
    """

    def __init__(
        self, channel: RunChannel, still_running: Callable[[], Awaitable[bool]], silence_s: float = _SILENCE_S
    ) -> None:
        self.channel = channel
        self._still_running = still_running
        self._silence_s = silence_s

    async def hello(self) -> Hello | Outcome:
        channel = self.channel
        try:
            async with asyncio.timeout(_HELLO_TIMEOUT_S):
                while channel.hello is None and channel.outcome is None:
                    channel.moved.clear()
                    await channel.moved.wait()
        except TimeoutError:
            channel.give_up("the server did not answer in time")
        return channel.hello or self._settled()

    async def read(self) -> bytes:
        channel = self.channel
        while True:
            data = channel.take()
            if data or channel.outcome is not None:
                return data
            # 見てから待つまでのあいだに届いたものを逃さないよう、先に下ろす。
            channel.moved.clear()
            try:
                async with asyncio.timeout(self._silence_s):
                    await channel.moved.wait()
            except TimeoutError:
                await self._ask()

    async def outcome(self) -> Outcome:
        while self.channel.outcome is None:
            self.channel.moved.clear()
            await self.channel.moved.wait()
        return self._settled()

    async def close(self) -> None:
        # 閉じ切るのは待たない。sshd は追い手が消えるまで閉じず、席はそれまで使用中のまま数える。
        self.channel.give_up("closed by us")

    def _settled(self) -> Outcome:
        outcome = self.channel.outcome
        if isinstance(outcome, ConnectionProblem):
            raise outcome
        return outcome or Cut("not settled")

    async def _ask(self) -> None:
        """黙りこんだ走りを尋ねる。相手の追い手だけが死んでいることがある。"""
        try:
            alive = await self._still_running()
        except ConnectionProblem:
            # 尋ねられないのはネットワークのせい。この接続の生死は keepalive が 21 秒で決める。
            return
        if not alive:
            self.channel.give_up("the run went on or ended without this connection")
