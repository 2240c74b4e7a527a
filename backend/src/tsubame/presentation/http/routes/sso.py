"""外のログインの道: 送り出し、戻り、自分の身元。"""

from fastapi import APIRouter, Request, Response

from tsubame.business.auth.providers import FLOW_LIFETIME, ProviderAnswer, SentOut
from tsubame.business.shared.ids import ProviderId
from tsubame.presentation.http import cookies
from tsubame.presentation.http.api_model import RowId
from tsubame.presentation.http.dependencies import ClientDep, CurrentActor, ServicesDep, problems
from tsubame.presentation.http.routes.auth import OR_CHALLENGE, deliver_or_challenge
from tsubame.presentation.http.same_site import refuse_cross_site
from tsubame.presentation.http.schemas.auth import AccessTokenRead
from tsubame.presentation.http.schemas.identity_providers import (
    IdentityList,
    LinkOwnInput,
    ProviderAnswerInput,
    ProviderOption,
    ProviderOptions,
    SentOutRead,
    identity_list,
)
from tsubame.presentation.http.schemas.second_factor import ProofInput, to_proof
from tsubame.presentation.http.services import HttpServices

CALLBACK = "/login/callback"
router = APIRouter(tags=["sign-in"], responses=problems())


def redirect_uri(request: Request, services: HttpServices) -> str:
    """提供者から戻る頁。決めた URL がなければ、今開いている住所。"""
    own = f"{request.url.scheme}://{request.url.netloc}"
    return (services.site.public_url or request.headers.get("origin") or own) + CALLBACK


@router.get("/auth/sso/providers", operation_id="listSignInOptions")
async def list_options(services: ServicesDep) -> ProviderOptions:
    """ログインの画面に並べる提供者。"""
    enabled = await services.sign_in.providers.enabled()
    items = [ProviderOption(id=provider.id, name=provider.settings.name) for provider in enabled]
    return ProviderOptions(items=items)


@router.post("/auth/sso/providers/{provider_id}/start", operation_id="startProviderSignIn")
async def start(
    provider_id: RowId, request: Request, response: Response, services: ServicesDep
) -> SentOutRead:
    """送り出す先の住所。続きは、このブラウザでしかできない。"""
    refuse_cross_site(request)
    sent = await services.sign_in.by_provider.send_out(
        ProviderId(provider_id), redirect_uri(request, services)
    )
    return _sent(request, response, sent)


@router.post(
    "/auth/sso/finish",
    operation_id="finishProviderSignIn",
    response_model=AccessTokenRead,
    responses={204: {"description": "The account was linked."}, **OR_CHALLENGE},
)
async def finish(
    body: ProviderAnswerInput,
    request: Request,
    response: Response,
    client: ClientDep,
    services: ServicesDep,
) -> AccessTokenRead | Response:
    """戻ってきた人を確かめて入れる。身元を結びつけるためだったなら 204。"""
    refuse_cross_site(request)
    answer = ProviderAnswer(body.state, body.code, body.iss, body.error)
    cookie = cookies.FLOW.read(request)
    entered = await services.sign_in.by_provider.finish(cookie, answer, client)
    if entered is None:
        return Response(status_code=204)
    return deliver_or_challenge(request, response, entered)


@router.get("/profile/identities", operation_id="listOwnIdentities")
async def list_own(actor: CurrentActor, services: ServicesDep) -> IdentityList:
    return identity_list(await services.sign_in.own_identities.mine(actor))


@router.post("/auth/sso/link", operation_id="startLinking")
async def start_linking(
    body: LinkOwnInput, request: Request, response: Response, actor: CurrentActor, services: ServicesDep
) -> SentOutRead:
    """自分の身元を結びつけるために送り出す。"""
    refuse_cross_site(request)
    sent = await services.sign_in.by_provider.send_out_to_link(
        actor, to_proof(body), ProviderId(body.provider_id), redirect_uri(request, services)
    )
    return _sent(request, response, sent)


@router.post("/profile/identities/{identity_id}/unlink", status_code=204, operation_id="unlinkOwnIdentity")
async def unlink_own(
    identity_id: RowId, body: ProofInput, actor: CurrentActor, services: ServicesDep
) -> None:
    await services.sign_in.own_identities.unlink(actor, to_proof(body), identity_id)


def _sent(request: Request, response: Response, sent: SentOut) -> SentOutRead:
    cookies.FLOW.write(request, response, sent.cookie, int(FLOW_LIFETIME.total_seconds()))
    return SentOutRead(authorization_url=sent.authorization_url)
