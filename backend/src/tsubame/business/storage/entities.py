from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from tsubame.business.projects.entities import ProjectRef
from tsubame.business.shared.ids import ExecutionId, JobId, ProjectId


class Scope(StrEnum):
    """決まりの及ぶ広さ。狭いものが広いものに勝つ。"""

    GLOBAL = "global"
    PROJECT = "project"
    JOB = "job"


@dataclass(frozen=True, slots=True)
class PolicyPlace:
    """どこの決まりか。``id`` は、全体なら ``None``、ほかはプロジェクトかジョブの番号。"""

    scope: Scope
    id: int | None

    @classmethod
    def everywhere(cls) -> "PolicyPlace":
        return cls(Scope.GLOBAL, None)

    @classmethod
    def job(cls, job_id: JobId) -> "PolicyPlace":
        return cls(Scope.JOB, job_id)

    @classmethod
    def project(cls, project_id: ProjectId) -> "PolicyPlace":
        return cls(Scope.PROJECT, project_id)


@dataclass(frozen=True, slots=True)
class Policy:
    """保管と保存期間の決まり。

    残す約束が二つあれば、どちらかが残すと言うものは残す。どちらもなければ、いつまでも残す。

    Attributes:
        archive_after_days: 終わってから保管先へ移すまでの日数。0 ならすぐ、``None`` なら移さない。
        keep_days: 終わってからこの日数は残す。
        keep_executions: ジョブごとに、新しいほうからこの数は残す(印を付けたものは数えない)。
    """

    archive_after_days: int | None
    keep_days: int | None
    keep_executions: int | None

    @property
    def keeps_forever(self) -> bool:
        return self.keep_days is None and self.keep_executions is None


@dataclass(frozen=True, slots=True)
class StoredPolicy:
    """``name`` は、プロジェクトかジョブの名前。"""

    place: PolicyPlace
    name: str
    policy: Policy
    updated_at: datetime
    updated_by_name: str


@dataclass(frozen=True, slots=True)
class Loss:
    """消える(消えた)ものの量。

    Attributes:
        logs: 対象の数。一つの対象に一つのログがある。
        log_bytes: 書かれたままの長さ。
        table_bytes: 表から空く、圧縮した大きさ。
        archive_bytes: 保管先から空く大きさ。
    """

    executions: int = 0
    logs: int = 0
    log_bytes: int = 0
    table_bytes: int = 0
    archive_bytes: int = 0

    def plus(self, other: "Loss") -> "Loss":
        return Loss(
            self.executions + other.executions,
            self.logs + other.logs,
            self.log_bytes + other.log_bytes,
            self.table_bytes + other.table_bytes,
            self.archive_bytes + other.archive_bytes,
        )


@dataclass(frozen=True, slots=True)
class JobLoss:
    """``job_id`` が ``None`` なら、その場の命令と、消されたジョブの実行。"""

    job_id: JobId | None
    job_name: str
    executions: int
    log_bytes: int


@dataclass(frozen=True, slots=True)
class Preview:
    """その決まりにしたら、今すぐ消えるもの。``jobs`` は多い順に十まで。"""

    loss: Loss
    oldest: datetime | None
    newest: datetime | None
    jobs: tuple[JobLoss, ...]


@dataclass(frozen=True, slots=True)
class ArchiveHealth:
    """保管の調子。``last_error`` は、最後の回がしくじっていれば、その ``code``。"""

    location: str | None
    last_pass_at: datetime | None
    last_error: str | None
    last_error_detail: str
    last_error_at: datetime | None


@dataclass(frozen=True, slots=True)
class Sample:
    """その日の最後に測った大きさ。"""

    day: date
    table_bytes: int
    archive_bytes: int


@dataclass(frozen=True, slots=True)
class JobStorage:
    """``log_bytes`` は書かれたままの長さ、``archive_bytes`` は保管先での大きさ。"""

    job_id: JobId | None
    job_name: str
    executions: int
    log_bytes: int
    archive_bytes: int


@dataclass(frozen=True, slots=True)
class Usage:
    """今の大きさ。

    Attributes:
        waiting_logs: 終わったのに、まだ表にあるログの数。
    """

    table_bytes: int
    archive_bytes: int
    log_bytes: int
    executions: int
    archived_logs: int
    waiting_logs: int
    pinned: int
    days: tuple[Sample, ...]
    jobs: tuple[JobStorage, ...]


@dataclass(frozen=True, slots=True)
class StorageReport:
    usage: Usage
    health: ArchiveHealth
    policies: tuple[StoredPolicy, ...]
    projects: tuple[ProjectRef, ...]


@dataclass(frozen=True, slots=True)
class Deletion:
    """消した一まとまり。``more`` なら、まだ残っている。"""

    loss: Loss
    execution_ids: Sequence[ExecutionId]
    more: bool


@dataclass(frozen=True, slots=True)
class Pin:
    """``None`` で外す。"""

    at: datetime
    by_name: str
