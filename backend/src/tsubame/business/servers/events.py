from tsubame.business.audit.entities import AuditEvent
from tsubame.business.servers.entities import Server
from tsubame.business.shared.actor import Actor


def server_event(
    actor: Actor, action: str, server: Server, details: dict[str, object] | None = None
) -> AuditEvent:
    return AuditEvent(
        actor=actor,
        action=action,
        subject_type="server",
        subject_id=server.id,
        subject_name=server.name,
        details=details or {},
        project_id=server.project_id,
    )
