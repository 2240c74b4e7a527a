from datetime import datetime

from pydantic import Field

from tsubame.business.projects.entities import Project
from tsubame.business.shared.permissions import Role
from tsubame.presentation.http.api_model import ApiInput, ApiModel


class ProjectInput(ApiInput):
    name: str = Field(min_length=1, max_length=100)
    max_parallel: int | None = Field(default=None, ge=1, le=100_000)
    """同時に動かす対象の上限。変えられるのは、全体の管理者だけ。"""


class ProjectRead(ApiModel):
    id: int
    name: str
    max_parallel: int | None
    member_count: int
    server_count: int
    job_count: int
    credential_count: int
    execution_count: int
    created_at: datetime


class ProjectList(ApiModel):
    items: list[ProjectRead]


class MemberInput(ApiInput):
    role: Role


class MemberRead(ApiModel):
    user_id: int
    username: str
    role: Role | None
    """プロジェクトでの役割。null なら、どこでも効く役割だけで入れる人。"""
    everywhere: Role | None
    """どこでも効く役割。"""
    disabled: bool


class MemberList(ApiModel):
    items: list[MemberRead]


def project_read(project: Project) -> ProjectRead:
    contents = project.contents
    return ProjectRead(
        id=project.id,
        name=project.name,
        max_parallel=project.max_parallel,
        member_count=project.members,
        server_count=contents.servers,
        job_count=contents.jobs,
        credential_count=contents.credentials,
        execution_count=contents.executions,
        created_at=project.created_at,
    )
