"""初回の設定: 利用者がまだいないあいだだけ、一度きりの合言葉で最初の管理者を作る。"""

import hmac
import secrets
from dataclasses import dataclass, replace

from tsubame.business.audit.entities import AuditEvent
from tsubame.business.auth.entities import ClientInfo, SignedIn
from tsubame.business.auth.errors import SetupDoneError, SetupTokenError
from tsubame.business.auth.ports import AuthTx
from tsubame.business.auth.sessions import Sessions, hash_of
from tsubame.business.shared.actor import SYSTEM, Actor
from tsubame.business.shared.errors import NameTakenError
from tsubame.business.shared.permissions import Role
from tsubame.business.shared.secret import Secret
from tsubame.business.shared.transactions import Transactions
from tsubame.business.shared.validation import FieldErrors
from tsubame.business.users.entities import User
from tsubame.business.users.names import checked_username
from tsubame.business.users.password_policy import check_password, normal
from tsubame.business.users.ports import NewUser, Passwords


@dataclass(frozen=True, slots=True)
class FirstAdmin:
    """これから作る最初の管理者。"""

    username: str
    password: Secret


class SetupService:
    def __init__(self, transactions: Transactions[AuthTx], passwords: Passwords, sessions: Sessions) -> None:
        self._transactions = transactions
        self._passwords = passwords
        self._sessions = sessions

    async def needed(self) -> bool:
        async with self._transactions.begin() as tx:
            return not await tx.users.any_exists()

    async def issue_token(self) -> str | None:
        """起動のたびに新しい合言葉を作る。利用者がもういれば ``None``。

        ハッシュだけをしまうので、値は端末に出した一度しか読めない。
        """
        token = secrets.token_urlsafe(24)
        async with self._transactions.begin() as tx:
            if await tx.users.any_exists():
                await tx.setup_token.clear()
                return None
            await tx.setup_token.replace(hash_of(token))
        return token

    async def set_up(self, token: str, admin: FirstAdmin, client: ClientInfo) -> SignedIn:
        """最初の管理者を作り、そのままログインする。

        Raises: SetupDoneError, SetupTokenError, InvalidInputError。
        """
        # 合言葉を知らない人に、遅いハッシュの計算をさせない
        async with self._transactions.begin() as tx:
            await self._check_token(tx, token)
        username = _checked(admin)
        password_hash = await self._passwords.hash(normal(admin.password))
        async with self._transactions.begin() as tx:
            # ハッシュのあいだに、ほかの人が先に終えたかもしれない。行を鎖して確かめ直す
            await self._check_token(tx, token)
            user = await tx.users.add(NewUser(username, password_hash, Role.ADMIN))
            await tx.setup_token.clear()
            await tx.audit.record(_created(user, replace(SYSTEM, address=client.address)))
            return await self._sessions.open(tx, user, client)

    async def ensure_admin(self, admin: FirstAdmin) -> None:
        """利用者がまだいなければ管理者を作る(人のいない設定)。いれば何もしない。

        Raises: InvalidInputError。
        """
        if not await self.needed():
            return
        username = _checked(admin)
        password_hash = await self._passwords.hash(normal(admin.password))
        try:
            async with self._transactions.begin() as tx:
                if await tx.users.any_exists():
                    return
                user = await tx.users.add(NewUser(username, password_hash, Role.ADMIN))
                await tx.setup_token.clear()
                await tx.audit.record(_created(user, SYSTEM))
        except NameTakenError:
            # 同時に起きたもう一つの web が先に作った。望んだとおりになっている
            return

    async def _check_token(self, tx: AuthTx, token: str) -> None:
        expected = await tx.setup_token.current()
        if await tx.users.any_exists():
            raise SetupDoneError("The set-up is already done. Sign in instead.")
        if expected is None or not hmac.compare_digest(expected, hash_of(token)):
            raise SetupTokenError("This set-up link is not valid. Use the newest one from the terminal.")


def _checked(admin: FirstAdmin) -> str:
    errors = FieldErrors()
    username = checked_username("username", admin.username, errors)
    check_password(username, normal(admin.password), errors)
    errors.raise_if_any()
    return username


def _created(user: User, actor: Actor) -> AuditEvent:
    return AuditEvent(
        actor=actor,
        action="user.created",
        subject_type="user",
        subject_id=user.id,
        subject_name=user.username,
        details={"role": user.role, "first": True},
    )
