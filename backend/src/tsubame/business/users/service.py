"""管理者が、人の役割と出入りを決める。"""

from tsubame.business.shared.actor import Actor
from tsubame.business.shared.clock import Clock
from tsubame.business.shared.ids import UserId
from tsubame.business.shared.permissions import Permission, Role
from tsubame.business.shared.signals import SignalKind
from tsubame.business.shared.transactions import Transactions
from tsubame.business.users.entities import User
from tsubame.business.users.errors import (
    LastAdminError,
    NoPasswordError,
    OwnAccountError,
    UserNotFoundError,
)
from tsubame.business.users.events import about_user, changed
from tsubame.business.users.people import require_person
from tsubame.business.users.ports import UsersTx


class UserService:
    def __init__(self, transactions: Transactions[UsersTx], clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def everyone(self, actor: Actor) -> list[User]:
        """名前の順。履歴を利用者で絞るのに使うので、止められた人も含む。"""
        # 名前は、だれの実行の履歴にも出る。プロジェクトにだけ入れる人にも隠さない
        actor.reach(Permission.USER_READ)
        async with self._transactions.begin() as tx:
            return await tx.users.everyone()

    async def accounts(self, actor: Actor) -> list[User]:
        """``everyone`` と同じ人たちの、出入りまで含めた名簿。"""
        actor.require(Permission.USER_WRITE)
        async with self._transactions.begin() as tx:
            return await tx.users.everyone()

    async def account(self, actor: Actor, user_id: UserId) -> User:
        """Raises: UserNotFoundError。"""
        actor.require(Permission.USER_WRITE)
        async with self._transactions.begin() as tx:
            return await _existing(tx, user_id)

    async def set_role(self, actor: Actor, user_id: UserId, role: Role | None) -> User:
        """Raises: UserNotFoundError, LastAdminError。"""
        actor.require(Permission.USER_WRITE)
        async with self._transactions.begin() as tx:
            user = await _existing(tx, user_id)
            if user.role is role:
                return user
            await _keep_an_admin(tx, user)
            await tx.users.set_role(user_id, role)
            if user.role is Role.ADMIN:
                # 外された人が先に作っておいた招待で、戻ってこられないように
                await tx.invitations.delete_made_by(user_id)
            await tx.audit.record(
                about_user(actor, "user.role_changed", user, changed("role", user.role, role))
            )
            return await _told(tx, user_id)

    async def disable(self, actor: Actor, user_id: UserId) -> User:
        """止める。開いている画面も WebSocket も、その場で締め出される。

        Raises: UserNotFoundError, LastAdminError, OwnAccountError。
        """
        actor.require(Permission.USER_WRITE)
        async with self._transactions.begin() as tx:
            user = await _existing(tx, user_id)
            _refuse_own(actor, user)
            if user.disabled_at is not None:
                return user
            await _keep_an_admin(tx, user)
            await tx.users.set_disabled_at(user_id, self._clock.now())
            await tx.sessions.end_all_of(user_id, self._clock.now())
            await tx.invitations.delete_made_by(user_id)
            await tx.audit.record(about_user(actor, "user.disabled", user))
            return await _told(tx, user_id)

    async def enable(self, actor: Actor, user_id: UserId) -> User:
        """Raises: UserNotFoundError。"""
        actor.require(Permission.USER_WRITE)
        async with self._transactions.begin() as tx:
            user = await _existing(tx, user_id)
            if user.disabled_at is None:
                return user
            await tx.users.set_disabled_at(user_id, None)
            await tx.audit.record(about_user(actor, "user.enabled", user))
            return await _told(tx, user_id)

    async def delete(self, actor: Actor, user_id: UserId) -> None:
        """消す。実行の履歴と監査記録には、名前が残る。

        Raises: UserNotFoundError, LastAdminError, OwnAccountError。
        """
        actor.require(Permission.USER_WRITE)
        async with self._transactions.begin() as tx:
            user = await _existing(tx, user_id)
            _refuse_own(actor, user)
            await _keep_an_admin(tx, user)
            await tx.invitations.delete_made_by(user_id)
            await tx.users.delete(user_id)
            await tx.audit.record(about_user(actor, "user.deleted", user, {"role": user.role}))
            await tx.signals.send(SignalKind.USER, [user_id])

    async def end_sessions(self, actor: Actor, user_id: UserId) -> int:
        """どの端末のログインも終わらせ、その数を返す。

        Raises: UserNotFoundError, PersonNeededError。
        """
        actor.require(Permission.USER_WRITE)
        require_person(actor)
        async with self._transactions.begin() as tx:
            user = await _existing(tx, user_id)
            ended = await tx.sessions.end_all_of(user_id, self._clock.now())
            await tx.audit.record(about_user(actor, "user.sessions_ended", user, {"count": ended}))
            await tx.signals.send(SignalKind.USER, [user_id])
            return ended

    async def demand_new_password(self, actor: Actor, user_id: UserId) -> User:
        """次の操作の前に、パスワードを替えさせる。開いている画面も、替えるまで何もできない。

        Raises: UserNotFoundError, NoPasswordError。
        """
        actor.require(Permission.USER_WRITE)
        async with self._transactions.begin() as tx:
            user = await _existing(tx, user_id)
            if not user.has_password:
                raise NoPasswordError
            await tx.users.demand_new_password(user_id)
            await tx.audit.record(about_user(actor, "user.password_change_demanded", user))
            return await _told(tx, user_id)


async def _existing(tx: UsersTx, user_id: UserId) -> User:
    user = await tx.users.find_locked(user_id)
    if user is None:
        raise UserNotFoundError
    return user


async def _told(tx: UsersTx, user_id: UserId) -> User:
    """変えたことを知らせ、今の姿を返す。"""
    await tx.signals.send(SignalKind.USER, [user_id])
    return await _existing(tx, user_id)


async def _keep_an_admin(tx: UsersTx, leaving: User) -> None:
    """Raises: LastAdminError。"""
    if leaving.role is Role.ADMIN and set(await tx.users.working_admins()) == {leaving.id}:
        raise LastAdminError


def _refuse_own(actor: Actor, user: User) -> None:
    if actor.user_id == user.id:
        raise OwnAccountError
