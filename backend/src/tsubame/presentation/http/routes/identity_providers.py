"""外のログインの提供者を、管理者が決める道。"""

from fastapi import APIRouter, Request, Response

from tsubame.business.shared.ids import ProviderId, UserId
from tsubame.presentation.http.api_model import RowId
from tsubame.presentation.http.dependencies import (
    CurrentActor,
    EditionDep,
    ServicesDep,
    mark_version,
    problems,
)
from tsubame.presentation.http.routes.sso import redirect_uri
from tsubame.presentation.http.schemas.identity_providers import (
    DiscoveredRead,
    DiscoverInput,
    IdentityList,
    LinkInput,
    ProviderInput,
    ProviderList,
    ProviderRead,
    discovered_read,
    identity_list,
    provider_read,
)
from tsubame.presentation.http.schemas.storage import ProjectRefRead

router = APIRouter(tags=["sign-in"], responses=problems())


@router.get("/sign-in/providers", operation_id="listIdentityProviders")
async def list_providers(request: Request, actor: CurrentActor, services: ServicesDep) -> ProviderList:
    found = await services.sign_in.providers.everyone(actor)
    return ProviderList(
        items=[provider_read(provider) for provider in found],
        redirect_uri=redirect_uri(request, services),
        projects=[
            ProjectRefRead.model_validate(project)
            for project in await services.sign_in.providers.places(actor)
        ],
    )


@router.post("/sign-in/providers", status_code=201, operation_id="createIdentityProvider")
async def create_provider(
    body: ProviderInput, response: Response, actor: CurrentActor, services: ServicesDep
) -> ProviderRead:
    made = await services.sign_in.providers.create(actor, body.to_draft())
    mark_version(response, made.version)
    return provider_read(made)


@router.post("/sign-in/providers/discover", operation_id="discoverIdentityProvider")
async def discover(body: DiscoverInput, actor: CurrentActor, services: ServicesDep) -> DiscoveredRead:
    """しまう前に、提供者の文書と鍵を読んでみる。"""
    return discovered_read(await services.sign_in.providers.discover(actor, body.issuer))


@router.put("/sign-in/providers/{provider_id}", operation_id="updateIdentityProvider")
async def update_provider(
    provider_id: RowId,
    body: ProviderInput,
    edition: EditionDep,
    actor: CurrentActor,
    services: ServicesDep,
) -> ProviderRead:
    changed = await services.sign_in.providers.update(
        actor, ProviderId(provider_id), body.to_draft(), edition.expected
    )
    edition.mark(changed.version)
    return provider_read(changed)


@router.delete("/sign-in/providers/{provider_id}", status_code=204, operation_id="deleteIdentityProvider")
async def delete_provider(provider_id: RowId, actor: CurrentActor, services: ServicesDep) -> None:
    await services.sign_in.providers.delete(actor, ProviderId(provider_id))


@router.get("/sign-in/identities", operation_id="listIdentities")
async def list_identities(actor: CurrentActor, services: ServicesDep) -> IdentityList:
    """だれの身元が、どの提供者に結びついているか。"""
    return identity_list(await services.sign_in.providers.identities(actor))


@router.post("/users/{user_id}/identities", status_code=204, operation_id="linkIdentity")
async def link(user_id: RowId, body: LinkInput, actor: CurrentActor, services: ServicesDep) -> None:
    """いまいる利用者に、提供者の身元を結びつける。"""
    await services.sign_in.providers.link(actor, UserId(user_id), ProviderId(body.provider_id), body.subject)


@router.delete("/users/{user_id}/identities/{identity_id}", status_code=204, operation_id="unlinkIdentity")
async def unlink(user_id: RowId, identity_id: RowId, actor: CurrentActor, services: ServicesDep) -> None:
    await services.sign_in.providers.unlink(actor, UserId(user_id), identity_id)
