"""exec のチャンネル一本。制御の行とログのバイトを分け、結末を決める。"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final, TypeVar, cast

import asyncssh

from tsubame.business.executions.remote_run import Cut, Exited, Hello, Lost, Outcome, Refused
from tsubame.business.servers.entities import Sudo
from tsubame.business.servers.errors import (
    ConnectionLostError,
    ConnectionProblem,
    PasswordChangeRequiredError,
    ShellUnusableError,
    SudoNotAllowedError,
)
from tsubame.data_access.ssh.control_lines import PREFIX, ControlLine, ControlReader
from tsubame.data_access.ssh.sudo import SudoGate

_HIGH_WATER: Final = 2 * 1024 * 1024
_NOISE_LIMIT: Final = 1024 * 1024
# 携帯電話での承認を待つ sudo もある
_SUDO_TIMEOUT_S: Final = 60.0

_START_FAILURES: Final = frozenset({"working_directory", "interpreter", "files"})


class CommandChannel(asyncssh.SSHClientSession[bytes]):
    """一つの命令のチャンネル。制御の行を集め、閉じたら ``closed`` が立つ。"""

    def __init__(self, nonce: str, sudo: Sudo | None = None) -> None:
        self.closed = asyncio.Event()
        self.lines: list[ControlLine] = []
        self._control = ControlReader(nonce)
        self._gate = SudoGate(sudo, nonce)
        self._channel: asyncssh.SSHClientChannel[bytes] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._loss: Exception | None = None
        self._exit_status: int | None = None
        self._killed = False

    # ---- asyncssh から呼ばれる

    def connection_made(self, chan: asyncssh.SSHClientChannel[bytes]) -> None:
        self._channel = chan
        chan.set_write_buffer_limits(high=0, low=0)

    def data_received(self, data: bytes, datatype: int | None) -> None:
        if datatype == asyncssh.EXTENDED_DATA_STDERR:
            for line in self._control.feed(data):
                if not self._gate.hears(line):
                    self.lines.append(line)
                    self.on_line(line)
            self._answer_sudo()
        else:
            self.on_data(data)

    def exit_status_received(self, status: int) -> None:
        self._exit_status = status

    def exit_signal_received(self, *details: object) -> None:
        del details
        self._killed = True

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._loss = exc
        self._writable.set()
        self.on_closed()
        self.closed.set()
        self._gate.passed.set()

    # ---- 差し替える口

    def on_line(self, line: ControlLine) -> None:
        """制御の行が一つ届いた。"""

    def on_data(self, data: bytes) -> None:
        """標準出力が届いた。ログでないものは雑音。"""
        self._control.hear(data)

    def on_closed(self) -> None:
        """閉じた。"""

    # ---- 使う側

    async def send(self, data: bytes) -> None:
        """全部を送り出し、標準入力を閉じる。相手が読まずに応えたか閉じたら、そこでやめる。"""
        if self._channel is None:
            return
        try:
            async with asyncio.timeout(_SUDO_TIMEOUT_S):
                await self._gate.passed.wait()
        except TimeoutError:
            self._gate.problem = SudoNotAllowedError(f"sudo did not go on. It said: {self._control.noise}")
            self.abort()
            return
        # 相手が先に閉じていたら OSError になる。わけは、閉じたときに分かる。
        with suppress(OSError):
            self._channel.write(data)
            await self._writable.wait()
            self._channel.write_eof()

    def _answer_sudo(self) -> None:
        answer = self._gate.answer(self._control)
        if answer is not None and self._channel is not None:
            self._channel.write(answer)
        elif self._gate.problem is not None:
            self.abort()

    def abort(self) -> None:
        if self._channel is not None and not self.closed.is_set():
            self._channel.abort()

    def silent_end(self) -> ConnectionProblem:
        """一行も答えずに閉じたときに投げるもの。"""
        end = self.end_without_answer()
        return ConnectionLostError(f"The connection was lost: {end.detail}.") if isinstance(end, Cut) else end

    def end_without_answer(self) -> ConnectionProblem | Cut:
        """応えないまま閉じたわけ。

        シェルが自分から終わったのなら、何度つないでも同じ(ForceCommand、nologin、制限つきシェル)。
        切れた・殺されたのなら、つなぎ直せばよい。
        """
        if self._gate.problem is not None:
            return self._gate.problem
        if self._loss is not None:
            return Cut(str(self._loss))
        if self._killed or self._exit_status is None:
            return Cut("the remote shell was killed before it answered")
        noise = self._control.noise
        refused = self._gate.refusal(noise)
        if refused is not None:
            return refused
        if "password change required" in noise.lower():
            return PasswordChangeRequiredError(f"The server wants the password to be changed first: {noise}")
        said = f"It said: {noise}" if noise else f"It ended with status {self._exit_status} and said nothing"
        return ShellUnusableError(f"The login works, but the server does not run commands. {said}")


Channel = TypeVar("Channel", bound=CommandChannel)


class ClosedEarlyError(asyncssh.ChannelOpenError):
    """命令への返事より先に、相手がチャンネルを閉じた。命令を断られたのではない。

    dropbear(2022.83 で見た)は、同じ接続の上で短い命令が続くと、前の命令の終わりを新しいチャンネルの
    ものと取り違えて閉じることがある。
    """


async def open_channel(
    connection: asyncssh.SSHClientConnection, command: str, make: Callable[[], Channel]
) -> tuple[asyncssh.SSHClientChannel[bytes], Channel]:
    """接続の上で命令を始める。Raises: asyncssh.Error(ClosedEarlyError を含む)、OSError。"""
    made: list[Channel] = []

    def remember() -> Channel:
        made.append(make())
        return made[-1]

    try:
        chan, channel = await connection.create_session(remember, command, encoding=None)
    except asyncssh.ChannelOpenError as exc:
        # 相手が先に閉じていたなら、その片付けは次の一回りで済む。こちらから閉じたのなら、往復の分かかる
        await asyncio.sleep(0)
        if any(channel.closed.is_set() for channel in made):
            raise ClosedEarlyError(exc.code, exc.reason) from exc
        raise
    return chan, cast("Channel", channel)


class RunChannel(CommandChannel):
    """走りにつながったチャンネル。``offset`` からのログのバイトだけを溜める。"""

    def __init__(
        self, nonce: str, offset: int, on_follower: Callable[[str], None], sudo: Sudo | None = None
    ) -> None:
        super().__init__(nonce, sudo)
        self._on_follower = on_follower
        self.hello: Hello | None = None
        self.outcome: Outcome | ConnectionProblem | None = None
        self.moved = asyncio.Event()
        self._mark = PREFIX + nonce.encode("ascii") + b"\n"
        self._before_mark: bytes | None = b""
        self._skipped = 0
        self._at = offset
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._paused = False
        self._end: ControlLine | None = None

    def on_line(self, line: ControlLine) -> None:
        if self.outcome is not None:
            return
        if line.verb == "hello":
            self.hello = Hello(directory=line.values.get("d", ""), follower=line.values.get("fol", "a"))
            self._on_follower(self.hello.follower)
            # 相手が応えたなら、残りの送信を待つ意味はない(もう走っていて、読まれないことがある)。
            self._writable.set()
        elif line.verb == "fail":
            self._settle(Refused(line.values.get("why", "")))
        elif line.verb in {"exit", "lost", "again"}:
            self._end = line
            self._check_end()
        self.moved.set()

    def on_data(self, data: bytes) -> None:
        if self.outcome is not None:
            return
        if self._before_mark is not None:
            data = self._after_mark(self._before_mark + data)
        size = self._log_size()
        if size is not None:
            # 終わったあとに背後の子が書いた分は、この走りのログではない。
            data = data[: max(0, size - self._at)]
        if data:
            self._at += len(data)
            self._pending.append(data)
            self._pending_bytes += len(data)
            self._pause_if_full()
        self._check_end()
        self.moved.set()

    def _after_mark(self, seen: bytes) -> bytes:
        before, mark, after = seen.partition(self._mark)
        if mark:
            self._before_mark = None
            return after
        keep = len(self._mark) - 1
        self._control.hear(before[:-keep])
        self._skipped += len(before[:-keep])
        self._before_mark = before[-keep:]
        if self._skipped > _NOISE_LIMIT:
            self._settle(ShellUnusableError(f"The login shell prints too much: {self._control.noise}"))
            self.abort()
        return b""

    def _log_size(self) -> int | None:
        if self._end is None or self._end.verb != "exit":
            return None
        return int(self._end.values["size"])

    def _check_end(self) -> None:
        size = self._log_size()
        if self._end is not None and size is not None and self._at >= size:
            self._settle(_ended(self._end, size))

    def on_closed(self) -> None:
        if self._before_mark:
            self._control.hear(self._before_mark)
        if self.outcome is None:
            self._settle(self._why_closed())
        self.moved.set()

    def _why_closed(self) -> Outcome | ConnectionProblem:
        if self._end is not None and self._end.verb == "lost":
            return Lost(self._end.values.get("why", ""))
        if self._end is not None and self._end.verb == "exit":
            if self._loss is None:
                # 覚えていた追い手の種類が合わなくなった(tail が入れ替わった)のかもしれない。
                self._on_follower("a")
            return Cut("the connection ended before the whole log arrived")
        if self.hello is not None or self._end is not None:
            return Cut(str(self._loss) if self._loss else "the follower on the server ended")
        return self.end_without_answer()

    def _settle(self, outcome: Outcome | ConnectionProblem) -> None:
        if self.outcome is None:
            self.outcome = outcome
            self._writable.set()
            if self.hello is None:
                # 応える前に終わったなら、届いていたものは別の追い手の分と重なりうる。
                self._pending.clear()

    def _pause_if_full(self) -> None:
        if not self._paused and self._pending_bytes > _HIGH_WATER and self._channel is not None:
            self._paused = True
            self._channel.pause_reading()

    def take(self) -> bytes:
        """溜まったものを全部渡す。"""
        data = self._pending[0] if len(self._pending) == 1 else b"".join(self._pending)
        self._pending.clear()
        self._pending_bytes = 0
        if self._paused and self._channel is not None:
            self._paused = False
            if not self.closed.is_set():
                self._channel.resume_reading()
        return data

    def give_up(self, why: str) -> None:
        """手を離す。溜まったものは読める。"""
        self._settle(Cut(why))
        self.abort()
        self.moved.set()


def _ended(line: ControlLine, size: int) -> Outcome:
    note = line.values.get("note", "-")
    if note == "write":
        return Refused("write")
    guarded_by, *survivors = note.split(",")
    return Exited(
        exit_code=int(line.values["rc"]),
        size=size,
        duration_s=_duration(line.values.get("up", "")),
        cancelled="cancelled" in line.values,
        start_failure=note if note in _START_FAILURES else None,
        log_incomplete=note == "full",
        guarded_by=guarded_by if guarded_by in {"timed_out", "contact_lost"} else None,
        survivors=tuple(int(pid) for pid in survivors),
    )


def _duration(uptimes: str) -> float | None:
    began, _, ended = uptimes.partition("-")
    try:
        return max(0.0, float(ended) - float(began))
    except ValueError:
        return None
