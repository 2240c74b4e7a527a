"""一つのサーバへの接続の使い回し。MaxSessions と MaxStartups を学び、断られる代わりに並んで待つ。

- 同時に張るのは四本まで。ログインの前に切られたら半分にし、間をあけてやり直す(MaxStartups)。
- 一本に載せるのは十まで。開けないと言われたら、その接続は一つ終わるまで満杯とみなす(MaxSessions)。
- 席が空くのは、チャンネルが閉じ切ってから。終了を聞いた時点では、sshd はまだ一つと数えている。
"""

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, Final

import asyncssh
from asyncssh.constants import OPEN_REQUEST_SESSION_FAILED

from tsubame.business.servers.errors import (
    ConnectionLostError,
    ConnectionProblem,
    ServerBusyError,
    ShellUnusableError,
)
from tsubame.data_access.ssh.channel import Channel, ClosedEarlyError, CommandChannel, open_channel
from tsubame.data_access.ssh.errors import translate_open

_LEASE_TIMEOUT_S: Final = 60.0
_OPEN_TIMEOUT_S: Final = 30.0
_FIRST_BACKOFF_S: Final = 0.1
_LONGEST_BACKOFF_S: Final = 5.0
_STALE_RETRIES: Final = 3

Dial = Callable[[], Awaitable[asyncssh.SSHClientConnection]]


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """使い回しの上限。"""

    connections: int = 128
    connecting: int = 4
    sessions: int = 10
    idle_s: float = 300.0


@dataclass(slots=True, eq=False)
class _Line:
    """接続一本。``leased`` は貸した席(開く途中も)、``opened`` は開けた席。"""

    connection: asyncssh.SSHClientConnection
    leased: int = 0
    opened: int = 0
    peak: int = 0
    full: bool = False
    refused: bool = False
    idle: asyncio.TimerHandle | None = field(default=None)

    @property
    def usable(self) -> bool:
        return not self.connection.is_closed()


