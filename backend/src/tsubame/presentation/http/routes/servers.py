from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from tsubame.business.servers.ports import ServerFilter, ServerOrder
from tsubame.business.shared.ids import ProjectId, ServerId
from tsubame.business.shared.paging import encode_cursor
from tsubame.presentation.http.api_model import RowId
from tsubame.presentation.http.dependencies import (
    CurrentActor,
    EditionDep,
    PageDep,
    ServicesDep,
    mark_version,
    paced,
    problems,
)
from tsubame.presentation.http.pace import SERVER_CONTACT
from tsubame.presentation.http.schemas.server_mapping import (
    connection_test_read,
    scan_read,
    server_draft,
    server_read,
)
from tsubame.presentation.http.schemas.servers import (
    ConnectionTestRead,
    HostKeyApproveInput,
    HostKeyScanRead,
    ResolvedServerRead,
    ResolvedServers,
    ResolveInput,
    ServerCreate,
    ServerInput,
    ServerPage,
    ServerRead,
    TagList,
)

router = APIRouter(prefix="/servers", tags=["servers"])

Tags = Annotated[list[str] | None, Query()]


def _filter(
    q: str = "", tag: Tags = None, sort: ServerOrder = ServerOrder.NAME, project_id: RowId | None = None
) -> ServerFilter:
    return ServerFilter(query=q, tags=tuple(tag or ()), project_id=_project(project_id), order=sort)


def _project(project_id: RowId | None) -> ProjectId | None:
    return None if project_id is None else ProjectId(project_id)


FilterDep = Annotated[ServerFilter, Depends(_filter)]


@router.get("", operation_id="listServers", responses=problems())
async def list_servers(
    actor: CurrentActor, services: ServicesDep, page: PageDep, where: FilterDep
) -> ServerPage:
    found = await services.servers.page(actor, where, page)
    items = [server_read(server) for server in found.items]
    return ServerPage(items=items, next_cursor=encode_cursor(found.next_after))


@router.post("", status_code=201, operation_id="createServer", responses=problems())
async def create_server(
    body: ServerCreate, response: Response, actor: CurrentActor, services: ServicesDep
) -> ServerRead:
    server = await services.servers.create(actor, ProjectId(body.project_id), server_draft(body))
    mark_version(response, server.version)
    return server_read(server)


@router.get("/tags", operation_id="listTags", responses=problems())
async def list_tags(actor: CurrentActor, services: ServicesDep, project_id: RowId | None = None) -> TagList:
    return TagList(tags=await services.servers.tags(actor, _project(project_id)))


@router.post("/resolve", operation_id="resolveServers", responses=problems())
async def resolve_servers(body: ResolveInput, actor: CurrentActor, services: ServicesDep) -> ResolvedServers:
    """名指しと札の式に、今当てはまるサーバ。"""
    named = [ServerId(server_id) for server_id in body.server_ids]
    chosen = await services.servers.resolve(actor, named, body.selector, _project(body.project_id))
    return ResolvedServers(items=[ResolvedServerRead.model_validate(server) for server in chosen])


@router.get("/{server_id}", operation_id="getServer", responses=problems())
async def get_server(
    server_id: RowId, response: Response, actor: CurrentActor, services: ServicesDep
) -> ServerRead:
    server = await services.servers.get(actor, ServerId(server_id))
    mark_version(response, server.version)
    return server_read(server)


@router.put("/{server_id}", operation_id="updateServer", responses=problems())
async def update_server(
    server_id: RowId, body: ServerInput, edition: EditionDep, actor: CurrentActor, services: ServicesDep
) -> ServerRead:
    draft = server_draft(body)
    server = await services.servers.update(actor, ServerId(server_id), draft, edition.expected)
    edition.mark(server.version)
    return server_read(server)


@router.delete("/{server_id}", status_code=204, operation_id="deleteServer", responses=problems())
async def delete_server(server_id: RowId, actor: CurrentActor, services: ServicesDep) -> None:
    await services.servers.delete(actor, ServerId(server_id))


@router.post(
    "/{server_id}/host-key/scan",
    operation_id="scanHostKey",
    responses=problems(),
    dependencies=[paced(SERVER_CONTACT)],
)
async def scan_host_key(server_id: RowId, actor: CurrentActor, services: ServicesDep) -> HostKeyScanRead:
    return scan_read(await services.host_keys.scan(actor, ServerId(server_id)))


@router.post("/{server_id}/host-key/approve", operation_id="approveHostKey", responses=problems())
async def approve_host_key(
    server_id: RowId, body: HostKeyApproveInput, actor: CurrentActor, services: ServicesDep
) -> ServerRead:
    return server_read(await services.host_keys.approve(actor, ServerId(server_id), body.fingerprint))


@router.post(
    "/{server_id}/test",
    operation_id="testServer",
    responses=problems(),
    dependencies=[paced(SERVER_CONTACT)],
)
async def test_server(server_id: RowId, actor: CurrentActor, services: ServicesDep) -> ConnectionTestRead:
    return connection_test_read(await services.connection_tests.run(actor, ServerId(server_id)))
