from dataclasses import dataclass
from datetime import datetime

from tsubame.business.shared.actor import Actor
from tsubame.business.shared.ids import UserId
from tsubame.business.shared.permissions import Role


@dataclass(frozen=True, slots=True)
class User:
    """利用者。パスワードのハッシュは ``password_hash_of`` でしか読めない場所に置く。"""

    id: UserId
    username: str
    role: Role
    created_at: datetime
    disabled_at: datetime | None

    def as_actor(self) -> Actor:
        return Actor(user_id=self.id, name=self.username, role=self.role)
