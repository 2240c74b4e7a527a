"""操作の主体。"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import reduce

from tsubame.business.shared.errors import PermissionDeniedError
from tsubame.business.shared.ids import ProjectId, Reach, UserId
from tsubame.business.shared.permissions import (
    MINIMUM_ROLE,
    WHOLE_INSTALLATION,
    Permission,
    Role,
    allows,
    stronger,
)


@dataclass(frozen=True, slots=True)
class Actor:
    """だれが(または何が)操作しているか。

    Attributes:
        user_id: 人なら利用者の番号。仕組み自身なら ``None``。
        name: 記録に残す名前。利用者が消えても履歴で読めるよう、番号と別に持つ。
        role: どこでも効く役割。``None`` なら、``project_roles`` にあるプロジェクトだけに入れる。
        project_roles: プロジェクトごとの役割。``role`` より弱ければ効かない。
        scope: API トークンで来たときの、そのトークンに許した権限。``None`` なら絞らない。
        address: どこから来たか(IP アドレス)。記録のため。仕組み自身なら空。
        token: API トークンで来たときの、そのトークンの名前。記録のため。
    """

    user_id: UserId | None
    name: str
    role: Role | None
    project_roles: Mapping[ProjectId, Role] = field(default_factory=dict)
    scope: frozenset[Permission] | None = None
    address: str = ""
    token: str | None = None

    def role_in(self, project: ProjectId | None) -> Role | None:
        """そのプロジェクトで効く役割。``None`` を渡せば、どこでも効く役割。"""
        return self.role if project is None else stronger(self.role, self.project_roles.get(project))

    @property
    def sight(self) -> Reach:
        """見えるプロジェクト(何かの役割を持つところ)。そこにない物は、この人にはないのと同じに答える。"""
        return None if self.role is not None else frozenset(self.project_roles)

    def can(self, permission: Permission, project: ProjectId | None = None) -> bool:
        within_scope = self.scope is None or permission in self.scope
        return within_scope and allows(self._role_for(permission, project), permission)

    def require(self, permission: Permission, project: ProjectId | None = None) -> None:
        """権限がなければ止める。``project`` は、操作される物のあるプロジェクト(全体のことなら ``None``)。

        Raises:
            PermissionDeniedError: 役割かトークンの権限が足りない。足りる最小の役割を添える。
        """
        if not self.can(permission, project):
            raise self._refusal(permission, self._role_for(permission, project))

    def reach(self, permission: Permission) -> Reach:
        """読むもの、並べるものを絞る先。``projects_with`` と同じだが、どこでも持たないなら止める。

        Raises: PermissionDeniedError。
        """
        projects = self.projects_with(permission)
        if projects is not None and not projects:
            raise self._refusal(permission, reduce(stronger, self.project_roles.values(), self.role))
        return projects

    def projects_with(self, permission: Permission) -> Reach:
        """その権限を持つプロジェクト。``None`` なら、どのプロジェクトでも持つ(一覧を絞らなくてよい)。"""
        if self.can(permission):
            return None
        return frozenset(project for project in self.project_roles if self.can(permission, project))

    def _role_for(self, permission: Permission, project: ProjectId | None) -> Role | None:
        return self.role if permission in WHOLE_INSTALLATION else self.role_in(project)

    def _refusal(self, permission: Permission, role: Role | None) -> PermissionDeniedError:
        if self.scope is not None and permission not in self.scope:
            return PermissionDeniedError(
                f"This token does not include {permission}.", params={"permission": permission}
            )
        needed, yours = MINIMUM_ROLE[permission], role or "none"
        return PermissionDeniedError(
            f"{permission} needs the role {needed} or higher; yours is {yours}.",
            params={"permission": permission, "needed": needed, "role": yours},
        )


def narrowed(reach: Reach, project_id: ProjectId | None) -> Reach:
    """人が選んだプロジェクトだけに、さらに絞る。届かない所を選べば、何も残らない。"""
    if project_id is None:
        return reach
    return frozenset({project_id}) if reach is None else reach & {project_id}


SYSTEM = Actor(user_id=None, name="system", role=Role.ADMIN)
"""再開や片付けなど、人の指示によらない操作の主体。"""
