"""遠隔の走り(``RemoteRuns``)を SSH の exec で行う。手順の全文は docs/architecture.md。"""

import asyncio
import secrets
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from tsubame.business.executions.errors import RunStillRunningError
from tsubame.business.executions.remote_run import CancelReport, Guard, RunOrder, Survey
from tsubame.business.servers.entities import Endpoint
from tsubame.business.servers.errors import ConnectionLostError, NoRunDirectoryError
from tsubame.data_access.ssh import shell_code
from tsubame.data_access.ssh.attachment import SshAttachment
from tsubame.data_access.ssh.channel import CommandChannel, RunChannel
from tsubame.data_access.ssh.control_lines import ControlLine
from tsubame.data_access.ssh.registry import ConnectionRegistry, ServerLines
from tsubame.data_access.ssh.survey import surveyed
from tsubame.data_access.ssh.upload import body, upload

_UPLOAD_TIMEOUT_S: Final = 120.0
_ANSWER_TIMEOUT_S: Final = 30.0


def command_for(endpoint: Endpoint, shell: str, operation: str, arguments: Sequence[str]) -> str:
    """要求に載せる一行。``arguments`` は run_id、nonce、以降は操作ごと。

    Raises:
        NoRunDirectoryError: 設定された置き場所に、どのシェルにも安全に渡せない文字がある。
    """
    directory = endpoint.run_directory or "-"
    try:
        shell_code.check_characters(directory)
    except shell_code.UnsafeShellCodeError as exc:
        raise NoRunDirectoryError(f"The path of the run directory cannot be used: {exc}.") from exc
    run_id, nonce, *rest = arguments
    return shell_code.command_line(shell, operation, (run_id, nonce, directory, *rest), endpoint.sudo)


class RemoteCommands:
    """操作の名前と引数から、exec の一行を組み立てて始める。"""

    def __init__(self, connections: ConnectionRegistry, shell: str = "/bin/sh") -> None:
        self._connections = connections
        self._shell = shell

    def lines_of(self, endpoint: Endpoint) -> ServerLines:
        return self._connections.of(endpoint)

    async def follow(
        self, endpoint: Endpoint, operation: str, run_id: str, offset: int, *arguments: str
    ) -> RunChannel:
        """ログの流れるチャンネルを開く。"""
        lines = self.lines_of(endpoint)
        nonce = secrets.token_hex(8)
        command = self._line(endpoint, operation, run_id, nonce, *arguments, lines.follower, str(offset))
        return await lines.runs.open(
            command, partial(RunChannel, nonce, offset, lines.learn_follower, endpoint.sudo)
        )

    async def ask(
        self,
        endpoint: Endpoint,
        operation: str,
        run_id: str,
        *arguments: str,
        timeout_s: float = _ANSWER_TIMEOUT_S,
    ) -> list[ControlLine]:
        """専用の接続で命令を一つ走らせ、制御の行を集める。

        Raises:
            ConnectionProblem: つながらない、または一行も答えずに終わった。
        """
        nonce = secrets.token_hex(8)
        command = self._line(endpoint, operation, run_id, nonce, *arguments)
        control = self.lines_of(endpoint).control
        channel = await control.open(command, partial(CommandChannel, nonce, endpoint.sudo))
        try:
            async with asyncio.timeout(timeout_s):
                await channel.send(b"")
                await channel.closed.wait()
        except TimeoutError as exc:
            raise ConnectionLostError("The server did not answer in time.") from exc
        finally:
            channel.abort()
        if not channel.lines:
            raise channel.silent_end()
        return channel.lines

    def _line(self, endpoint: Endpoint, operation: str, run_id: str, nonce: str, *arguments: str) -> str:
        return command_for(endpoint, self._shell, operation, (run_id, nonce, *arguments))


class SshRemoteRuns:
    """``RemoteRuns`` の実装。"""

    def __init__(self, commands: RemoteCommands) -> None:
        self._commands = commands

    async def start(
        self, endpoint: Endpoint, order: RunOrder, on_sending: Callable[[], None] = lambda: None
    ) -> SshAttachment:
        channel = await self._commands.follow(
            endpoint, "start", order.run_id, order.offset, *runner_arguments(order.guard, len(body(order)))
        )
        sent = False
        try:
            on_sending()
            async with asyncio.timeout(_UPLOAD_TIMEOUT_S):
                await channel.send(upload(order))
            sent = True
        except TimeoutError:
            channel.give_up("the server did not take the script in time")
        finally:
            if not sent:
                channel.abort()
        return self._attachment(endpoint, order.run_id, channel)

    async def attach(self, endpoint: Endpoint, run_id: str, offset: int) -> SshAttachment:
        channel = await self._commands.follow(endpoint, "attach", run_id, offset)
        await channel.send(b"")
        return self._attachment(endpoint, run_id, channel)

    async def cancel(self, endpoint: Endpoint, run_id: str, grace_s: float) -> CancelReport:
        lines = await self._commands.ask(
            endpoint, "cancel", run_id, _tenths(grace_s), timeout_s=grace_s + _ANSWER_TIMEOUT_S
        )
        values = lines[-1].values
        survivors = tuple(int(pid) for pid in values.get("left", "").split())
        return CancelReport(ended=values.get("ended") == "1", survivors=survivors)

    async def keep_contact(self, endpoint: Endpoint, run_id: str) -> None:
        await self._commands.ask(endpoint, "touch", run_id)

    async def remove(self, endpoint: Endpoint, run_id: str) -> None:
        lines = await self._commands.ask(endpoint, "remove", run_id)
        if lines[-1].verb == "fail":
            raise RunStillRunningError("This run is still running on the server.")

    async def survey(self, endpoint: Endpoint) -> Survey:
        return surveyed(await self._commands.ask(endpoint, "list", "-"))

    def _attachment(self, endpoint: Endpoint, run_id: str, channel: RunChannel) -> SshAttachment:
        return SshAttachment(channel, partial(self.still_running, endpoint, run_id))

    async def still_running(self, endpoint: Endpoint, run_id: str) -> bool:
        lines = await self._commands.ask(endpoint, "probe", run_id)
        return lines[-1].verb == "running"


def runner_arguments(guard: Guard | None, script_size: int) -> tuple[str, str, str]:
    """走り手の符号、スクリプトの長さ、見張りの決まり(なければ空)。"""
    limits = (
        "" if guard is None else f"{guard.timeout_s or '-'} {guard.contact_s or '-'} {_tenths(guard.grace_s)}"
    )
    return shell_code.code("runner"), str(script_size), limits


def _tenths(seconds: float) -> str:
    return str(max(0, round(seconds * 10)))
