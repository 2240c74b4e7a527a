"""始めたことを監査に残す、その中身。"""

from collections.abc import Mapping, Sequence
from typing import Protocol

from tsubame.business.audit.entities import AuditEvent
from tsubame.business.credentials.ports import CredentialUses
from tsubame.business.executions.entities import Execution
from tsubame.business.shared.actor import Actor
from tsubame.business.variables.drafts import VariableDraft


class UsesTx(Protocol):
    @property
    def credentials(self) -> CredentialUses: ...


def execution_event(
    actor: Actor, action: str, execution: Execution, details: Mapping[str, object]
) -> AuditEvent:
    return AuditEvent(
        actor=actor,
        action=action,
        subject_type="execution",
        subject_id=execution.id,
        subject_name=execution.job_name,
        details=details,
        project_id=execution.project_id,
    )


async def credential_uses(tx: UsesTx, actor: Actor, execution: Execution) -> list[AuditEvent]:
    """この実行が使う認証情報(踏み台と sudo の分も)を、使ったこととして残す。"""
    return [
        AuditEvent(
            actor=actor,
            action="credential.used",
            subject_type="credential",
            subject_id=used.id,
            subject_name=used.name,
            details={"execution_id": execution.id, "job": execution.job_name},
            project_id=used.project_id,
        )
        for used in await tx.credentials.used_by(execution.id)
    ]


def given_details(given: Sequence[VariableDraft]) -> dict[str, object]:
    """渡された変数の名前。値は残さない。"""
    return {"variables": [{"name": draft.name, "kind": draft.kind} for draft in given]} if given else {}
