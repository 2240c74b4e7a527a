"""操作の主体。"""

from dataclasses import dataclass

from tsubame.business.shared.errors import PermissionDeniedError
from tsubame.business.shared.ids import UserId
from tsubame.business.shared.permissions import MINIMUM_ROLE, Permission, Role, allows


@dataclass(frozen=True, slots=True)
class Actor:
    """だれが(または何が)操作しているか。

    Attributes:
        user_id: 人なら利用者の番号。仕組み自身なら ``None``。
        name: 記録に残す名前。利用者が消えても履歴で読めるよう、番号と別に持つ。
        role: 権限を決める役割。
    """

    user_id: UserId | None
    name: str
    role: Role

    def require(self, permission: Permission) -> None:
        """権限がなければ止める。

        Raises:
            PermissionDeniedError: 役割が足りない。足りる最小の役割を添える。
        """
        if not allows(self.role, permission):
            needed = MINIMUM_ROLE[permission]
            raise PermissionDeniedError(
                f"{permission} needs the role {needed} or higher; yours is {self.role}.",
                params={"permission": permission, "needed": needed, "role": self.role},
            )


SYSTEM = Actor(user_id=None, name="system", role=Role.ADMIN)
"""再開や片付けなど、人の指示によらない操作の主体。"""
