"""一つ目の確かめのあと: そのまま入れるか、二段目が要るか。"""

import secrets
from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from typing import Final

from tsubame.business.audit.entities import AuditEvent
from tsubame.business.auth.entities import ClientInfo, Session, SignedIn
from tsubame.business.auth.second_factor import (
    CHALLENGE_LIFETIME,
    Challenge,
    ChallengeRow,
    ChallengeStep,
    FirstFactor,
)
from tsubame.business.auth.second_factor_ports import SecondFactorTx
from tsubame.business.auth.sessions import Sessions, hash_of
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.clock import Clock
from tsubame.business.shared.permissions import Role
from tsubame.business.users.entities import User

_TOKEN_BYTES: Final = 32
_KEEP_DEAD: Final = timedelta(days=1)
"""終わったログインを残す期間。使い回しに気づくには、使い終えた券を覚えていなければならない。"""


class SignInSteps:
    def __init__(self, sessions: Sessions, clock: Clock) -> None:
        self._sessions = sessions
        self._clock = clock

    async def after_first(
        self, tx: SecondFactorTx, user: User, client: ClientInfo, first: FirstFactor
    ) -> SignedIn | Challenge:
        found = await tx.second_factors.find(user.id)
        if found is not None and found.sealed is not None:
            return await self._challenge(tx, user, ChallengeStep.CODE, first)
        if await is_required(tx, user):
            return await self._challenge(tx, user, ChallengeStep.ENROL, first)
        return await self.enter(tx, user, client, first)

    async def enter(
        self, tx: SecondFactorTx, user: User, client: ClientInfo, *factors: str, vouched: bool = False
    ) -> SignedIn:
        """入る。``factors`` は、確かめたもの(記録に残す)。``vouched`` なら、二段階は提供者に任せた。"""
        await tx.sessions.delete_dead(user.id, self._clock.now() - _KEEP_DEAD)
        signed_in = await self._sessions.open(tx, user, client, vouched=vouched)
        await tx.audit.record(
            AuditEvent(
                actor=actor_at(user, client),
                action="user.signed_in",
                subject_type="user",
                subject_id=user.id,
                subject_name=user.username,
                details={"user_agent": client.user_agent, "factors": list(factors)},
            )
        )
        return signed_in

    async def is_prepared(self, tx: SecondFactorTx, user: User, session: Session) -> bool:
        """役割が二段階を求めるなら、その用意があるか。求めがあとから増えても、更新のときに気づく。"""
        if session.vouched or not await is_required(tx, user):
            return True
        found = await tx.second_factors.find(user.id)
        return found is not None and found.sealed is not None

    async def _challenge(
        self, tx: SecondFactorTx, user: User, step: ChallengeStep, first: FirstFactor
    ) -> Challenge:
        value = secrets.token_urlsafe(_TOKEN_BYTES)
        now = self._clock.now()
        row = ChallengeRow(hash_of(value), user.id, step, first, now + CHALLENGE_LIFETIME)
        await tx.challenges.add(row, now)
        return Challenge(value, step, int(CHALLENGE_LIFETIME.total_seconds()))


async def is_required(tx: SecondFactorTx, user: User) -> bool:
    return requires(await tx.sign_in_policy.required_roles(), user)


def requires(roles: Collection[Role], user: User) -> bool:
    """その人の役割(プロジェクトのものも)のどれかが、二段階を求める ``roles`` に入るか。"""
    actor = user.as_actor()
    return not {actor.role, *actor.project_roles.values()}.isdisjoint(roles)


def actor_at(user: User, client: ClientInfo) -> Actor:
    return replace(user.as_actor(), address=client.address)
