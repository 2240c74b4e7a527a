"""接続試験(``ConnectionTester``)。使い回しの接続は使わず、段ごとに測りながら一から張る。"""

import asyncio
import secrets
import socket
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
    CredentialUnusableError,
    HostKeyUnknownError,
    NoRunDirectoryError,
)
from tsubame.business.shared.ids import ServerId
from tsubame.data_access.ssh.channel import CommandChannel, open_channel
from tsubame.data_access.ssh.connection import Peer, connect_tcp, handshake, resolve
from tsubame.data_access.ssh.control_lines import ControlLine
from tsubame.data_access.ssh.dialer import Dialer, Tunnels
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
        tunnels = Tunnels()
        trial = _Trial(endpoint, self._shell, tunnels)
        try:
            await trial.run()
        except ConnectionProblem:
            # 失敗は、その段の記録として残してある。
            return trial.steps
        finally:
            if trial.connection is not None:
                trial.connection.close()
            await tunnels.close()
        return trial.steps


class _Trial:
    """試験一回。"""

    def __init__(self, endpoint: Endpoint, shell: str, tunnels: Tunnels) -> None:
        self.steps: list[TestStep] = []
        self.connection: asyncssh.SSHClientConnection | None = None
        self._endpoint = endpoint
        self._shell = shell
        self._tunnels = tunnels
        self._dialer = Dialer(endpoint, tunnels)

    async def run(self) -> None:
        for hop in self._endpoint.hops:
            with self._step(TestStepName.JUMP, hop.server_id) as facts:
                facts.update(server=hop.name, address=hop.host, port=hop.port)
                await self._tunnels.check(hop)
        if self._endpoint.via is None:
            await self._log_in()
        else:
            await self._log_in_through()
        await self._use_shell()

    async def _log_in(self) -> None:
        endpoint = self._endpoint
        with self._step(TestStepName.DNS) as facts:
            addresses = await resolve(endpoint.host, endpoint.port)
            facts["address"] = addresses[0][1][0]
        with self._step(TestStepName.TCP) as facts:
            sock = await connect_tcp(addresses, endpoint.options.connect_timeout_s)
            facts.update(address=str(sock.getpeername()[0]), port=endpoint.port)
        if endpoint.host_key is None:
            sock.close()
            await self._show_unknown_key()
        peer, began, problem = self._dialer.peer(), time.monotonic(), None
        try:
            self.connection = await handshake(sock, peer, await self._options_for(sock))
        except ConnectionProblem as exc:
            problem = exc
        self._record_handshake(began, peer, problem)

    async def _options_for(self, sock: socket.socket) -> asyncssh.SSHClientConnectionOptions:
        try:
            return await self._dialer.options()
        except CredentialUnusableError:
            sock.close()
            raise

    async def _log_in_through(self) -> None:
        """踏み台の中を通ると、つながるのも握手も一息に進む。"""
        if self._endpoint.host_key is None:
            await self._show_unknown_key()
        peer, began, problem = self._dialer.peer(), time.monotonic(), None
        try:
            options = await self._dialer.options()
            self.connection = await self._tunnels.reach(self._endpoint.route, peer, options)
        except ConnectionProblem as exc:
            problem = exc
        facts: Facts = {"address": self._endpoint.host, "port": self._endpoint.port}
        reached = peer.connected_at
        self._record(TestStepName.TCP, began, problem if reached is None else None, facts)
        if reached is None:
            raise problem or ConnectionLostError("The server did not answer.")
        self._record_handshake(reached, peer, problem)

    async def _show_unknown_key(self) -> None:
        with self._step(TestStepName.HOST_KEY) as facts:
            offered = await SshHostKeyScanner(self._tunnels).scan(self._endpoint.route)
            facts.update(_key_facts(offered))
            raise HostKeyUnknownError("The host key of this server has not been approved yet.")

    def _record_handshake(self, began: float, peer: Peer, problem: ConnectionProblem | None) -> None:
        """握手とログインは一息に進むので、鍵を認めた時刻で二つの段に分ける。"""
        verified_at = peer.verified_at
        facts: Facts = {} if peer.offered is None else _key_facts(peer.offered)
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
            facts.update({name: said.get(name, "") for name in ("shell", "uname", "detached")})
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
                make = partial(CommandChannel, nonce, self._endpoint.sudo)
                _, channel = await open_channel(self.connection, command, make)
                await channel.send(b"")
                await channel.closed.wait()
        except (asyncssh.Error, OSError) as exc:
            raise translate_open(exc) from exc
        if not channel.lines:
            raise channel.silent_end()
        return channel.lines

    @contextmanager
    def _step(self, name: TestStepName, hop: ServerId | None = None) -> Iterator[Facts]:
        facts: Facts = {}
        began = time.monotonic()
        try:
            yield facts
        except ConnectionProblem as problem:
            self._record(name, began, problem, facts, hop)
            raise
        self._record(name, began, None, facts, hop)

    def _record(
        self,
        name: TestStepName,
        began: float,
        problem: ConnectionProblem | None,
        facts: Facts,
        hop: ServerId | None = None,
    ) -> None:
        self.steps.append(
            TestStep(
                name=name,
                duration_ms=(time.monotonic() - began) * 1000,
                reason=None if problem is None else problem.code,
                detail="" if problem is None else problem.detail,
                facts=facts,
                hop=hop,
            )
        )


def _key_facts(key: HostKey) -> Facts:
    return {"algorithm": key.algorithm, "fingerprint": key.fingerprint}
