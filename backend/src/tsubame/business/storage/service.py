"""保管と保存期間の用件: 見る、決まりを変える、試しに数える、印を付ける。"""

from typing import Final

from tsubame.business.audit.changes import changes, facts
from tsubame.business.audit.entities import AuditEvent
from tsubame.business.executions.entities import ExecutionDetail
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.clock import Clock
from tsubame.business.shared.errors import InvalidInputError
from tsubame.business.shared.ids import ExecutionId, ProjectId
from tsubame.business.shared.permissions import Permission
from tsubame.business.shared.signals import SignalKind
from tsubame.business.shared.transactions import Transactions
from tsubame.business.storage.entities import (
    Pin,
    Policy,
    PolicyPlace,
    Preview,
    Scope,
    StorageReport,
    StoredPolicy,
)
from tsubame.business.storage.ports import StorageTx

_NOBODY: Final = ""


class StorageService:
    def __init__(self, transactions: Transactions[StorageTx], clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def report(self, actor: Actor) -> StorageReport:
        reach = actor.reach(Permission.STORAGE_READ)
        async with self._transactions.begin() as tx:
            return StorageReport(
                usage=await tx.storage.usage(reach),
                health=await tx.storage.health(),
                policies=tuple(await tx.policies.seen(reach)),
                projects=tuple(await tx.policies.projects(reach)),
            )

    async def policies(self, actor: Actor) -> list[StoredPolicy]:
        reach = actor.reach(Permission.STORAGE_READ)
        async with self._transactions.begin() as tx:
            return await tx.policies.seen(reach)

    async def preview(self, actor: Actor, place: PolicyPlace, policy: Policy | None) -> Preview:
        """その決まりにしたら、今すぐ消えるもの。``None`` なら、その場所の決まりを外したとき。

        Raises: PolicyNotFoundError。
        """
        reach = actor.reach(Permission.STORAGE_READ)
        async with self._transactions.begin() as tx:
            await tx.policies.project_of(place, reach)
            now = self._clock.now()
            others = [stored for stored in await tx.policies.all() if stored.place != place]
            proposed = [] if policy is None else [StoredPolicy(place, _NOBODY, policy, now, actor.name)]
            return await tx.storage.preview([*others, *proposed], now, reach)

    async def set_policy(self, actor: Actor, place: PolicyPlace, policy: Policy) -> list[StoredPolicy]:
        """Raises: PolicyNotFoundError。"""
        async with self._transactions.begin() as tx:
            actor.require(Permission.STORAGE_WRITE, await tx.policies.project_of(place, actor.sight))
            before = await tx.policies.put(place, policy, actor)
            changed = await tx.policies.seen(actor.reach(Permission.STORAGE_READ))
            await tx.audit.record(_event(actor, "retention_policy.changed", place, (before, policy)))
        return changed

    async def remove_policy(self, actor: Actor, place: PolicyPlace) -> list[StoredPolicy]:
        """一つ広い決まりに戻す。全体の決まりは外せない。

        Raises: PolicyNotFoundError, InvalidInputError。
        """
        if place.scope is Scope.GLOBAL:
            raise InvalidInputError.one(
                "scope", "global_policy_stays", "The global policy cannot be removed."
            )
        async with self._transactions.begin() as tx:
            actor.require(Permission.STORAGE_WRITE, await tx.policies.project_of(place, actor.sight))
            before = await tx.policies.remove(place)
            await tx.audit.record(_event(actor, "retention_policy.removed", place, (before, None)))
            return await tx.policies.seen(actor.reach(Permission.STORAGE_READ))

    async def set_pinned(self, actor: Actor, execution_id: ExecutionId, *, pinned: bool) -> ExecutionDetail:
        """「これは残す」の印を付ける・外す。もうそうなっていれば、何もしない。

        Raises: ExecutionNotFoundError。
        """
        async with self._transactions.begin() as tx:
            execution = await tx.executions.get(execution_id, actor.sight)
            actor.require(Permission.EXECUTION_PIN, execution.project_id)
            pin = Pin(self._clock.now(), actor.name) if pinned else None
            if await tx.storage.set_pin(execution_id, pin):
                action = "execution.pinned" if pinned else "execution.unpinned"
                event = AuditEvent(
                    actor,
                    action,
                    "execution",
                    execution_id,
                    execution.job_name,
                    project_id=execution.project_id,
                )
                await tx.audit.record(event)
                await tx.signals.send(SignalKind.EXECUTION, [execution_id])
            return await tx.executions.detail(execution_id)


def _event(
    actor: Actor, action: str, place: PolicyPlace, change: tuple[Policy | None, Policy | None]
) -> AuditEvent:
    before, after = ({} if policy is None else facts(policy) for policy in change)
    project = ProjectId(place.id) if place.scope is Scope.PROJECT and place.id is not None else None
    return AuditEvent(
        actor=actor,
        action=action,
        subject_type="retention_policy",
        subject_id=place.id,
        subject_name=place.scope,
        details={"changes": changes(before, after)},
        project_id=project,
    )
