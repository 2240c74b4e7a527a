from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from tsubame.business.auth.entities import SignedIn
from tsubame.business.auth.errors import SessionEndedError
from tsubame.business.auth.joining import Newcomer
from tsubame.business.auth.second_factor import Challenge
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.ids import ProjectId
from tsubame.business.shared.permissions import Permission
from tsubame.business.shared.secret import Secret
from tsubame.presentation.http import cookies
from tsubame.presentation.http.dependencies import ClientDep, IdentityDep, ServicesDep, problems
from tsubame.presentation.http.errors import problem, respond
from tsubame.presentation.http.same_site import refuse_cross_site
from tsubame.presentation.http.schemas.auth import (
    AccessTokenRead,
    InvitationLook,
    InvitationTokenInput,
    JoinInput,
    LoginInput,
    ProjectAccess,
    UserRead,
)
from tsubame.presentation.http.schemas.second_factor import ChallengeRead
from tsubame.presentation.http.schemas.users import PreferencesRead

router = APIRouter(prefix="/auth", tags=["auth"])
_DEVICE_LIFETIME_S: Final = 365 * 86_400
OR_CHALLENGE: Final[dict[int | str, dict[str, Any]]] = {
    HTTPStatus.ACCEPTED: {"model": ChallengeRead},
    **problems(),
}


def deliver(request: Request, response: Response, signed_in: SignedIn) -> AccessTokenRead:
    """更新券は Cookie に、通行証は本文に。"""
    refresh = signed_in.refresh
    if refresh is not None:
        left_s = max(0, int((refresh.expires_at - datetime.now(UTC)).total_seconds()))
        cookies.REFRESH.write(request, response, refresh.value, left_s)
    if signed_in.device is not None:
        cookies.DEVICE.write(request, response, signed_in.device, _DEVICE_LIFETIME_S)
    return AccessTokenRead(
        access_token=signed_in.access.value,
        token_type="Bearer",  # noqa: S106  種別の名前であり、秘密の値ではない
        expires_in=signed_in.access.expires_in_s,
    )


def deliver_or_challenge(
    request: Request, response: Response, answer: SignedIn | Challenge
) -> AccessTokenRead | Response:
    """二段目が要るなら、入る代わりに 202 で、二段目にしか使えない証しを返す。"""
    if isinstance(answer, SignedIn):
        return deliver(request, response, answer)
    challenge = ChallengeRead(challenge=answer.value, step=answer.step, expires_in=answer.expires_in_s)
    return JSONResponse(challenge.model_dump(mode="json"), HTTPStatus.ACCEPTED.value)


@router.post("/login", operation_id="login", response_model=AccessTokenRead, responses=OR_CHALLENGE)
async def login(
    body: LoginInput, request: Request, response: Response, client: ClientDep, services: ServicesDep
) -> AccessTokenRead | Response:
    """パスワードで入る。二段目の要る人には 202。"""
    refuse_cross_site(request)
    password = Secret(body.password.get_secret_value())
    answer = await services.auth.sign_in(body.username, password, client)
    return deliver_or_challenge(request, response, answer)


@router.post("/invitation", operation_id="lookAtInvitation", responses=problems())
async def look_at_invitation(body: InvitationTokenInput, services: ServicesDep) -> InvitationLook:
    invitation = await services.people.invitations.look(body.token)
    return InvitationLook(
        role=invitation.role, invited_by=invitation.created_by_name, expires_at=invitation.expires_at
    )


@router.post("/join", operation_id="join", response_model=AccessTokenRead, responses=OR_CHALLENGE)
async def join(
    body: JoinInput, request: Request, response: Response, client: ClientDep, services: ServicesDep
) -> AccessTokenRead | Response:
    """招待のリンクから利用者になり、そのまま入る。役割が二段階を求めていれば 202。"""
    refuse_cross_site(request)
    newcomer = Newcomer(body.username, Secret(body.password.get_secret_value()))
    answer = await services.people.joining.join(body.token, newcomer, client)
    return deliver_or_challenge(request, response, answer)


@router.post("/refresh", operation_id="refresh", response_model=AccessTokenRead, responses=problems())
async def refresh(
    request: Request, response: Response, client: ClientDep, services: ServicesDep
) -> AccessTokenRead | Response:
    refuse_cross_site(request)
    if not client.refresh:
        raise SessionEndedError("You are not signed in.")
    try:
        signed_in = await services.auth.refresh(client)
    except SessionEndedError as ended:
        # 死んだ券を持ち続けると、頁を開くたびに断られる往復が増える
        refusal = respond(problem(401, ended.code, ended.detail), {"WWW-Authenticate": "Bearer"})
        cookies.REFRESH.clear(request, refusal)
        return refusal
    return deliver(request, response, signed_in)


@router.post("/logout", status_code=204, operation_id="logout", responses=problems())
async def logout(request: Request, response: Response, client: ClientDep, services: ServicesDep) -> None:
    refuse_cross_site(request)
    if client.refresh:
        await services.auth.sign_out(client)
    cookies.REFRESH.clear(request, response)


@router.get("/me", operation_id="getMe", responses=problems())
async def get_me(me: IdentityDep) -> UserRead:
    user, actor = me.user, me.itself()
    return UserRead(
        id=user.id,
        username=user.username,
        role=user.role,
        created_at=user.created_at,
        has_password=user.has_password,
        must_change_password=user.must_change_password,
        preferences=PreferencesRead.model_validate(user.preferences),
        permissions=_permissions(actor, None),
        projects=[
            ProjectAccess(id=project_id, role=role, permissions=_permissions(actor, project_id))
            for project_id, role in sorted(user.project_roles.items())
        ],
    )


def _permissions(actor: Actor, project_id: ProjectId | None) -> list[Permission]:
    return [permission for permission in Permission if actor.can(permission, project_id)]
