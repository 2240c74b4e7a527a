from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from tsubame.business.shared.actor import Actor
from tsubame.business.shared.ids import ProjectId, UserId
from tsubame.business.shared.permissions import Role


@dataclass(frozen=True, slots=True)
class User:
    """利用者。パスワードのハッシュは ``find_for_login`` でしか読めない場所に置く。

    Attributes:
        role: どこでも効く役割。``None`` なら、``project_roles`` にあるプロジェクトだけに入れる。
        project_roles: プロジェクトごとの役割。
    """

    id: UserId
    username: str
    role: Role | None
    created_at: datetime
    disabled_at: datetime | None
    project_roles: Mapping[ProjectId, Role] = field(default_factory=dict)

    def as_actor(self) -> Actor:
        return Actor(user_id=self.id, name=self.username, role=self.role, project_roles=self.project_roles)
