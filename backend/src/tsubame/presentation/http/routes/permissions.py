"""だれが何をしてよいかの表と、「なぜできないのか」への答え。"""

from fastapi import APIRouter

from tsubame.business.shared.ids import ProjectId, UserId
from tsubame.business.shared.permissions import MINIMUM_ROLE, WHOLE_INSTALLATION, Permission, Role
from tsubame.business.users.explaining import Explanation, Verdict
from tsubame.presentation.http.api_model import RowId
from tsubame.presentation.http.dependencies import CurrentActor, ServicesDep, paced, problems
from tsubame.presentation.http.pace import EXPLANATION
from tsubame.presentation.http.schemas.permissions import ExplanationRead, PermissionRule, PermissionTable

router = APIRouter(prefix="/permissions", tags=["permissions"], responses=problems())


@router.get("", operation_id="getPermissionTable")
async def get_permission_table(_: CurrentActor) -> PermissionTable:
    """製品が使っている表そのもの。"""
    rules = [
        PermissionRule(
            permission=permission,
            needed=needed,
            whole_installation=permission in WHOLE_INSTALLATION,
        )
        for permission, needed in MINIMUM_ROLE.items()
    ]
    return PermissionTable(roles=list(Role), rules=rules)


@router.get("/explain", operation_id="explainPermission", dependencies=[paced(EXPLANATION)])
async def explain_permission(
    user_id: RowId,
    permission: Permission,
    actor: CurrentActor,
    services: ServicesDep,
    project_id: RowId | None = None,
) -> ExplanationRead:
    """その人にできるか、できないならなぜか。自分のことはだれでも、ほかの人のことは管理者が尋ねられる。"""
    project = None if project_id is None else ProjectId(project_id)
    found = await services.people.explanations.explain(actor, UserId(user_id), permission, project)
    return _read(found, permission)


def _read(found: Explanation, permission: Permission) -> ExplanationRead:
    return ExplanationRead(
        allowed=found.verdict in {Verdict.ALLOWED_EVERYWHERE, Verdict.ALLOWED_HERE},
        verdict=found.verdict,
        username=found.username,
        permission=permission,
        project_name=found.project_name,
        needed=found.needed,
        everywhere=found.everywhere,
        here=found.here,
        effective=found.effective,
    )
