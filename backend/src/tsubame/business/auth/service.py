"""ログイン・更新・ログアウト。"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from tsubame.business.audit.entities import AuditEvent, Outcome
from tsubame.business.auth.entities import ClientInfo, Session, SignedIn
from tsubame.business.auth.errors import (
    BadCredentialsError,
    OneTimePasswordExpiredError,
    SessionEndedError,
)
from tsubame.business.auth.ports import DeviceMarks
from tsubame.business.auth.second_factor import Challenge, FirstFactor
from tsubame.business.auth.second_factor_ports import SecondFactorTx
from tsubame.business.auth.sessions import Sessions, hash_of
from tsubame.business.auth.sign_in_steps import SignInSteps
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.clock import Clock
from tsubame.business.shared.secret import Secret
from tsubame.business.shared.signals import SignalKind
from tsubame.business.shared.transactions import Transactions
from tsubame.business.users.attempts import Budget, charge, for_device, for_stranger, settle
from tsubame.business.users.entities import User
from tsubame.business.users.password_policy import normal
from tsubame.business.users.ports import Passwords

REUSE_GRACE: Final = timedelta(seconds=10)
"""使い終わった更新券を、盗用とみなさずに受ける時間。

二つのタブが同じ券で同時に更新すると、遅れた方は「使用済み」を出すことになる。この間は
通行証だけを返し、新しい券は渡さない(先の応答が、同じ Cookie をもう新しくしている)。
盗んだ人がこの間に使っても、得るのは十五分の通行証一枚だけで、次の更新でログインごと終わる。
"""


@dataclass(frozen=True, slots=True)
class SignInGuard:
    """当てずっぽうを数えるのに要る物。"""

    marks: DeviceMarks
    clock: Clock


class AuthService:
    def __init__(
        self,
        transactions: Transactions[SecondFactorTx],
        passwords: Passwords,
        sessions: Sessions,
        steps: SignInSteps,
        guard: SignInGuard,
    ) -> None:
        self._transactions = transactions
        self._passwords = passwords
        self._sessions = sessions
        self._steps = steps
        self._marks = guard.marks
        self._clock = guard.clock

    async def sign_in(self, username: str, password: Secret, client: ClientInfo) -> SignedIn | Challenge:
        """パスワードで確かめる。二段目が要る人には、入る代わりに短い証しを渡す。

        Raises: BadCredentialsError, TooManyAttemptsError, OneTimePasswordExpiredError, UnavailableError。
        """
        now = self._clock.now()
        async with self._transactions.begin() as tx:
            found = await tx.users.find_for_login(username.strip())
            user, stored = found or (None, None)
            budgets = self._budgets(user, username, client)
            await charge(tx, budgets, now)
        # 利用者がいなくても照合し、かかる時間から名前の有無を悟らせない
        matches, stronger = await self._passwords.verify(normal(password), stored)
        if user is None or not matches or user.disabled_at is not None:
            await self._record_failure(user, client)
            raise BadCredentialsError("The user name or the password is wrong.")
        if user.password_expires_at is not None and user.password_expires_at <= now:
            raise OneTimePasswordExpiredError("This one-time password has expired. Ask for a new one.")
        async with self._transactions.begin() as tx:
            if stronger is not None:
                await tx.users.replace_password_hash(user.id, stronger)
            own, *shared = budgets
            await settle(tx, own, shared, now)
            return await self._steps.after_first(tx, user, client, FirstFactor.PASSWORD)

    def _budgets(self, user: User | None, username: str, client: ClientInfo) -> Sequence[Budget]:
        """先頭が、入れば消す数え先。

        前に入った端末は、自分の数え先だけを使う。ほかの人がどれだけ間違えても、締め出されない。
        """
        if user is not None and self._marks.is_of(client.device, user.id):
            return [for_device(client.device)]
        return for_stranger(None if user is None else user.id, username, client.address)

    async def refresh(self, client: ClientInfo) -> SignedIn:
        """更新券を新しい券に替える。使い回しに気づいたら、ログインごと終わらせる。

        Raises: SessionEndedError。
        """
        now = self._clock.now()
        # 終わらせたことは確定させたいので、例外は取引を抜けてから投げる
        async with self._transactions.begin() as tx:
            grant = await tx.grants.take(hash_of(client.refresh), now)
            session = None if grant is None else await tx.sessions.find(grant.session_id)
            user = None if session is None else await tx.users.find(session.user_id)
            if grant is not None and session is not None and user is not None:
                fresh = grant.expires_at > now and _usable(session, user)
                if fresh and await self._steps.is_prepared(tx, user, session):
                    if grant.used_at is None:
                        return await self._sessions.prolong(tx, user, session, client)
                    if now - grant.used_at <= REUSE_GRACE:
                        access = self._sessions.access_for(user, session.id)
                        return SignedIn(user=user, access=access, refresh=None)
                if await self._end(tx, session) and grant.used_at is not None:
                    # 使い終わった券が、また出された。盗まれたのかもしれない
                    await tx.audit.record(_event(user, "user.session_reused", client, Outcome.REFUSED))
        raise SessionEndedError("This session has ended. Sign in again.")

    async def sign_out(self, client: ClientInfo) -> None:
        """ログインを終わらせる。知らない券なら、もう終わっているので何もしない。"""
        async with self._transactions.begin() as tx:
            grant = await tx.grants.find(hash_of(client.refresh))
            session = None if grant is None else await tx.sessions.find(grant.session_id)
            if session is None or not await self._end(tx, session):
                return
            user = await tx.users.find(session.user_id)
            if user is not None:
                await tx.audit.record(_event(user, "user.signed_out", client))

    async def _end(self, tx: SecondFactorTx, session: Session) -> bool:
        ended = await tx.sessions.end(session.id, self._clock.now())
        if ended:
            await tx.signals.send(SignalKind.USER, [session.user_id])
        return ended

    async def _record_failure(self, user: User | None, client: ClientInfo) -> None:
        """いない名前は残さない。名前の欄に、うっかりパスワードを打つ人がいるため。"""
        actor = Actor(None, "", None, address=client.address)
        event = AuditEvent(
            actor=actor,
            action="user.sign_in_failed",
            subject_type="user",
            subject_id=None if user is None else user.id,
            subject_name="" if user is None else user.username,
            details={"user_agent": client.user_agent},
            outcome=Outcome.REFUSED,
        )
        async with self._transactions.begin() as tx:
            await tx.audit.record(event)


def _usable(session: Session, user: User) -> bool:
    return session.ended_at is None and user.disabled_at is None


def _event(user: User, action: str, client: ClientInfo, outcome: Outcome = Outcome.DONE) -> AuditEvent:
    return AuditEvent(
        actor=replace(user.as_actor(), address=client.address),
        action=action,
        subject_type="user",
        subject_id=user.id,
        subject_name=user.username,
        details={"user_agent": client.user_agent},
        outcome=outcome,
    )
