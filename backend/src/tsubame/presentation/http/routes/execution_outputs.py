"""出力を比べる道。"""

from fastapi import APIRouter

from tsubame.business.shared.ids import ExecutionId
from tsubame.presentation.http.api_model import RowId
from tsubame.presentation.http.dependencies import CurrentActor, ServicesDep, problems
from tsubame.presentation.http.schemas.outputs import OutputsRead

router = APIRouter(tags=["executions"], responses=problems())


@router.get("/executions/{execution_id}/outputs", operation_id="getExecutionOutputs")
async def get_execution_outputs(
    execution_id: RowId, actor: CurrentActor, services: ServicesDep
) -> OutputsRead:
    """終わった対象を、出力の同じものどうしにまとめる。"""
    return OutputsRead.model_validate(await services.outputs.groups(actor, ExecutionId(execution_id)))
