from datetime import datetime

from pydantic import Field, SecretStr

from tsubame.business.executions.entities import CancelReason, ExecutionKind, PauseReason
from tsubame.business.executions.states import ExecutionState, TargetState
from tsubame.business.shared.ids import DEFAULT_PROJECT
from tsubame.business.variables.entities import VariableKind, VariableScope
from tsubame.presentation.http.api_model import ApiInput, ApiModel, RowId
from tsubame.presentation.http.schemas.policies import (
    Priority,
    RetryRead,
    StrategyInput,
    StrategyRead,
)
from tsubame.presentation.http.schemas.queue import QueuePlaceRead


class GivenVariableInput(ApiInput):
    name: str = Field(min_length=1, max_length=255)
    kind: VariableKind
    """``plain`` か ``secret``。ファイルは渡せない。"""
    value: SecretStr = Field(max_length=131_072)


class StartInput(ApiInput):
    """始め方。省けば、ジョブのとおり。

    ``server_ids`` を並べると、ジョブのサーバのうち、それだけで動かす。
    """

    server_ids: list[RowId] | None = Field(default=None, min_length=1, max_length=10_000)
    priority: Priority | None = None
    variables: list[GivenVariableInput] = Field(default_factory=list, max_length=200)
    """この実行だけに渡す変数。どこに置いた変数よりも強い。"""


class RerunInput(ApiInput):
    """前に渡した秘密は、実行が終わると消える。もう一度動かすなら、``variables`` で渡し直す。"""

    variables: list[GivenVariableInput] = Field(default_factory=list, max_length=200)


class GivenVariableRead(ApiModel):
    name: str
    kind: VariableKind
    value: str | None


class UsedSecretRead(ApiModel):
    """対象が使った秘密。``maskable`` でなければ、短すぎてログで伏せていない。"""

    name: str
    scope: VariableScope
    kind: VariableKind
    version: int
    maskable: bool


class ExecutionVariablesRead(ApiModel):
    given: list[GivenVariableRead]
    used: list[UsedSecretRead]


class CommandInput(ApiInput):
    """その場の命令。``server_ids`` と ``selector`` に当てはまる、同じプロジェクトのサーバの全部で動かす。"""

    project_id: RowId = DEFAULT_PROJECT
    command: str = Field(min_length=1, max_length=1_048_576)
    server_ids: list[RowId] = Field(default_factory=list, max_length=10_000)
    selector: str | None = Field(default=None, max_length=1000)
    strategy: StrategyInput = Field(default_factory=StrategyInput)
    timeout_s: int | None = Field(default=None, ge=1, le=31_536_000)
    priority: Priority = 0


class AttemptRead(ApiModel):
    """同じ位置の、前の試み。"""

    target_id: int
    attempt: int
    state: TargetState
    reason: str | None
    exit_code: int | None
    started_at: datetime | None
    finished_at: datetime | None


class LogGapRead(ApiModel):
    """大きさの上限を超えて省いた、ログの真ん中。

    丸ごとない行がなければ、``last_line`` は ``first_line - 1``。
    """

    first_line: int
    last_line: int
    bytes: int


class TargetRead(ApiModel):
    id: int
    execution_id: int
    server_id: int | None
    server_name: str
    position: int
    attempt: int
    latest: bool
    wave: int
    not_before: datetime | None
    state: TargetState
    reason: str | None
    detail: str
    exit_code: int | None
    log_bytes: int
    log_lines: int
    log_masked: int
    log_gap: LogGapRead | None
    log_archived: bool
    survivors: list[int]
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    earlier_attempts: list[AttemptRead]


class ExecutionSummary(ApiModel):
    """一覧の一行。"""

    id: int
    project_id: int
    kind: ExecutionKind
    job_id: int | None
    job_name: str
    state: ExecutionState
    state_counts: dict[str, int]
    target_count: int
    requested_by_id: int | None
    requested_by_name: str
    rerun_of: int | None
    priority: int
    queued_at: datetime
    paused_at: datetime | None
    paused_reason: PauseReason | None
    paused_by_name: str | None
    cancel_requested_at: datetime | None
    cancel_requested_by_name: str | None
    cancel_reason: CancelReason | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    pinned_at: datetime | None
    pinned_by_name: str | None


class SpecRead(ApiModel):
    """動かした中身の写し。"""

    script: str
    interpreter: str | None
    env: dict[str, str]
    working_directory: str | None
    timeout_s: int | None
    strategy: StrategyRead
    retry: RetryRead
    stop_without_contact_s: int | None
    max_log_bytes: int | None


class ExecutionRead(ExecutionSummary):
    """``targets`` は位置ごとの最後の試み。``queue`` は、待っている対象がなければ ``null``。"""

    spec: SpecRead
    queue: QueuePlaceRead | None
    targets: list[TargetRead]


class ExecutionPage(ApiModel):
    items: list[ExecutionSummary]
    next_cursor: str | None


class HourRead(ApiModel):
    hour: datetime
    counts: dict[str, int]


class DashboardRead(ApiModel):
    """今動いているもの、最後に失敗したもの、直近二十四時間の図、すぐ動かせるジョブ。"""

    running: list[ExecutionSummary]
    failed: list[ExecutionSummary]
    hours: list[HourRead]
    totals: dict[str, int]
    server_count: int
    job_count: int
    credential_count: int


class DownloadTicketRead(ApiModel):
    """一度だけ、六十秒だけ使える、ログを落とすための場所。"""

    url: str
