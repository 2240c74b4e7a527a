"""本物の sshd と PostgreSQL で動く、一つのワーカー。"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from cryptography.fernet import Fernet
from sqlalchemy.ext.asyncio import AsyncEngine

from harness.executions import place_execution, place_worker
from harness.sshd import Sshd
from tsubame.business.executions.cleaner import Cleaner
from tsubame.business.executions.driver import DriverPorts
from tsubame.business.executions.entities import Target
from tsubame.business.executions.environments import RunEnvironments
from tsubame.business.executions.log_writer import LogWriter
from tsubame.business.executions.masking import MaskingPlans
from tsubame.business.executions.records import TargetRecords
from tsubame.business.executions.runner import TargetRunner
from tsubame.business.servers.entities import Endpoint
from tsubame.business.servers.errors import HostKeyChangedError
from tsubame.business.shared.ids import ServerId, TargetId
from tsubame.data_access.crypto.vault import FernetVault
from tsubame.data_access.literal_search import LiteralSearch
from tsubame.data_access.logstore.chunks import ChunkStore
from tsubame.data_access.logstore.reading import ChunkReader
from tsubame.data_access.ssh.gateway import SshGateway
from tsubame.data_access.system_clock import SystemClock
from tsubame.data_access.transactions import SqlTransactions


@dataclass
class OneSshd:
    """どの番号のサーバも、同じ sshd。"""

    endpoint: Endpoint

    async def endpoint_of(self, server_id: ServerId) -> Endpoint:
        return self.endpoint

    async def note_changed_key(self, endpoint: Endpoint, problem: HostKeyChangedError) -> None:
        raise AssertionError("ホスト鍵は変わっていない")


@dataclass
class Bench:
    """一つのワーカー。"""

    transactions: SqlTransactions
    vault: FernetVault
    runner: TargetRunner
    reader: ChunkReader

    async def place(self, script: str, **limits: int) -> TargetId:
        placed = await place_execution(self.transactions, script=script, **limits)
        return placed.targets[0]

    async def target(self, target_id: TargetId) -> Target:
        async with self.transactions.begin() as tx:
            return await tx.targets.get(target_id)

    async def log(self, target_id: TargetId) -> bytes:
        return b"".join([part async for part in self.reader.read(target_id, 0, 1 << 40)])


@contextlib.asynccontextmanager
async def worker(
    url: str, engine: AsyncEngine, transactions: SqlTransactions, sshd: Sshd, vault: FernetVault | None = None
) -> AsyncIterator[Bench]:
    """``vault`` を渡せば、同じ鍵の次のワーカーになる。"""
    vault = vault or FernetVault([Fernet.generate_key().decode()])
    gateway, clock, endpoints = SshGateway(), SystemClock(), OneSshd(sshd.endpoint())
    store = ChunkStore(url, engine)
    writer = LogWriter(store, clock)
    cleaner = Cleaner(transactions, gateway.runs, endpoints, clock)
    worker_id = await place_worker(transactions)
    environments = RunEnvironments(transactions, vault)
    records = TargetRecords(transactions, clock, worker_id)
    ports = DriverPorts(
        records, gateway.runs, endpoints, writer, clock, environments, MaskingPlans(LiteralSearch)
    )
    runner = TargetRunner(transactions, ports, cleaner, worker_id)
    writing = asyncio.create_task(writer.run())
    try:
        yield Bench(transactions, vault, runner, ChunkReader(engine))
    finally:
        await runner.stop()
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        await store.close()
        await gateway.close()
