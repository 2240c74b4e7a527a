"""接続試験(``ConnectionTester``)。使い回しの接続は使わず、段ごとに測りながら一から張る。"""

import asyncio
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

import asyncssh

from tsubame.business.servers.entities import Endpoint, HostKey, TestStep, TestStepName
from tsubame.business.servers.errors import (
    ConnectionLostError,
    ConnectionProblem,
    HostKeyUnknownError,
    NoRunDirectoryError,
)
from tsubame.data_access.ssh.channel import CommandChannel, open_channel
from tsubame.data_access.ssh.connection import Dialer, connect_tcp, resolve
from tsubame.data_access.ssh.control_lines import ControlLine
from tsubame.data_access.ssh.errors import translate_open
from tsubame.data_access.ssh.host_keys import SshHostKeyScanner
from tsubame.data_access.ssh.remote_run import command_for

_CHECK_TIMEOUT_S: Final = 30.0
_KIB: Final = 1024

Facts = dict[str, str | int]


class SshConnectionTester:
    """``ConnectionTester`` の実装。"""

    def __init__(self, shell: str = "/bin/sh") -> None:
        self._shell = shell

    async def test(self, endpoint: Endpoint) -> list[TestStep]:
        trial = _Trial(endpoint, self._shell)
        try:
            await trial.run()
        except ConnectionProblem:
            # 失敗は、その段の記録として残してある。
            return trial.steps
        finally:
            if trial.connection is not None:
                trial.connection.close()
        return trial.steps


class _Trial:
    """試験一回。"""

    def __init__(self, endpoint: Endpoint, shell: str) -> None:
        self.steps: list[TestStep] = []
        self.connection: asyncssh.SSHClientConnection | None = None
        self._endpoint = endpoint
        self._shell = shell

    async def run(self) -> None:
        endpoint = self._endpoint
        with self._step(TestStepName.DNS) as facts:
            addresses = await resolve(endpoint.host, endpoint.port)
            facts["address"] = addresses[0][1][0]
        with self._step(TestStepName.TCP) as facts:
            sock = await connect_tcp(addresses)
            facts.update(address=str(sock.getpeername()[0]), port=endpoint.port)
        if endpoint.host_key is None:
            sock.close()
            await self._show_unknown_key()
        dialer = Dialer(endpoint)
        peer = dialer.peer()
        # 握手とログインは一息に進むので、鍵を認めた時刻で二つの段に分ける。
        began, problem = time.monotonic(), None
        try:
            self.connection = await dialer.log_in(sock, peer)
        except ConnectionProblem as exc:
            problem = exc
        self._record_handshake(began, peer.verified_at, peer.offered, problem)
        await self._use_shell()

    async def _show_unknown_key(self) -> None:
        with self._step(TestStepName.HOST_KEY) as facts:
            offered = await SshHostKeyScanner().scan(self._endpoint.host, self._endpoint.port)
            facts.update(_key_facts(offered))
            raise HostKeyUnknownError("The host key of this server has not been approved yet.")

    def _record_handshake(
        self,
        began: float,
        verified_at: float | None,
        offered: HostKey | None,
        problem: ConnectionProblem | None,
    ) -> None:
        facts: Facts = {} if offered is None else _key_facts(offered)
        self._record(TestStepName.HOST_KEY, began, problem if verified_at is None else None, facts)
        if verified_at is None:
            raise problem or ConnectionLostError("The server presented no host key.")
        facts = {"username": self._endpoint.username}
        if self.connection is not None:
            facts["server_version"] = str(self.connection.get_extra_info("server_version", ""))
        self._record(TestStepName.LOGIN, verified_at, problem, facts)
        if problem is not None:
            raise problem

    async def _use_shell(self) -> None:
        with self._step(TestStepName.SHELL) as facts:
            lines = {line.verb: line for line in await self._check()}
            said = lines["shell"].values
            facts.update(shell=said.get("shell", ""), uname=said.get("uname", ""))
        with self._step(TestStepName.RUN_DIRECTORY) as facts:
            if "directory" not in lines:
                raise NoRunDirectoryError("No directory on the server can hold the records of a run.")
            said = lines["directory"].values
            facts.update(directory=said["d"], free_bytes=int(said["free_kb"]) * _KIB)

    async def _check(self) -> list[ControlLine]:
        assert self.connection is not None  # noqa: S101  型のため。ログインの段が済んでいる
        nonce = secrets.token_hex(8)
        command = command_for(self._endpoint, self._shell, "check", (f"check-{nonce}", nonce))
        try:
            async with asyncio.timeout(_CHECK_TIMEOUT_S):
                _, channel = await open_channel(self.connection, command, partial(CommandChannel, nonce))
                await channel.send(b"")
                await channel.closed.wait()
        except (asyncssh.Error, OSError) as exc:
            raise translate_open(exc) from exc
        if not channel.lines:
            raise channel.silent_end()
        return channel.lines

    @contextmanager
    def _step(self, name: TestStepName) -> Iterator[Facts]:
        facts: Facts = {}
        began = time.monotonic()
        try:
            yield facts
        except ConnectionProblem as problem:
            self._record(name, began, problem, facts)
            raise
        self._record(name, began, None, facts)

    def _record(
        self, name: TestStepName, began: float, problem: ConnectionProblem | None, facts: Facts
    ) -> None:
        self.steps.append(
            TestStep(
                name=name,
                duration_ms=(time.monotonic() - began) * 1000,
                reason=None if problem is None else problem.code,
                detail="" if problem is None else problem.detail,
                facts=facts,
            )
        )


def _key_facts(key: HostKey) -> Facts:
    return {"algorithm": key.algorithm, "fingerprint": key.fingerprint}
