"""災い: 種から決まる順に、殺す・切る・凍らせる・止める。"""

import asyncio
import os
import random
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

import httpx
import psutil

from harness.far_host import FarHost
from harness.fleet import Fleet
from harness.sshd import kill_connection

FREEZE_S: Final = 24.0
"""権利の切れる二十秒より長く。"""


@dataclass
class Chaos:
    """``history`` は起きたことの順。落ちたときに読む。"""

    fleet: Fleet
    far: FarHost
    dice: random.Random
    longest_cut_s: float
    database_away_s: float
    history: list[str] = field(default_factory=list)

    @property
    def kinds(self) -> dict[str, Callable[[], Awaitable[None]]]:
        return {
            "worker-killed": self._worker_killed,
            "worker-stopped": self._worker_stopped,
            "worker-frozen": self._worker_frozen,
            "web-killed": self._web_killed,
            "postmaster-killed": self._postmaster_killed,
            "database-away": self._database_away,
            "session-killed": self._session_killed,
            "network-cut": self._network_cut,
        }

    async def run(self, seconds: float) -> None:
        """どの災いも一度は起こし、``seconds`` たつまで続ける。"""
        until = asyncio.get_running_loop().time() + seconds
        while True:
            kinds = list(self.kinds)
            self.dice.shuffle(kinds)
            for kind in kinds:
                self.history.append(kind)
                await self.kinds[kind]()
                await asyncio.sleep(self.dice.random())
            if asyncio.get_running_loop().time() > until:
                return

    async def _worker_killed(self) -> None:
        worker = self.dice.choice(self.fleet.workers)
        await worker.kill()
        worker.start()

    async def _worker_stopped(self) -> None:
        worker = self.dice.choice(self.fleet.workers)
        await worker.stop()
        worker.start()

    async def _worker_frozen(self) -> None:
        """凍っているあいだに、線まで抜ける。"""
        worker = self.dice.choice(self.fleet.workers)
        worker.signal(signal.SIGSTOP)
        await self._network_cut()
        await asyncio.sleep(max(0.0, FREEZE_S - self.longest_cut_s))
        worker.signal(signal.SIGCONT)

    async def _web_killed(self) -> None:
        await self.fleet.web.kill()
        await self.fleet.web.start()

    async def _postmaster_killed(self) -> None:
        os.kill(self.fleet.postgres.pid, signal.SIGKILL)
        await asyncio.sleep(self.dice.random())

    async def _database_away(self) -> None:
        await asyncio.to_thread(self.fleet.postgres.stop_blocking)
        await asyncio.sleep(self.database_away_s)
        await asyncio.to_thread(self.fleet.postgres.start_blocking)

    async def _session_killed(self) -> None:
        for connection in self.far.sshd.connections():
            if self.dice.random() < 0.5:
                kill_connection(connection)

    async def _network_cut(self) -> None:
        self.far.cut()
        await asyncio.sleep(self.dice.uniform(5, self.longest_cut_s))
        self.far.mend()


def processes_of(run_ids: set[str]) -> list[str]:
    """サーバの上に残っている、その走りのプロセス。"""
    left = []
    for process in psutil.process_iter():
        try:
            words, environment = " ".join(process.cmdline()), process.environ()
        except psutil.Error:
            continue
        named = next((run_id for run_id in run_ids if run_id in words), None)
        if named or environment.get("TSUBAME_RUN_ID") in run_ids:
            left.append(f"{process.pid} {words[:200]}")
    return left


async def answers(client: httpx.AsyncClient) -> bool:
    """web がデータベースまで届くか。"""
    try:
        return (await client.get("/executions?limit=1")).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
