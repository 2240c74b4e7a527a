"""サーバに残っている走りを見せ、片付ける。"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tsubame.business.audit.ports import AuditLog
from tsubame.business.executions.errors import RunInUseError, RunSurvivedError
from tsubame.business.executions.ports import RunOwner, RunOwnerRepository
from tsubame.business.executions.remote_run import (
    RemoteRun,
    RemoteRuns,
    RemoteRunState,
    RunDirectory,
    Survey,
)
from tsubame.business.executions.states import ENDED
from tsubame.business.executions.stopper import GRACE_S
from tsubame.business.servers.entities import Endpoint, ServerDisk
from tsubame.business.servers.events import server_event
from tsubame.business.servers.ports import ServerDiskRepository, ServerRepository
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.clock import Clock
from tsubame.business.shared.ids import ServerId
from tsubame.business.shared.permissions import Permission
from tsubame.business.shared.signals import SignalKind, Signals
from tsubame.business.shared.transactions import Transactions


class HousekeepingTx(Protocol):
    @property
    def servers(self) -> ServerRepository: ...

    @property
    def run_owners(self) -> RunOwnerRepository: ...

    @property
    def server_disk(self) -> ServerDiskRepository: ...

    @property
    def audit(self) -> AuditLog: ...

    @property
    def signals(self) -> Signals: ...


class Endpoints(Protocol):
    async def endpoint_of(self, server_id: ServerId) -> Endpoint: ...


@dataclass(frozen=True, slots=True)
class OwnedRun:
    """``owner`` が ``None`` なら持ち主不明: ほかの設置か、見えないプロジェクトのものか、記録が消えたもの。"""

    run: RemoteRun
    owner: RunOwner | None


@dataclass(frozen=True, slots=True)
class ServerRuns:
    directories: tuple[RunDirectory, ...]
    runs: tuple[OwnedRun, ...]

    @property
    def total_bytes(self) -> int:
        return sum(owned.run.size for owned in self.runs)


async def remember(
    tx: HousekeepingTx, server_id: ServerId, survey: Survey, at: datetime
) -> dict[str, RunOwner]:
    """見てきた大きさを書き留め、走りの持ち主を返す。"""
    owners = await tx.run_owners.of([run.run_id for run in survey.runs])
    # 先頭が、新しい走りを置く場所
    place = next((each for each in survey.directories if each.total_bytes > 0), None)
    disk = ServerDisk(
        used_bytes=sum(run.size for run in survey.runs),
        orphan_runs=sum(run.run_id not in owners for run in survey.runs),
        free_bytes=None if place is None else place.free_bytes,
        total_bytes=None if place is None else place.total_bytes,
        measured_at=at,
    )
    await tx.server_disk.record(server_id, disk)
    await tx.signals.send(SignalKind.SERVER, [server_id])
    return owners


def _order(run: RemoteRun) -> tuple[bool, int, str]:
    return run.state is not RemoteRunState.RUNNING, -run.size, run.run_id


class HousekeepingService:
    def __init__(
        self, transactions: Transactions[HousekeepingTx], runs: RemoteRuns, endpoints: Endpoints, clock: Clock
    ) -> None:
        self._transactions = transactions
        self._runs = runs
        self._endpoints = endpoints
        self._clock = clock

    async def look(self, actor: Actor, server_id: ServerId) -> ServerRuns:
        """今サーバにある走りを、SSH で見に行く。走っているものが先、あとは大きい順。

        Raises: ServerNotFoundError, ConnectionProblem。
        """
        async with self._transactions.begin() as tx:
            server = await tx.servers.get(server_id, actor.sight)
        actor.require(Permission.SERVER_TEST, server.project_id)
        survey = await self._runs.survey(await self._endpoints.endpoint_of(server_id))
        async with self._transactions.begin() as tx:
            owners = await remember(tx, server_id, survey, self._clock.now())
        # 同じ機械を、ほかのプロジェクトも使っていることがある。見えない持ち主は、いないのと同じに見せる
        seen = {
            run_id: owner
            for run_id, owner in owners.items()
            if actor.can(Permission.EXECUTION_READ, owner.project_id)
        }
        ordered = sorted(survey.runs, key=_order)
        return ServerRuns(survey.directories, tuple(OwnedRun(run, seen.get(run.run_id)) for run in ordered))

    async def remove(self, actor: Actor, server_id: ServerId, run_id: str, *, stop: bool) -> None:
        """走りの記録を消す。``stop`` なら、まだ走っていれば木ごと止めてから消す。

        Raises:
            RunInUseError: まだ終わっていない実行のもの。
            RunStillRunningError: まだ走っている(``stop`` でないとき)。
            RunSurvivedError: 止めても消えないプロセスがある。
            ServerNotFoundError, ConnectionProblem: 届かない。
        """
        async with self._transactions.begin() as tx:
            server = await tx.servers.get(server_id, actor.sight)
            actor.require(Permission.SERVER_WRITE, server.project_id)
            owner = (await tx.run_owners.of([run_id])).get(run_id)
        if owner is not None and owner.state not in ENDED:
            raise RunInUseError("This run belongs to an execution that has not ended. Cancel it instead.")
        endpoint = await self._endpoints.endpoint_of(server_id)
        if stop:
            report = await self._runs.cancel(endpoint, run_id, GRACE_S)
            if report.survivors:
                raise RunSurvivedError(report.survivors)
        await self._runs.remove(endpoint, run_id)
        async with self._transactions.begin() as tx:
            details: dict[str, object] = {"run_id": run_id, "stopped": stop}
            await tx.audit.record(server_event(actor, "server.run_removed", server, details))
