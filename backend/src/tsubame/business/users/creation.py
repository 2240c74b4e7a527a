"""一度きりのパスワードを渡して、人を入れる。"""

from dataclasses import dataclass

from tsubame.business.shared.actor import Actor
from tsubame.business.shared.clock import Clock
from tsubame.business.shared.ids import UserId
from tsubame.business.shared.permissions import Permission, Role
from tsubame.business.shared.secret import Secret
from tsubame.business.shared.signals import SignalKind
from tsubame.business.shared.transactions import Transactions
from tsubame.business.shared.validation import FieldErrors
from tsubame.business.users.entities import StoredPassword, User
from tsubame.business.users.errors import UserNotFoundError
from tsubame.business.users.events import about_user
from tsubame.business.users.names import checked_username
from tsubame.business.users.password_policy import ONE_TIME_LIFETIME, one_time_password
from tsubame.business.users.people import require_person
from tsubame.business.users.ports import NewUser, Passwords, UsersTx


@dataclass(frozen=True, slots=True)
class Handed:
    """渡す相手と、一度だけ見せるパスワード。はじめて入ったら、自分で選び直す。"""

    user: User
    password: Secret


class CreationService:
    def __init__(self, transactions: Transactions[UsersTx], passwords: Passwords, clock: Clock) -> None:
        self._transactions = transactions
        self._passwords = passwords
        self._clock = clock

    async def create(self, actor: Actor, username: str, role: Role | None) -> Handed:
        """Raises: NameTakenError, InvalidInputError。"""
        actor.require(Permission.USER_WRITE)
        errors = FieldErrors()
        name = checked_username("username", username, errors)
        errors.raise_if_any()
        password, stored = await self._new_password()
        new = NewUser(name, stored.hash, role, stored.must_change, stored.expires_at)
        async with self._transactions.begin() as tx:
            user = await tx.users.add(new)
            await tx.audit.record(about_user(actor, "user.created", user, {"role": role}))
            await tx.signals.send(SignalKind.USER, [user.id])
        return Handed(user, password)

    async def reset_password(self, actor: Actor, user_id: UserId) -> Handed:
        """忘れた人に、新しい一度きりのパスワードを渡す。今のログインは全部終わる。

        Raises: UserNotFoundError, PersonNeededError。
        """
        actor.require(Permission.USER_WRITE)
        require_person(actor)
        password, stored = await self._new_password()
        async with self._transactions.begin() as tx:
            if await tx.users.find_locked(user_id) is None:
                raise UserNotFoundError
            await tx.users.set_password(user_id, stored)
            await tx.sessions.end_all_of(user_id, self._clock.now())
            user = await tx.users.find(user_id)
            if user is None:
                raise UserNotFoundError
            await tx.audit.record(about_user(actor, "user.password_reset", user, {"password": "changed"}))
            await tx.signals.send(SignalKind.USER, [user_id])
        return Handed(user, password)

    async def _new_password(self) -> tuple[Secret, StoredPassword]:
        password = one_time_password()
        stored = StoredPassword(
            await self._passwords.hash(password),
            must_change=True,
            expires_at=self._clock.now() + ONE_TIME_LIFETIME,
        )
        return password, stored
