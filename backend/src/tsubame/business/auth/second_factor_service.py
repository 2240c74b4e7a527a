"""自分の二段階の設定と、管理者がほかの人のためにする片付け。"""

from tsubame.business.auth.enrolling import Enrolling, about_second_factor, renew_recovery_codes
from tsubame.business.auth.errors import OwnSecondFactorError, SecondFactorOffError, SecondFactorRequiredError
from tsubame.business.auth.proofs import Proof, Proofs, existing, own_id
from tsubame.business.auth.second_factor import Enrolment, SecondFactorStatus
from tsubame.business.auth.second_factor_ports import SecondFactorTx
from tsubame.business.auth.sign_in_steps import is_required
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.clock import Clock
from tsubame.business.shared.ids import UserId
from tsubame.business.shared.permissions import Permission
from tsubame.business.shared.signals import SignalKind
from tsubame.business.shared.transactions import Transactions


class SecondFactorService:
    def __init__(
        self,
        transactions: Transactions[SecondFactorTx],
        proofs: Proofs,
        enrolling: Enrolling,
        clock: Clock,
    ) -> None:
        self._transactions = transactions
        self._proofs = proofs
        self._enrolling = enrolling
        self._clock = clock

    async def status(self, actor: Actor) -> SecondFactorStatus:
        user_id = own_id(actor)
        async with self._transactions.begin() as tx:
            user = await existing(tx, user_id)
            found = await tx.second_factors.find(user_id)
            return SecondFactorStatus(
                enabled_at=None if found is None else found.enabled_at,
                recovery_codes_left=await tx.recovery_codes.left(user_id),
                required=await is_required(tx, user),
            )

    async def begin(self, actor: Actor, proof: Proof) -> Enrolment:
        """用意しはじめる。もう使っていれば、新しい電話への乗り換えになる。

        Raises: InvalidInputError(証しが違う)、CodesPausedError。
        """
        await self._proofs.demand(actor, proof)
        async with self._transactions.begin() as tx:
            return await self._enrolling.begin(tx, await existing(tx, own_id(actor)))

    async def confirm(self, actor: Actor, code: str) -> list[str]:
        """Raises: EnrolmentEndedError, InvalidInputError。"""
        async with self._transactions.begin() as tx:
            return await self._enrolling.confirm(tx, actor, own_id(actor), code)

    async def renew_recovery_codes(self, actor: Actor, proof: Proof) -> list[str]:
        """Raises: SecondFactorOffError, InvalidInputError, CodesPausedError。"""
        await self._proofs.demand(actor, proof)
        async with self._transactions.begin() as tx:
            user_id = own_id(actor)
            await _refuse_off(tx, user_id)
            await tx.audit.record(about_second_factor(actor, "codes_renewed", user_id, actor.name))
            return await renew_recovery_codes(tx, user_id)

    async def disable(self, actor: Actor, proof: Proof) -> None:
        """Raises: SecondFactorOffError, SecondFactorRequiredError, InvalidInputError, CodesPausedError。"""
        user_id = own_id(actor)
        async with self._transactions.begin() as tx:
            await _refuse_off(tx, user_id)
            if await is_required(tx, await existing(tx, user_id)):
                raise SecondFactorRequiredError
        await self._proofs.demand(actor, proof)
        async with self._transactions.begin() as tx:
            if await tx.second_factors.remove(user_id):
                await tx.audit.record(about_second_factor(actor, "disabled", user_id, actor.name))

    async def reset(self, actor: Actor, user_id: UserId) -> None:
        """電話も回復コードもなくした人のために、管理者が外す。開いているログインも終わらせる。

        Raises: NotFoundError, OwnSecondFactorError, SecondFactorOffError。
        """
        actor.require(Permission.USER_WRITE)
        if actor.user_id == user_id:
            raise OwnSecondFactorError
        async with self._transactions.begin() as tx:
            user = await existing(tx, user_id)
            if not await tx.second_factors.remove(user_id):
                raise SecondFactorOffError
            await tx.challenges.drop_all_of(user_id)
            await tx.sessions.end_all_of(user_id, self._clock.now())
            await tx.signals.send(SignalKind.USER, [user_id])
            await tx.audit.record(about_second_factor(actor, "reset", user_id, user.username))


async def _refuse_off(tx: SecondFactorTx, user_id: UserId) -> None:
    found = await tx.second_factors.find(user_id)
    if found is None or found.sealed is None:
        raise SecondFactorOffError