class SessionPool:
    """一つのサーバ、一つの認証情報の、接続の束。"""

    def __init__(self, name: str, dial: Dial, limits: PoolLimits) -> None:
        self._name = name
        self._dial = dial
        self._limits = limits
        self._connecting_limit = limits.connecting
        self._session_limit = limits.sessions
        self._lines: list[_Line] = []
        self._waiting: deque[asyncio.Future[_Line]] = deque()
        self._connecting = 0
        self._retired = self._closed = False
        self._tasks: set[asyncio.Task[Any]] = set()

    async def open(self, command: str, make: Callable[[], Channel]) -> Channel:
        """命令を一つ始める。

        Raises:
            ConnectionProblem: つながらない、または命令を始められない。
        """
        stale = 0
        while True:
            if self._closed:
                raise ConnectionLostError("The connections have been closed.")
            line = await self._lease()
            task = self._spawn(self._open_on(line, command, make), "open")
            try:
                channel: Channel | None = await asyncio.shield(task)
            except asyncio.CancelledError as exc:
                task.add_done_callback(_abandon)
                me = asyncio.current_task()
                if task.cancelled() and me is not None and not me.cancelling():
                    # 止められたのは頼んだ側ではなく、接続の束のほう(close)。
                    raise ConnectionLostError("The connections are being closed.") from exc
                raise
            except ConnectionLostError:
                # 使っていないあいだに切れていた接続は、張り直せば済む。
                stale += 1
                if stale >= _STALE_RETRIES:
                    raise
                continue
            if channel is not None:
                return channel

    @property
    def busy(self) -> bool:
        """まだ閉じていない接続か、待つ者がいる。"""
        return bool(self._lines or self._waiting or self._tasks)

    def retire(self) -> None:
        """新しい仕事を載せず、使い終わった接続から閉じる。"""
        self._retired = True
        for line in list(self._lines):
            if line.leased == 0:
                self._drop(line)

    async def close(self) -> None:
        """全部を今すぐ閉じる。以後は開けない。"""
        self._retired = self._closed = True
        self._fail_waiting(ConnectionLostError("The connections are being closed."))
        connections = [line.connection for line in self._lines]
        while self._tasks or self._lines:
            for line in list(self._lines):
                self._drop(line, abort=True)
            for task in self._tasks:
                task.cancel()
            if self._tasks:
                await asyncio.wait(self._tasks)
        for connection in connections:
            await connection.wait_closed()

    # ---- 席

    async def _lease(self) -> _Line:
        future: asyncio.Future[_Line] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        self._wake()
        try:
            async with asyncio.timeout(_LEASE_TIMEOUT_S):
                return await future
        except TimeoutError as exc:
            self._return_unused(future)
            raise ServerBusyError("No session became free on the server in time.") from exc
        except asyncio.CancelledError:
            self._return_unused(future)
            raise

    def _return_unused(self, future: asyncio.Future[_Line]) -> None:
        """待つのをやめた者に、ちょうど席が渡されていたら、返す。"""
        if future in self._waiting:
            self._waiting.remove(future)
        elif not future.cancelled() and future.exception() is None:
            self._give_back(future.result(), opened=False)

    def _wake(self) -> None:
        self._lines = [line for line in self._lines if line.usable]
        while self._waiting:
            if self._waiting[0].done():
                self._waiting.popleft()
                continue
            line = next(
                (line for line in self._lines if line.leased < self._session_limit and not line.full), None
            )
            if line is None:
                break
            line.leased += 1
            if line.idle is not None:
                line.idle.cancel()
                line.idle = None
            self._waiting.popleft().set_result(line)
        needed = -(-len(self._waiting) // max(1, self._session_limit))
        room = self._limits.connections - len(self._lines) - self._connecting
        for _ in range(min(self._connecting_limit, needed, room + self._connecting) - self._connecting):
            self._connecting += 1
            self._spawn(self._connect(), "connect")

    def _give_back(self, line: _Line, *, opened: bool) -> None:
        line.leased -= 1
        line.opened -= opened
        self._learn(line)
        if opened:
            line.full = False
        if line.leased == 0 and line.full:
            # こちらの勘定では空なのに断られた。手を離した追い手が席に残っているので、接続ごと替える。
            self._drop(line)
        elif line.leased == 0:
            self._rest(line)
        self._wake()

    def _rest(self, line: _Line) -> None:
        if self._retired:
            self._drop(line)
            return
        loop = asyncio.get_running_loop()
        line.idle = loop.call_later(self._limits.idle_s, self._drop, line)

    def _drop(self, line: _Line, *, abort: bool = False) -> None:
        if line.idle is not None:
            line.idle.cancel()
        if line in self._lines:
            self._lines.remove(line)
        if abort:
            line.connection.abort()
        else:
            line.connection.close()

    # ---- 接続

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        deadline, backoff = loop.time() + _LEASE_TIMEOUT_S, _FIRST_BACKOFF_S
        try:
            while True:
                try:
                    connection = await self._dial()
                except ServerBusyError as problem:
                    self._connecting_limit = max(1, self._connecting_limit // 2)
                    if loop.time() > deadline or not self._waiting:
                        self._fail_waiting(problem)
                        return
                    await asyncio.sleep(backoff * random.uniform(0.5, 1.5))  # noqa: S311  散らすだけで、秘密ではない
                    backoff = min(backoff * 2, _LONGEST_BACKOFF_S)
                    continue
                except ConnectionProblem as problem:
                    # 生きている接続があるなら、待つ者はそちらの席が空くのを待てる。
                    if not any(line.usable for line in self._lines):
                        self._fail_waiting(problem)
                    return
                line = _Line(connection)
                self._lines.append(line)
                self._rest(line)
                return
        finally:
            self._connecting -= 1
            self._wake()

    def _fail_waiting(self, problem: ConnectionProblem) -> None:
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_exception(problem)

    # ---- チャンネル

    async def _open_on(self, line: _Line, command: str, make: Callable[[], Channel]) -> Channel | None:
        """この接続の上で開く。もう載らないと言われたら ``None``(ほかを当たる)。"""
        opened = False
        try:
            async with asyncio.timeout(_OPEN_TIMEOUT_S):
                asyncssh_channel, channel = await open_channel(line.connection, command, make)
            opened = True
        except asyncssh.ChannelOpenError as exc:
            if not line.usable:
                raise ConnectionLostError("The connection was lost before the command started.") from exc
            only_one = line.peak == 0 and line.leased == 1
            too_many = exc.code != OPEN_REQUEST_SESSION_FAILED
            if only_one or not (too_many or isinstance(exc, ClosedEarlyError)):
                raise ShellUnusableError(
                    f"The server does not allow running a command: {exc.reason}."
                ) from exc
            line.full = True
            line.refused |= too_many
            return None
        except (asyncssh.Error, OSError) as exc:
            line.connection.abort()
            raise translate_open(exc) from exc
        finally:
            if not opened:
                self._give_back(line, opened=False)
        line.opened += 1
        line.peak = max(line.peak, line.opened)
        self._learn(line)
        self._spawn(self._until_closed(line, asyncssh_channel), "session")
        return channel

    def _learn(self, line: _Line) -> None:
        # 断られたあと、開けたものと貸したものが一致したとき、開けた数の最大が MaxSessions。
        if line.refused and line.opened == line.leased and line.peak:
            self._session_limit = min(self._session_limit, line.peak)

    async def _until_closed(self, line: _Line, channel: asyncssh.SSHClientChannel[bytes]) -> None:
        try:
            await channel.wait_closed()
        finally:
            self._give_back(line, opened=True)

    def _spawn(self, work: Coroutine[Any, Any, Any], what: str) -> asyncio.Task[Any]:
        task = asyncio.create_task(work, name=f"ssh {what} {self._name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _abandon(task: asyncio.Task[CommandChannel | None]) -> None:
    """待つ者がいなくなったチャンネルを閉じる。"""
    if not task.cancelled() and task.exception() is None:
        channel = task.result()
        if channel is not None:
            channel.abort()
