"""変数の用件。値を読み返す道はない。"""

from typing import Final

from tsubame.business.audit.entities import AuditEvent
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.errors import NameTakenError
from tsubame.business.shared.ids import JobId, ProjectId, Reach, VariableId
from tsubame.business.shared.permissions import Permission
from tsubame.business.shared.transactions import Transactions
from tsubame.business.shared.vault import Vault
from tsubame.business.variables.drafts import VariableDraft, checked_variable
from tsubame.business.variables.entities import Owner, Variable, VariableScope
from tsubame.business.variables.errors import (
    TooManyVariablesError,
    VariableNotFoundError,
    VariableOwnerNotFoundError,
)
from tsubame.business.variables.ports import NewVariable, VariableChange, VariablesTx
from tsubame.business.variables.sealing import columns_of

MAX_PER_OWNER: Final = 500


class VariableService:
    def __init__(self, transactions: Transactions[VariablesTx], vault: Vault) -> None:
        self._transactions = transactions
        self._vault = vault

    async def list(self, actor: Actor, owner: Owner) -> list[Variable]:
        """そこに置いた全部。名前の順。

        Raises: VariableOwnerNotFoundError。
        """
        reach = actor.reach(Permission.VARIABLE_READ)
        async with self._transactions.begin() as tx:
            project = await _project_of(tx, owner, reach)
            actor.require(Permission.VARIABLE_READ, project)
            return await tx.variables.of(owner)

    async def create(self, actor: Actor, owner: Owner, draft: VariableDraft) -> Variable:
        """Raises: InvalidInputError, NameTakenError, VariableOwnerNotFoundError, TooManyVariablesError。"""
        async with self._transactions.begin() as tx:
            project = await _project_of(tx, owner, actor.sight)
            _require_write(actor, owner, project)
            draft = checked_variable(draft, owner, content_required=True)
            await _check_room(tx, owner)
            await _check_env(tx, owner, draft.name)
            variable_id = await tx.variables.next_id()
            if draft.content is None:  # 検査が済んでいるので、起きない
                raise AssertionError
            columns = columns_of(self._vault, variable_id, draft.kind, draft.content)
            await tx.variables.add(
                NewVariable(variable_id, owner, draft.name, draft.kind, columns, actor.name)
            )
            variable = await tx.variables.get(variable_id)
            await tx.audit.record(_event(actor, "variable.created", variable, project, _facts(variable)))
            return variable

    async def update(
        self, actor: Actor, variable_id: VariableId, draft: VariableDraft, expected_version: int | None
    ) -> Variable:
        """値を省くと、今の値のまま。種類を変えるなら、新しい値が要る。

        Raises: InvalidInputError, NameTakenError, VersionConflictError, VariableNotFoundError。
        """
        async with self._transactions.begin() as tx:
            before, project = await _writable(tx, actor, variable_id)
            draft = checked_variable(draft, before.owner, content_required=draft.kind is not before.kind)
            await _check_env(tx, before.owner, draft.name)
            columns = (
                None
                if draft.content is None
                else columns_of(self._vault, variable_id, draft.kind, draft.content)
            )
            change = VariableChange(draft.name, draft.kind, columns, actor.name)
            await tx.variables.replace(variable_id, change, expected_version)
            after = await tx.variables.get(variable_id)
            details = {
                **_place_of(after),
                "changes": _changes(before, after, value_given=columns is not None),
            }
            await tx.audit.record(_event(actor, "variable.updated", after, project, details))
            return after

    async def delete(self, actor: Actor, variable_id: VariableId) -> None:
        """Raises: VariableNotFoundError。"""
        async with self._transactions.begin() as tx:
            variable, project = await _writable(tx, actor, variable_id)
            await tx.variables.delete(variable_id)
            await tx.audit.record(_event(actor, "variable.deleted", variable, project, _facts(variable)))


async def _writable(
    tx: VariablesTx, actor: Actor, variable_id: VariableId
) -> tuple[Variable, ProjectId | None]:
    """変数と、そのあるプロジェクト。

    Raises: VariableNotFoundError, PermissionDeniedError。
    """
    variable = await tx.variables.get(variable_id)
    missing = VariableNotFoundError(f"There is no variable {variable_id}.")
    if variable.owner.scope is VariableScope.EXECUTION:
        # 実行に渡した値は、実行の一部であり、あとから直せない
        raise missing
    try:
        project = await _project_of(tx, variable.owner, actor.sight)
    except VariableOwnerNotFoundError as exc:
        raise missing from exc
    _require_write(actor, variable.owner, project)
    return variable, project


async def _project_of(tx: VariablesTx, owner: Owner, reach: Reach) -> ProjectId | None:
    """置き先のあるプロジェクト。``reach`` の外にあれば、ないのと同じに見せる。

    Raises: VariableOwnerNotFoundError。
    """
    project = await tx.variables.project_of(owner)
    if project is not None and reach is not None and project not in reach:
        raise VariableOwnerNotFoundError(f"There is no {owner.scope} {owner.id}.")
    return project


def _require_write(actor: Actor, owner: Owner, project: ProjectId | None) -> None:
    everywhere = owner.scope is VariableScope.GLOBAL
    actor.require(Permission.VARIABLE_WRITE_GLOBAL if everywhere else Permission.VARIABLE_WRITE, project)


async def _check_room(tx: VariablesTx, owner: Owner) -> None:
    if len(await tx.variables.of(owner)) >= MAX_PER_OWNER:
        raise TooManyVariablesError(
            f"There can be at most {MAX_PER_OWNER} variables here.", params={"limit": MAX_PER_OWNER}
        )


async def _check_env(tx: VariablesTx, owner: Owner, name: str) -> None:
    """ジョブの中身に、同じ名前の秘密でない変数がないこと。"""
    if owner.scope is not VariableScope.JOB or owner.id is None:
        return
    if name in await tx.variables.env_names(JobId(owner.id)):
        raise NameTakenError(name)


def _place_of(variable: Variable) -> dict[str, object]:
    return {"scope": variable.owner.scope, "owner_id": variable.owner.id}


def _facts(variable: Variable) -> dict[str, object]:
    return {**_place_of(variable), "kind": variable.kind}


def _changes(before: Variable, after: Variable, *, value_given: bool) -> dict[str, object]:
    changes: dict[str, object] = {
        field: {"from": old, "to": new}
        for field, old, new in (
            ("name", before.name, after.name),
            ("kind", before.kind, after.kind),
        )
        if old != new
    }
    if value_given:
        # 秘密から秘密でないものへ、またはその逆なら、どちらの値も残さない
        shown = before.value is not None and after.value is not None
        changes["value"] = {"from": before.value, "to": after.value} if shown else "changed"
    return changes


def _event(
    actor: Actor, action: str, variable: Variable, project: ProjectId | None, details: dict[str, object]
) -> AuditEvent:
    return AuditEvent(
        actor=actor,
        action=action,
        subject_type="variable",
        subject_id=variable.id,
        subject_name=variable.name,
        details=details,
        project_id=project,
    )
