"""ワーカー: だれが働いているかを見て、止める前に引き受けを止める。"""

from fastapi import APIRouter

from tsubame.business.shared.ids import WorkerId
from tsubame.presentation.http.api_model import RowId
from tsubame.presentation.http.dependencies import CurrentActor, ServicesDep, problems
from tsubame.presentation.http.schemas.workers import WorkerList, WorkerRead, worker_read

router = APIRouter(prefix="/workers", tags=["workers"])


@router.get("", operation_id="listWorkers", responses=problems(401, 403, 503))
async def list_workers(actor: CurrentActor, services: ServicesDep) -> WorkerList:
    return WorkerList(items=[worker_read(worker) for worker in await services.workers.list(actor)])


@router.post("/{worker_id}/drain", operation_id="drainWorker", responses=problems())
async def drain_worker(worker_id: RowId, actor: CurrentActor, services: ServicesDep) -> WorkerRead:
    return worker_read(await services.workers.drain(actor, WorkerId(worker_id)))


@router.post("/{worker_id}/resume", operation_id="resumeWorker", responses=problems())
async def resume_worker(worker_id: RowId, actor: CurrentActor, services: ServicesDep) -> WorkerRead:
    return worker_read(await services.workers.resume(actor, WorkerId(worker_id)))
