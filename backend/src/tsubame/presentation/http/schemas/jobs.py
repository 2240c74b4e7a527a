from datetime import datetime

from pydantic import Field

from tsubame.business.jobs.entities import DEFAULT_LOG_BYTES, JobKind
from tsubame.business.shared.ids import DEFAULT_PROJECT
from tsubame.presentation.http.api_model import ApiInput, ApiModel, RowId
from tsubame.presentation.http.schemas.policies import (
    QueueingInput,
    QueueingRead,
    RetryInput,
    RetryRead,
    StrategyInput,
    StrategyRead,
)


class JobInput(ApiInput):
    name: str = Field(min_length=1, max_length=100)
    description: str = Field(default="", max_length=2000)
    kind: JobKind = JobKind.SCRIPT
    script: str = Field(max_length=1_048_576)
    interpreter: str | None = Field(default=None, max_length=1024)
    server_ids: list[RowId] = Field(default_factory=list, max_length=1000)
    selector: str | None = Field(default=None, max_length=1000)
    """札の式(例 ``web and prod and not canary``)。始めるときに当てはまるサーバを、``server_ids`` に足す。"""
    env: dict[str, str] = Field(default_factory=dict)
    working_directory: str | None = Field(default=None, max_length=1024)
    timeout_s: int | None = Field(default=None, ge=1, le=31_536_000)
    strategy: StrategyInput = Field(default_factory=StrategyInput)
    retry: RetryInput = Field(default_factory=RetryInput)
    queueing: QueueingInput = Field(default_factory=QueueingInput)
    stop_without_contact_s: int | None = Field(default=None, ge=60, le=31_536_000)
    max_log_bytes: int | None = Field(default=DEFAULT_LOG_BYTES, ge=1024**2, le=1024**4)
    """対象ごとに残すログの大きさ。超えれば頭と末尾を残し、真ん中を省く。``null`` なら全部残す。"""
    enabled: bool = True


class JobCreate(JobInput):
    project_id: RowId = DEFAULT_PROJECT
    """置くプロジェクト。あとからは変えられない。動かせるのは、同じプロジェクトのサーバだけ。"""


class ServerRefRead(ApiModel):
    id: int
    name: str


class LastExecutionRead(ApiModel):
    id: int
    state: str
    created_at: datetime
    finished_at: datetime | None


class JobRead(ApiModel):
    id: int
    project_id: int
    name: str
    description: str
    kind: JobKind
    script: str
    interpreter: str | None
    servers: list[ServerRefRead]
    selector: str | None
    env: dict[str, str]
    working_directory: str | None
    timeout_s: int | None
    strategy: StrategyRead
    retry: RetryRead
    queueing: QueueingRead
    stop_without_contact_s: int | None
    max_log_bytes: int | None
    enabled: bool
    last_execution: LastExecutionRead | None
    created_at: datetime
    updated_at: datetime
    version: int


class JobPage(ApiModel):
    items: list[JobRead]
    next_cursor: str | None


class DuplicateInput(ApiInput):
    name: str = Field(min_length=1, max_length=100)
