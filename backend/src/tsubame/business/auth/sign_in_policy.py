"""だれに二段階を求めるか。管理者が、役割ごとに決める。"""

from collections.abc import Collection

from tsubame.business.audit.entities import AuditEvent
from tsubame.business.auth.second_factor import Person
from tsubame.business.auth.second_factor_ports import SecondFactorTx
from tsubame.business.auth.sign_in_steps import requires
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.clock import Clock
from tsubame.business.shared.permissions import Permission, Role
from tsubame.business.shared.signals import SignalKind
from tsubame.business.shared.transactions import Transactions


class SignInPolicyService:
    def __init__(self, transactions: Transactions[SecondFactorTx], clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def required_roles(self, actor: Actor) -> list[Role]:
        """弱い順。"""
        actor.require(Permission.USER_WRITE)
        async with self._transactions.begin() as tx:
            return _in_order(await tx.sign_in_policy.required_roles())

    async def require_roles(self, actor: Actor, roles: Collection[Role]) -> list[Role]:
        """その役割の人に、二段階を求める。

        用意のない人のログインは、その場で終わる。決めた本人だけは、次の更新まで続く。
        """
        actor.require(Permission.USER_WRITE)
        async with self._transactions.begin() as tx:
            before = _in_order(await tx.sign_in_policy.required_roles())
            after = _in_order(roles)
            if after == before:
                return after
            await tx.sign_in_policy.require_roles(after)
            await self._end_unprepared(tx, after, actor)
            await tx.audit.record(
                AuditEvent(
                    actor=actor,
                    action="sign_in.policy_changed",
                    subject_type="sign_in_policy",
                    subject_id=None,
                    subject_name="",
                    details={"changes": {"second_factor_roles": {"from": before, "to": after}}},
                )
            )
            return after

    async def people(self, actor: Actor) -> list[Person]:
        """名前の順。だれが二段階を使っているか。"""
        actor.require(Permission.USER_WRITE)
        async with self._transactions.begin() as tx:
            since = await tx.second_factors.enabled_since()
            roles = await tx.sign_in_policy.required_roles()
            return [
                Person(
                    user_id=user.id,
                    username=user.username,
                    role=user.role,
                    disabled=user.disabled_at is not None,
                    second_factor_since=since.get(user.id),
                    required=requires(roles, user),
                )
                for user in await tx.users.everyone()
            ]

    async def _end_unprepared(self, tx: SecondFactorTx, roles: Collection[Role], actor: Actor) -> None:
        prepared = await tx.second_factors.enabled_since()
        for user in await tx.users.everyone():
            if user.id not in prepared and user.id != actor.user_id and requires(roles, user):
                await tx.sessions.end_unvouched_of(user.id, self._clock.now())
                await tx.signals.send(SignalKind.USER, [user.id])


def _in_order(roles: Collection[Role]) -> list[Role]:
    return [role for role in Role if role in roles]
