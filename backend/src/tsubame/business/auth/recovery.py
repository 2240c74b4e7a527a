"""画面からは入れなくなった人を、この機械に入れる人が入れ直す。"""

from dataclasses import dataclass

from tsubame.business.auth.second_factor_ports import SecondFactorTx
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.clock import Clock
from tsubame.business.shared.permissions import Role
from tsubame.business.shared.secret import Secret
from tsubame.business.shared.signals import SignalKind
from tsubame.business.shared.transactions import Transactions
from tsubame.business.users.attempts import forgive
from tsubame.business.users.entities import StoredPassword
from tsubame.business.users.errors import UserNotFoundError
from tsubame.business.users.events import about_user
from tsubame.business.users.password_policy import ONE_TIME_LIFETIME, one_time_password
from tsubame.business.users.ports import Passwords


@dataclass(frozen=True, slots=True)
class Rescue:
    """``as_admin`` なら管理者にする。``without_second_factor`` なら、二段階を外す。"""

    username: str
    as_admin: bool
    without_second_factor: bool


class RecoveryService:
    """権限は見ない。データベースと鍵に触れる人は、もう何でもできる。"""

    def __init__(
        self, transactions: Transactions[SecondFactorTx], passwords: Passwords, clock: Clock
    ) -> None:
        self._transactions = transactions
        self._passwords = passwords
        self._clock = clock

    async def recover(self, actor: Actor, rescue: Rescue) -> Secret:
        """一度きりのパスワード。止められていれば再開し、待たせる数を消し、今のログインは全部終わらせる。

        Raises: UserNotFoundError。
        """
        password, now = one_time_password(), self._clock.now()
        hashed = await self._passwords.hash(password)
        async with self._transactions.begin() as tx:
            found = await tx.users.find_for_login(rescue.username)
            if found is None:
                raise UserNotFoundError
            user, _ = found
            expires_at = now + ONE_TIME_LIFETIME
            await tx.users.set_password(
                user.id, StoredPassword(hashed, must_change=True, expires_at=expires_at)
            )
            await tx.users.set_disabled_at(user.id, None)
            if rescue.as_admin:
                await tx.users.set_role(user.id, Role.ADMIN)
            if rescue.without_second_factor:
                await tx.second_factors.remove(user.id)
            await forgive(tx, user.id)
            await tx.challenges.drop_all_of(user.id)
            await tx.sessions.end_all_of(user.id, now)
            details = {
                "password": "changed",
                "as_admin": rescue.as_admin,
                "without_second_factor": rescue.without_second_factor,
            }
            await tx.audit.record(about_user(actor, "user.recovered", user, details))
            await tx.signals.send(SignalKind.USER, [user.id])
        return password
