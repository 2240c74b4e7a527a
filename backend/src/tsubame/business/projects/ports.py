from typing import Protocol

from tsubame.business.audit.ports import AuditLog
from tsubame.business.projects.entities import Member, Project, ProjectDraft
from tsubame.business.shared.ids import ProjectId, Reach, UserId
from tsubame.business.shared.permissions import Role
from tsubame.business.shared.signals import Signals


class ProjectRepository(Protocol):
    """``reach`` を渡す操作では、そこにないものは、ないのと同じ。"""

    async def all(self, reach: Reach) -> list[Project]:
        """名前の順。"""
        ...

    async def get(self, project_id: ProjectId, reach: Reach = None) -> Project:
        """Raises: ProjectNotFoundError。"""
        ...

    async def add(self, draft: ProjectDraft) -> ProjectId:
        """Raises: NameTakenError。"""
        ...

    async def replace(self, project_id: ProjectId, draft: ProjectDraft) -> None:
        """Raises: NameTakenError。"""
        ...

    async def delete(self, project_id: ProjectId) -> None:
        """一員と、そこの決まりごと消す。Raises: ProjectNotEmptyError。"""
        ...

    async def members(self, project_id: ProjectId) -> list[Member]:
        """名前の順。どこでも効く役割を持つ人も入る。"""
        ...

    async def member(self, project_id: ProjectId, user_id: UserId) -> Member:
        """一員でなくても、利用者がいれば返す。Raises: MemberNotFoundError(そんな利用者がいない)。"""
        ...

    async def set_role(self, project_id: ProjectId, user_id: UserId, role: Role | None) -> None:
        """``None`` なら、一員から外す。"""
        ...


class ProjectsTx(Protocol):
    """この部屋の用件が使うリポジトリ。"""

    @property
    def projects(self) -> ProjectRepository: ...

    @property
    def audit(self) -> AuditLog: ...

    @property
    def signals(self) -> Signals: ...
