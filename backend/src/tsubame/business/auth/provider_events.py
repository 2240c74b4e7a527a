"""外のログインの監査記録。"""

from tsubame.business.audit.entities import AuditEvent
from tsubame.business.shared.actor import Actor
from tsubame.business.users.entities import User


def about_identity(actor: Actor, verb: str, user: User, issuer: str, subject: str) -> AuditEvent:
    """身元を結んだ・外した。"""
    return AuditEvent(
        actor=actor,
        action=f"user.identity_{verb}",
        subject_type="user",
        subject_id=user.id,
        subject_name=user.username,
        details={"issuer": issuer, "subject": subject},
    )
