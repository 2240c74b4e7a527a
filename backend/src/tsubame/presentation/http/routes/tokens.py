"""API トークンの道。"""

from fastapi import APIRouter

from tsubame.business.shared.ids import ApiTokenId, ProjectId
from tsubame.business.tokens.scopes import PRESETS
from tsubame.presentation.http.api_model import RowId
from tsubame.presentation.http.dependencies import CurrentActor, ServicesDep, problems
from tsubame.presentation.http.schemas.tokens import (
    ProjectTokenInput,
    TokenInput,
    TokenList,
    TokenMade,
    TokenPresets,
    token_made,
    token_read,
)

router = APIRouter(tags=["tokens"], responses=problems())


@router.get("/tokens/presets", operation_id="getTokenPresets")
async def get_presets(_: CurrentActor) -> TokenPresets:
    return TokenPresets.model_validate({name: sorted(scopes) for name, scopes in PRESETS.items()})


@router.get("/me/tokens", operation_id="listMyTokens")
async def list_my_tokens(actor: CurrentActor, services: ServicesDep) -> TokenList:
    return TokenList(items=[token_read(token) for token in await services.people.tokens.mine(actor)])


@router.post("/me/tokens", status_code=201, operation_id="createMyToken")
async def create_my_token(body: TokenInput, actor: CurrentActor, services: ServicesDep) -> TokenMade:
    """自分の代わりに働くトークン。値は、このとき一度だけ返す。"""
    return token_made(await services.people.tokens.create_mine(actor, body.to_draft()))


@router.delete("/me/tokens/{token_id}", status_code=204, operation_id="deleteMyToken")
async def delete_my_token(token_id: RowId, actor: CurrentActor, services: ServicesDep) -> None:
    await services.people.tokens.delete_mine(actor, ApiTokenId(token_id))


@router.get("/projects/{project_id}/tokens", operation_id="listProjectTokens")
async def list_project_tokens(project_id: RowId, actor: CurrentActor, services: ServicesDep) -> TokenList:
    found = await services.people.tokens.of_project(actor, ProjectId(project_id))
    return TokenList(items=[token_read(token) for token in found])


@router.post("/projects/{project_id}/tokens", status_code=201, operation_id="createProjectToken")
async def create_project_token(
    project_id: RowId, body: ProjectTokenInput, actor: CurrentActor, services: ServicesDep
) -> TokenMade:
    """プロジェクトとして働くトークン。作った人がいなくなっても働き続ける。"""
    made = await services.people.tokens.create_in_project(
        actor, ProjectId(project_id), body.role, body.to_draft()
    )
    return token_made(made)


@router.delete(
    "/projects/{project_id}/tokens/{project_token_id}", status_code=204, operation_id="deleteProjectToken"
)
async def delete_project_token(
    project_id: RowId, project_token_id: RowId, actor: CurrentActor, services: ServicesDep
) -> None:
    await services.people.tokens.delete_in_project(actor, ProjectId(project_id), ApiTokenId(project_token_id))
