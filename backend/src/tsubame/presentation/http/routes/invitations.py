"""招待の道。リンクを開いた人の道は ``auth.py``。"""

from datetime import timedelta

from fastapi import APIRouter

from tsubame.business.shared.ids import InvitationId, ProjectId
from tsubame.business.users.invitations import InvitationDraft
from tsubame.presentation.http.api_model import RowId
from tsubame.presentation.http.dependencies import CurrentActor, ServicesDep, problems
from tsubame.presentation.http.schemas.users import (
    InvitationInput,
    InvitationList,
    InvitationMade,
    invitation_read,
)

router = APIRouter(prefix="/invitations", tags=["users"], responses=problems())


@router.get("", operation_id="listInvitations")
async def list_invitations(actor: CurrentActor, services: ServicesDep) -> InvitationList:
    found = await services.people.invitations.everyone(actor)
    return InvitationList(items=[invitation_read(invitation) for invitation in found])


@router.post("", status_code=201, operation_id="createInvitation")
async def create_invitation(
    body: InvitationInput, actor: CurrentActor, services: ServicesDep
) -> InvitationMade:
    roles = {ProjectId(each.project_id): each.role for each in body.project_roles}
    draft = InvitationDraft(body.role, roles, body.note, timedelta(hours=body.expires_in_hours))
    invitation, token = await services.people.invitations.invite(actor, draft)
    return InvitationMade(invitation=invitation_read(invitation), path=f"/invite#{token.reveal()}")


@router.delete("/{invitation_id}", status_code=204, operation_id="withdrawInvitation")
async def withdraw_invitation(invitation_id: RowId, actor: CurrentActor, services: ServicesDep) -> None:
    await services.people.invitations.withdraw(actor, InvitationId(invitation_id))
