"""始めたことを監査に残す、その中身。"""

from collections.abc import Mapping, Sequence

from tsubame.business.audit.entities import AuditEvent
from tsubame.business.executions.entities import Execution
from tsubame.business.shared.actor import Actor
from tsubame.business.variables.drafts import VariableDraft


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


def given_details(given: Sequence[VariableDraft]) -> dict[str, object]:
    """渡された変数の名前。値は残さない。"""
    return {"variables": [{"name": draft.name, "kind": draft.kind} for draft in given]} if given else {}
