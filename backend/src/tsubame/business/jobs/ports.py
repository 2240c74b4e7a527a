from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from tsubame.business.audit.ports import AuditLog
from tsubame.business.jobs.entities import Job, ScriptSpec
from tsubame.business.jobs.policies import ORDINARY_QUEUEING, Queueing
from tsubame.business.servers.ports import ServerRepository
from tsubame.business.shared.ids import JobId, ProjectId, Reach, ServerId
from tsubame.business.shared.paging import Page, PageRequest
from tsubame.business.shared.signals import Signals
from tsubame.business.variables.ports import VariableRepository


@dataclass(frozen=True, slots=True)
class JobDraft:
    """保存する中身。検査は済んでいる。"""

    name: str
    description: str
    spec: ScriptSpec
    server_ids: tuple[ServerId, ...]
    enabled: bool
    selector: str | None = None
    queueing: Queueing = ORDINARY_QUEUEING


@dataclass(frozen=True, slots=True)
class JobFilter:
    """``query`` は名前・説明の部分一致。"""

    query: str = ""
    server_id: ServerId | None = None
    enabled: bool | None = None
    project_id: ProjectId | None = None


class JobRepository(Protocol):
    """``reach`` を渡す操作では、そこにないものは、ないのと同じ。"""

    async def add(self, project_id: ProjectId, draft: JobDraft) -> Job:
        """Raises: NameTakenError, ServerNotFoundError, ProjectNotFoundError。"""
        ...

    async def replace(self, job_id: JobId, draft: JobDraft, expected_version: int | None) -> Job:
        """Raises: NameTakenError, VersionConflictError, JobNotFoundError, ServerNotFoundError。"""
        ...

    async def get(self, job_id: JobId, reach: Reach = None) -> Job:
        """Raises: JobNotFoundError。"""
        ...

    async def page(self, where: JobFilter, reach: Reach, request: PageRequest) -> Page[Job]: ...

    async def hidden(self, ids: Sequence[int], reach: Reach) -> frozenset[int]:
        """あるけれど届かないもの。"""
        ...

    async def delete(self, job_id: JobId) -> None:
        """消す。履歴は残る。Raises: JobNotFoundError。"""
        ...


class JobsTx(Protocol):
    """この部屋の用件が使うリポジトリ。"""

    @property
    def jobs(self) -> JobRepository: ...

    @property
    def servers(self) -> ServerRepository: ...

    @property
    def variables(self) -> VariableRepository: ...

    @property
    def audit(self) -> AuditLog: ...

    @property
    def signals(self) -> Signals: ...
