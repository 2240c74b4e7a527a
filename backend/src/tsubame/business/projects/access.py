"""新しい物を置くプロジェクト。"""

from tsubame.business.projects.errors import ProjectNotFoundError
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.ids import ProjectId
from tsubame.business.shared.permissions import Permission


def require_place(actor: Actor, permission: Permission, project_id: ProjectId) -> None:
    """そこに置いてよいか。

    Raises: ProjectNotFoundError(見えない), PermissionDeniedError(見えるが、役割が足りない)。
    """
    if actor.role_in(project_id) is None:
        raise ProjectNotFoundError
    actor.require(permission, project_id)
