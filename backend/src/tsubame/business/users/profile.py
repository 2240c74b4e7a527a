"""自分のこと: 好みと、パスワード。"""

import re
from dataclasses import dataclass
from typing import Final

from tsubame.business.shared.actor import Actor
from tsubame.business.shared.clock import Clock
from tsubame.business.shared.errors import InvalidInputError
from tsubame.business.shared.ids import SessionId
from tsubame.business.shared.secret import Secret
from tsubame.business.shared.signals import SignalKind
from tsubame.business.shared.transactions import Transactions
from tsubame.business.shared.validation import FieldErrors
from tsubame.business.users.attempts import charge, for_own_password
from tsubame.business.users.entities import Preferences, StoredPassword, User
from tsubame.business.users.events import about_user
from tsubame.business.users.password_policy import check_password, normal
from tsubame.business.users.ports import Passwords, UsersTx

_ZONE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}")
_MOST_ZONE: Final = 64


@dataclass(frozen=True, slots=True)
class PasswordChange:
    current: Secret
    new: Secret


class ProfileService:
    def __init__(self, transactions: Transactions[UsersTx], passwords: Passwords, clock: Clock) -> None:
        self._transactions = transactions
        self._passwords = passwords
        self._clock = clock

    async def set_preferences(self, user: User, preferences: Preferences) -> None:
        """Raises: InvalidInputError。"""
        zone = preferences.time_zone
        if zone is not None and not (len(zone) <= _MOST_ZONE and _ZONE.fullmatch(zone)):
            raise InvalidInputError.one("time_zone", "time_zone_invalid", "Use an IANA name: Asia/Tokyo.")
        async with self._transactions.begin() as tx:
            await tx.users.set_preferences(user.id, preferences)

    async def change_password(
        self, actor: Actor, user: User, session_id: SessionId, change: PasswordChange
    ) -> None:
        """今のパスワードを確かめて替える。この端末のほかのログインは、全部終わる。

        Raises: InvalidInputError, TooManyAttemptsError, UnavailableError。
        """
        current, new = change.current, change.new
        errors = FieldErrors()
        check_password(user.username, normal(new), errors, "new_password")
        if normal(new) == normal(current):
            errors.add("new_password", "password_unchanged", "Choose a password other than the current one.")
        errors.raise_if_any()
        await self._confirm(user, current)
        fresh = await self._passwords.hash(normal(new))
        async with self._transactions.begin() as tx:
            await tx.users.set_password(user.id, StoredPassword(fresh))
            await tx.attempts.forget([for_own_password(user.id).key])
            ended = await tx.sessions.end_all_of(user.id, self._clock.now(), keep=session_id)
            details = {"password": "changed", "sessions_ended": ended}
            await tx.audit.record(about_user(actor, "user.password_changed", user, details))
            await tx.signals.send(SignalKind.USER, [user.id])

    async def _confirm(self, user: User, current: Secret) -> None:
        async with self._transactions.begin() as tx:
            stored = await tx.users.password_hash_of(user.id)
            await charge(tx, [for_own_password(user.id)], self._clock.now())
        matches, _ = await self._passwords.verify(normal(current), stored)
        if not matches:
            raise InvalidInputError.one("current_password", "password_wrong", "This is not your password.")
