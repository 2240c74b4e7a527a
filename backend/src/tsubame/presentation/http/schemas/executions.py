from datetime import datetime

from tsubame.business.executions.states import ExecutionState, TargetState
from tsubame.presentation.http.api_model import ApiModel


class TargetRead(ApiModel):
    id: int
    execution_id: int
    server_id: int | None
    server_name: str
    state: TargetState
    reason: str | None
    detail: str
    exit_code: int | None
    log_bytes: int
    log_lines: int
    survivors: list[int]
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class ExecutionSummary(ApiModel):
    """一覧の一行。"""

    id: int
    job_id: int | None
    job_name: str
    state: ExecutionState
    state_counts: dict[str, int]
    target_count: int
    requested_by_id: int | None
    requested_by_name: str
    rerun_of: int | None
    cancel_requested_at: datetime | None
    cancel_requested_by_name: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class SpecRead(ApiModel):
    """動かした中身の写し。"""

    script: str
    interpreter: str | None
    env: dict[str, str]
    working_directory: str | None
    timeout_s: int | None
    stop_without_contact_s: int | None


class ExecutionRead(ExecutionSummary):
    spec: SpecRead
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
