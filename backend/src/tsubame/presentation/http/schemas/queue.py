"""待ち行列と、同時に動かす数の上限。"""

from datetime import datetime

from pydantic import Field

from tsubame.business.executions.entities import ExecutionKind
from tsubame.business.executions.queue_place import WaitReason
from tsubame.presentation.http.api_model import ApiInput, ApiModel, RowId
from tsubame.presentation.http.schemas.policies import Priority


class QueuePlaceRead(ApiModel):
    """待ち行列での居場所。

    ``position`` は 1 が次の番。``waits_for_name`` は待っている相手の名前、``until`` は待っている時刻。
    """

    position: int
    waiting: int
    since: datetime
    waits_for: WaitReason
    waits_for_name: str | None
    until: datetime | None


class QueueItemRead(QueuePlaceRead):
    """待っている実行。"""

    execution_id: int
    project_id: int
    kind: ExecutionKind
    job_id: int | None
    job_name: str
    requested_by_name: str
    priority: int


class QueueRead(ApiModel):
    """始まる順。"""

    items: list[QueueItemRead]


class PriorityInput(ApiInput):
    priority: Priority


class ProjectLimitRead(ApiModel):
    id: int
    name: str
    max_parallel: int | None
    running: int


class LimitsRead(ApiModel):
    """``capacity`` は生きているワーカーが引き受けられる数の合計、``running`` は今動いている対象の数。"""

    max_parallel: int | None
    capacity: int
    running: int
    projects: list[ProjectLimitRead]


class ProjectLimitInput(ApiInput):
    id: RowId
    max_parallel: int | None = Field(ge=1, le=100_000)


class LimitsInput(ApiInput):
    """``projects`` に並べなかったプロジェクトは、そのまま。"""

    max_parallel: int | None = Field(ge=1, le=100_000)
    projects: list[ProjectLimitInput] = Field(default_factory=list, max_length=1000)
