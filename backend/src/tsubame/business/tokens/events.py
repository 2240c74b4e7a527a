"""トークンについての監査記録。"""

from collections.abc import Mapping

from tsubame.business.audit.entities import AuditEvent
from tsubame.business.shared.actor import Actor
from tsubame.business.tokens.entities import ApiToken


def about_token(
    actor: Actor, action: str, token: ApiToken, details: Mapping[str, object] | None = None
) -> AuditEvent:
    owner = token.owner
    facts = {"hint": token.hint, "user_id": owner.user_id, "role": owner.role} | dict(details or {})
    return AuditEvent(
        actor=actor,
        action=action,
        subject_type="token",
        subject_id=token.id,
        subject_name=token.name,
        details={name: value for name, value in facts.items() if value is not None},
        project_id=owner.project_id,
    )
