"""「なぜできないのか」に、決まりで答える。"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from tsubame.business.projects.ports import ProjectRepository
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.ids import ProjectId, UserId
from tsubame.business.shared.permissions import MINIMUM_ROLE, WHOLE_INSTALLATION, Permission, Role, allows
from tsubame.business.shared.transactions import Transactions
from tsubame.business.users.entities import User
from tsubame.business.users.errors import UserNotFoundError
from tsubame.business.users.ports import UserRepository


class Verdict(StrEnum):
    """答え。``allowed_…`` のほかは、できない。"""

    ALLOWED_EVERYWHERE = "allowed_everywhere"
    """どこでも効く役割が足りている。"""
    ALLOWED_HERE = "allowed_here"
    """プロジェクトの役割が足りている。"""
    DISABLED = "disabled"
    """止められていて、ログインできない。"""
    NEEDS_EVERYWHERE = "needs_everywhere"
    """どのプロジェクトのものでもないので、どこでも効く役割が要る。プロジェクトの役割は数えない。"""
    NO_ROLE = "no_role"
    """ここでは何の役割もない。"""
    TOO_WEAK = "too_weak"
    """役割はあるが、足りない。"""


@dataclass(frozen=True, slots=True)
class Explanation:
    """答えと、その元になった事実。

    Attributes:
        needed: 足りる最小の役割。
        everywhere: その人の、どこでも効く役割。
        here: その人の、尋ねたプロジェクトでの役割(プロジェクトを尋ねていなければ ``None``)。
        effective: この権限に効く、強いほう。
    """

    verdict: Verdict
    username: str
    project_name: str | None
    needed: Role
    everywhere: Role | None
    here: Role | None
    effective: Role | None


class ExplainTx(Protocol):
    @property
    def users(self) -> UserRepository: ...

    @property
    def projects(self) -> ProjectRepository: ...


class ExplainService:
    def __init__(self, transactions: Transactions[ExplainTx]) -> None:
        self._transactions = transactions

    async def explain(
        self, actor: Actor, user_id: UserId, permission: Permission, project_id: ProjectId | None
    ) -> Explanation:
        """その人が、そのプロジェクトで(``None`` なら全体で)、できるか。わけを添えて。

        自分のことはだれでも、ほかの人のことは、一員を決められる人が尋ねられる。

        Raises: ProjectNotFoundError, PermissionDeniedError, UserNotFoundError。
        """
        async with self._transactions.look() as tx:
            project = None if project_id is None else await tx.projects.get(project_id, actor.sight)
            if user_id != actor.user_id:
                actor.require(Permission.PROJECT_WRITE, project_id)
            user = await tx.users.find(user_id)
        if user is None:
            raise UserNotFoundError
        owner = user.as_actor()
        here = None if project_id is None else user.project_roles.get(project_id)
        effective = owner.role if permission in WHOLE_INSTALLATION else owner.role_in(project_id)
        return Explanation(
            verdict=_verdict(user, permission, effective, here),
            username=user.username,
            project_name=None if project is None else project.name,
            needed=MINIMUM_ROLE[permission],
            everywhere=user.role,
            here=here,
            effective=effective,
        )


def _verdict(user: User, permission: Permission, effective: Role | None, here: Role | None) -> Verdict:
    if user.disabled_at is not None:
        return Verdict.DISABLED
    if allows(user.role, permission):
        return Verdict.ALLOWED_EVERYWHERE
    if allows(effective, permission):
        return Verdict.ALLOWED_HERE
    if permission in WHOLE_INSTALLATION and allows(here, permission):
        return Verdict.NEEDS_EVERYWHERE
    return Verdict.NO_ROLE if effective is None else Verdict.TOO_WEAK
