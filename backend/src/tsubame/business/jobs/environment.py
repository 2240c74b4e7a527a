"""あるジョブをあるサーバで動かすときに効く変数を、出どころとともに見せる。"""

from dataclasses import dataclass, replace
from typing import Protocol

from tsubame.business.jobs.ports import JobRepository
from tsubame.business.servers.ports import ServerRepository
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.ids import JobId, ServerId
from tsubame.business.shared.permissions import Permission
from tsubame.business.shared.transactions import Transactions
from tsubame.business.variables.effective import by_strength
from tsubame.business.variables.entities import EVERYWHERE, Owner, VariableKind, VariableScope
from tsubame.business.variables.ports import VariableRepository


@dataclass(frozen=True, slots=True)
class EnvironmentEntry:
    """環境の一行。

    Attributes:
        value: 秘密でない値。
        overridden_by: もっと強い所に同じ名前があり、効かない。
    """

    name: str
    kind: VariableKind
    scope: VariableScope
    value: str | None
    maskable: bool
    overridden_by: VariableScope | None = None


class EnvironmentTx(Protocol):
    @property
    def jobs(self) -> JobRepository: ...

    @property
    def servers(self) -> ServerRepository: ...

    @property
    def variables(self) -> VariableRepository: ...


class EnvironmentService:
    def __init__(self, transactions: Transactions[EnvironmentTx]) -> None:
        self._transactions = transactions

    async def of(self, actor: Actor, job_id: JobId, server_id: ServerId | None) -> list[EnvironmentEntry]:
        """名前の順、同じ名前では強い順。サーバを選ばなければ、サーバのものを除く。

        Raises: JobNotFoundError, ServerNotFoundError。
        """
        reach = actor.reach(Permission.VARIABLE_READ)
        async with self._transactions.begin() as tx:
            job = await tx.jobs.get(job_id, reach)
            owners = [
                EVERYWHERE,
                Owner(VariableScope.PROJECT, job.project_id),
                Owner(VariableScope.JOB, job_id),
            ]
            if server_id is not None:
                # ジョブが動くのは、同じプロジェクトのサーバだけ
                await tx.servers.get(server_id, frozenset({job.project_id}))
                owners.append(Owner(VariableScope.SERVER, server_id))
            entries = [
                EnvironmentEntry(stored.name, stored.kind, stored.scope, stored.value, stored.maskable)
                for stored in await tx.variables.stored(owners)
            ]
        entries += [
            EnvironmentEntry(name, VariableKind.PLAIN, VariableScope.JOB, value, maskable=True)
            for name, value in job.spec.env
        ]
        return [
            entry if entry is same[0] else replace(entry, overridden_by=same[0].scope)
            for same in by_strength(entries).values()
            for entry in same
        ]
