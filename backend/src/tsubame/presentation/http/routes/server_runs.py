from typing import Annotated

from fastapi import APIRouter, Path

from tsubame.business.shared.ids import ServerId
from tsubame.presentation.http.api_model import RowId
from tsubame.presentation.http.dependencies import CurrentActor, ServicesDep, paced, problems
from tsubame.presentation.http.pace import SERVER_CONTACT
from tsubame.presentation.http.schemas.remote_runs import ServerRunsRead, server_runs_read

router = APIRouter(prefix="/servers/{server_id}/runs", tags=["servers"])

RunId = Annotated[str, Path(pattern=r"^[0-9a-z-]{1,100}$")]


@router.get("", operation_id="listServerRuns", responses=problems(), dependencies=[paced(SERVER_CONTACT)])
async def list_server_runs(server_id: RowId, actor: CurrentActor, services: ServicesDep) -> ServerRunsRead:
    return server_runs_read(await services.housekeeping.look(actor, ServerId(server_id)))


@router.delete("/{run_id}", status_code=204, operation_id="deleteServerRun", responses=problems())
async def delete_server_run(
    server_id: RowId, run_id: RunId, actor: CurrentActor, services: ServicesDep, *, stop: bool = False
) -> None:
    await services.housekeeping.remove(actor, ServerId(server_id), run_id, stop=stop)
