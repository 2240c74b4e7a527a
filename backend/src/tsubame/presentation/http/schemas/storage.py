"""保管と保存期間の、API の型。"""

from datetime import date, datetime
from typing import Annotated

from pydantic import Field

from tsubame.business.storage.entities import Policy, Preview, Scope, StorageReport, StoredPolicy
from tsubame.presentation.http.api_model import ApiInput, ApiModel

_Days = Annotated[int, Field(ge=1, le=36_500)]


class PolicyInput(ApiInput):
    """``keep_days`` と ``keep_executions`` の、どちらかが残すと言うものは残す。両方なければ、いつまでも残す。

    ``archive_after_days`` は 0 なら終わってすぐ、``null`` なら移さない。
    """

    archive_after_days: Annotated[int, Field(ge=0, le=36_500)] | None
    keep_days: _Days | None
    keep_executions: Annotated[int, Field(ge=1, le=1_000_000)] | None

    def to_policy(self) -> Policy:
        return Policy(self.archive_after_days, self.keep_days, self.keep_executions)


class PreviewInput(ApiInput):
    """``policy`` が ``null`` なら、その場所の決まりを外したとき。"""

    scope: Scope
    id: Annotated[int, Field(ge=1, le=2**63 - 1)] | None
    policy: PolicyInput | None


class PolicyRead(ApiModel):
    scope: Scope
    id: int | None
    name: str
    archive_after_days: int | None
    keep_days: int | None
    keep_executions: int | None
    updated_at: datetime
    updated_by_name: str


class PolicyList(ApiModel):
    items: list[PolicyRead]


class JobLossRead(ApiModel):
    job_id: int | None
    job_name: str
    executions: int
    log_bytes: int


class PreviewRead(ApiModel):
    """今すぐ消えるもの。``table_bytes`` と ``archive_bytes`` は、空く大きさ。"""

    executions: int
    logs: int
    log_bytes: int
    table_bytes: int
    archive_bytes: int
    oldest: datetime | None
    newest: datetime | None
    jobs: list[JobLossRead]


class ArchiveHealthRead(ApiModel):
    location: str | None
    last_pass_at: datetime | None
    last_error: str | None
    last_error_detail: str
    last_error_at: datetime | None


class SampleRead(ApiModel):
    day: date
    table_bytes: int
    archive_bytes: int


class JobStorageRead(ApiModel):
    job_id: int | None
    job_name: str
    executions: int
    log_bytes: int
    archive_bytes: int


class ProjectRefRead(ApiModel):
    id: int
    name: str


class StorageRead(ApiModel):
    table_bytes: int
    archive_bytes: int
    log_bytes: int
    executions: int
    archived_logs: int
    waiting_logs: int
    pinned: int
    days: list[SampleRead]
    jobs: list[JobStorageRead]
    archive: ArchiveHealthRead
    policies: list[PolicyRead]
    projects: list[ProjectRefRead]


def policy_read(stored: StoredPolicy) -> PolicyRead:
    return PolicyRead(
        scope=stored.place.scope,
        id=stored.place.id,
        name=stored.name,
        archive_after_days=stored.policy.archive_after_days,
        keep_days=stored.policy.keep_days,
        keep_executions=stored.policy.keep_executions,
        updated_at=stored.updated_at,
        updated_by_name=stored.updated_by_name,
    )


def preview_read(preview: Preview) -> PreviewRead:
    return PreviewRead(
        executions=preview.loss.executions,
        logs=preview.loss.logs,
        log_bytes=preview.loss.log_bytes,
        table_bytes=preview.loss.table_bytes,
        archive_bytes=preview.loss.archive_bytes,
        oldest=preview.oldest,
        newest=preview.newest,
        jobs=[JobLossRead.model_validate(job) for job in preview.jobs],
    )


def storage_read(report: StorageReport) -> StorageRead:
    usage = report.usage
    return StorageRead(
        table_bytes=usage.table_bytes,
        archive_bytes=usage.archive_bytes,
        log_bytes=usage.log_bytes,
        executions=usage.executions,
        archived_logs=usage.archived_logs,
        waiting_logs=usage.waiting_logs,
        pinned=usage.pinned,
        days=[SampleRead.model_validate(day) for day in usage.days],
        jobs=[JobStorageRead.model_validate(job) for job in usage.jobs],
        archive=ArchiveHealthRead.model_validate(report.health),
        policies=[policy_read(stored) for stored in report.policies],
        projects=[ProjectRefRead.model_validate(project) for project in report.projects],
    )
