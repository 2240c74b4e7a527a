"""待ち行列を見る、順番を変える、同時に動かす数の上限を決める用件。"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tsubame.business.audit.changes import changes
from tsubame.business.audit.entities import AuditEvent
from tsubame.business.audit.ports import AuditLog
from tsubame.business.executions.entities import ExecutionDetail, ExecutionKind
from tsubame.business.executions.errors import NotInQueueError
from tsubame.business.executions.ports import ExecutionRepository
from tsubame.business.executions.queue_place import QueuePlace
from tsubame.business.shared.actor import Actor, narrowed
from tsubame.business.shared.errors import InvalidInputError
from tsubame.business.shared.ids import ExecutionId, JobId, ProjectId, Reach
from tsubame.business.shared.permissions import Permission
from tsubame.business.shared.signals import SignalKind, Signals
from tsubame.business.shared.transactions import Transactions


@dataclass(frozen=True, slots=True)
class QueueItem:
    """待っている実行。"""

    execution_id: ExecutionId
    project_id: ProjectId
    kind: ExecutionKind
    job_id: JobId | None
    job_name: str
    requested_by_name: str
    priority: int
    place: QueuePlace


@dataclass(frozen=True, slots=True)
class ProjectLimit:
    id: ProjectId
    name: str
    max_parallel: int | None
    running: int


@dataclass(frozen=True, slots=True)
class Limits:
    """同時に動かす対象の上限。

    Attributes:
        max_parallel: 全体の上限。``None`` なら、ワーカーの数だけで決まる。
        capacity: 生きていて、新しい対象を断っていないワーカーが引き受けられる数の合計。
        running: 今動いている(始めると決まった)対象の数。
    """

    max_parallel: int | None
    capacity: int
    running: int
    projects: tuple[ProjectLimit, ...]


@dataclass(frozen=True, slots=True)
class LimitChange:
    """``projects`` に並べなかったプロジェクトは、そのまま。"""

    max_parallel: int | None
    projects: Mapping[ProjectId, int | None]


class WaitingRepository(Protocol):
    """待ち行列を読む口。"""

    async def items(self, reach: Reach) -> list[QueueItem]:
        """始まる順。居場所は、見えないものも入れて数える。"""
        ...

    async def set_priority(self, execution_id: ExecutionId, priority: int) -> bool:
        """待っている対象がなければ ``False``。"""
        ...

    async def limits(self, reach: Reach) -> Limits:
        """プロジェクトは届くものだけ。動いている数は、全部の合計。"""
        ...

    async def set_limits(self, change: LimitChange) -> Sequence[ProjectId]:
        """なかったプロジェクトを返す。"""
        ...


class QueueTx(Protocol):
    @property
    def executions(self) -> ExecutionRepository: ...

    @property
    def waiting(self) -> WaitingRepository: ...

    @property
    def audit(self) -> AuditLog: ...

    @property
    def signals(self) -> Signals: ...


class QueueService:
    def __init__(self, transactions: Transactions[QueueTx]) -> None:
        self._transactions = transactions

    async def items(self, actor: Actor, project_id: ProjectId | None = None) -> list[QueueItem]:
        reach = narrowed(actor.reach(Permission.EXECUTION_READ), project_id)
        async with self._transactions.begin() as tx:
            return await tx.waiting.items(reach)

    async def set_priority(self, actor: Actor, execution_id: ExecutionId, priority: int) -> ExecutionDetail:
        """Raises: ExecutionNotFoundError, NotInQueueError。"""
        async with self._transactions.begin() as tx:
            before = await tx.executions.get(execution_id, actor.sight)
            actor.require(Permission.QUEUE_WRITE, before.project_id)
            if not await tx.waiting.set_priority(execution_id, priority):
                raise NotInQueueError(f"Execution {execution_id} has no waiting targets.")
            event = AuditEvent(
                actor=actor,
                action="execution.priority_changed",
                subject_type="execution",
                subject_id=execution_id,
                subject_name=before.job_name,
                details={"changes": changes({"priority": before.priority}, {"priority": priority})},
                project_id=before.project_id,
            )
            await tx.audit.record(event)
            await tx.signals.send(SignalKind.EXECUTION, [execution_id])
            await tx.signals.send(SignalKind.QUEUE, [0])
            return await tx.executions.detail(execution_id)

    async def limits(self, actor: Actor) -> Limits:
        reach = actor.reach(Permission.LIMIT_READ)
        async with self._transactions.begin() as tx:
            return await tx.waiting.limits(reach)

    async def set_limits(self, actor: Actor, change: LimitChange) -> Limits:
        """下げても、動いているものは止めない。空いた分から効く。

        Raises: InvalidInputError(ないプロジェクト)。
        """
        actor.require(Permission.LIMIT_WRITE)
        async with self._transactions.begin() as tx:
            before = _limits(await tx.waiting.limits(None))
            unknown = await tx.waiting.set_limits(change)
            if unknown:
                index = list(change.projects).index(unknown[0])
                raise InvalidInputError.one(
                    f"projects.{index}.id", "project_not_found", "There is no such project."
                )
            limits = await tx.waiting.limits(None)
            details: dict[str, object] = {"changes": changes(before, _limits(limits))}
            await tx.audit.record(AuditEvent(actor, "limits.changed", "limits", None, "limits", details))
            await tx.signals.send(SignalKind.QUEUE, [0])
            return limits


def _limits(limits: Limits) -> dict[str, object]:
    """監査に残す形。"""
    projects = {f"projects.{project.name}": project.max_parallel for project in limits.projects}
    return {"max_parallel": limits.max_parallel, **projects}
