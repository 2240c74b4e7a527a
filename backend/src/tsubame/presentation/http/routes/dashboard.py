"""ダッシュボードの道。"""

from collections import defaultdict
from collections.abc import Sequence

from fastapi import APIRouter

from tsubame.business.executions.ports import HourCount
from tsubame.business.shared.ids import ProjectId
from tsubame.presentation.http.api_model import RowId
from tsubame.presentation.http.dependencies import CurrentActor, ServicesDep, problems
from tsubame.presentation.http.schemas.execution_mapping import execution_summary
from tsubame.presentation.http.schemas.executions import DashboardRead, HourRead

router = APIRouter(tags=["dashboard"], responses=problems())


@router.get("/dashboard", operation_id="getDashboard")
async def get_dashboard(
    actor: CurrentActor, services: ServicesDep, project_id: RowId | None = None
) -> DashboardRead:
    """今動いているもの、最後に失敗したもの、直近二十四時間。"""
    chosen = None if project_id is None else ProjectId(project_id)
    overview = await services.executions.overview(actor, chosen)
    return DashboardRead(
        running=[execution_summary(item) for item in overview.running],
        failed=[execution_summary(item) for item in overview.failed],
        hours=_by_hour(overview.hours),
        totals=_totals(overview.hours),
        server_count=overview.sizes.servers,
        job_count=overview.sizes.jobs,
        credential_count=overview.sizes.credentials,
    )


def _by_hour(hours: Sequence[HourCount]) -> list[HourRead]:
    counts: dict[object, dict[str, int]] = defaultdict(dict)
    for item in hours:
        counts[item.hour][item.state] = item.count
    return [HourRead.model_validate({"hour": hour, "counts": found}) for hour, found in counts.items()]


def _totals(hours: Sequence[HourCount]) -> dict[str, int]:
    totals: dict[str, int] = defaultdict(int)
    for item in hours:
        totals[item.state] += item.count
    return dict(totals)
