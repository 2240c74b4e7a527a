"""利用者についての監査記録。"""

from collections.abc import Mapping

from tsubame.business.audit.entities import AuditEvent
from tsubame.business.shared.actor import Actor
from tsubame.business.users.entities import User


def about_user(
    actor: Actor, action: str, user: User, details: Mapping[str, object] | None = None
) -> AuditEvent:
    return AuditEvent(
        actor=actor,
        action=action,
        subject_type="user",
        subject_id=user.id,
        subject_name=user.username,
        details=details or {},
    )


def changed(field: str, before: object, after: object) -> dict[str, object]:
    return {"changes": {field: {"from": before, "to": after}}}
