"""自分の二段階の設定と、管理者がほかの人のためにする片付け。"""

from dataclasses import dataclass

from tsubame.business.auth.code_check import CodeCheck
from tsubame.business.auth.enrolling import Enrolling, about_second_factor, renew_recovery_codes
from tsubame.business.auth.errors import OwnSecondFactorError, SecondFactorOffError, SecondFactorRequiredError
from tsubame.business.auth.second_factor import Enrolment, SecondFactorStatus
from tsubame.business.auth.second_factor_ports import SecondFactorTx
from tsubame.business.auth.second_factor_sign_in import wrong_code
from tsubame.business.auth.sign_in_steps import is_required
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.clock import Clock
from tsubame.business.shared.errors import InvalidInputError, NotFoundError, PermissionDeniedError
from tsubame.business.shared.ids import UserId
from tsubame.business.shared.permissions import Permission
from tsubame.business.shared.secret import Secret
from tsubame.business.shared.signals import SignalKind
from tsubame.business.shared.transactions import Transactions
from tsubame.business.users.entities import User
from tsubame.business.users.password_policy import normal
from tsubame.business.users.ports import Passwords


@dataclass(frozen=True, slots=True)
class Proof:
    """本人だという証し。開いたままの画面を奪った人に、二段階を外させない。

    二段階を使っていれば符号か回復コード、使っていなければパスワード。
    """

    password: Secret | None = None
    code: str | None = None


class SecondFactorService:
    def __init__(
        self,
        transactions: Transactions[SecondFactorTx],
        passwords: Passwords,
        check: CodeCheck,
        enrolling: Enrolling,
        clock: Clock,
    ) -> None:
        self._transactions = transactions
        self._passwords = passwords
        self._check = check
        self._enrolling = enrolling
        self._clock = clock

    async def status(self, actor: Actor) -> SecondFactorStatus:
        user_id = _own(actor)
        async with self._transactions.begin() as tx:
            user = await _existing(tx, user_id)
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
        await self._prove(actor, proof)
        async with self._transactions.begin() as tx:
            return await self._enrolling.begin(tx, await _existing(tx, _own(actor)))

    async def confirm(self, actor: Actor, code: str) -> list[str]:
        """Raises: EnrolmentEndedError, InvalidInputError。"""
        async with self._transactions.begin() as tx:
            return await self._enrolling.confirm(tx, actor, _own(actor), code)

    async def renew_recovery_codes(self, actor: Actor, proof: Proof) -> list[str]:
        """Raises: SecondFactorOffError, InvalidInputError, CodesPausedError。"""
        await self._prove(actor, proof)
        async with self._transactions.begin() as tx:
            user_id = _own(actor)
            await _refuse_off(tx, user_id)
            await tx.audit.record(about_second_factor(actor, "codes_renewed", user_id, actor.name))
            return await renew_recovery_codes(tx, user_id)

    async def disable(self, actor: Actor, proof: Proof) -> None:
        """Raises: SecondFactorOffError, SecondFactorRequiredError, InvalidInputError, CodesPausedError。"""
        user_id = _own(actor)
        async with self._transactions.begin() as tx:
            await _refuse_off(tx, user_id)
            if await is_required(tx, await _existing(tx, user_id)):
                raise SecondFactorRequiredError
        await self._prove(actor, proof)
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
            user = await _existing(tx, user_id)
            if not await tx.second_factors.remove(user_id):
                raise SecondFactorOffError
            await tx.challenges.drop_all_of(user_id)
            await tx.sessions.end_all_of(user_id, self._clock.now())
            await tx.signals.send(SignalKind.USER, [user_id])
            await tx.audit.record(about_second_factor(actor, "reset", user_id, user.username))

    async def _prove(self, actor: Actor, proof: Proof) -> None:
        """Raises: InvalidInputError, CodesPausedError, SecondFactorUnreadableError。"""
        user_id = _own(actor)
        async with self._transactions.begin() as tx:
            user = await _existing(tx, user_id)
            found = await tx.second_factors.find(user_id)
            if found is not None and found.sealed is not None and proof.code is not None:
                if await self._check.use(tx, actor, user_id, proof.code) is not None:
                    return
                wrong: InvalidInputError | None = wrong_code()
            else:
                wrong = None
            entry = await tx.users.find_for_login(user.username)
        if wrong is not None:
            raise wrong
        # 遅い照合のあいだ、取引を開いたままにしない
        await self._prove_password(entry, proof)

    async def _prove_password(self, entry: tuple[User, str] | None, proof: Proof) -> None:
        stored = None if entry is None else entry[1]
        matches, _ = await self._passwords.verify(normal(proof.password or Secret("")), stored)
        if not matches:
            raise InvalidInputError.one("password", "password_wrong", "This is not your password.")


def _own(actor: Actor) -> UserId:
    """自分の設定は、画面に入った本人だけが触る。API トークンには許さない。"""
    if actor.user_id is None or actor.scope is not None:
        raise PermissionDeniedError("Only a signed-in person can do this.")
    return actor.user_id


async def _existing(tx: SecondFactorTx, user_id: UserId) -> User:
    user = await tx.users.find(user_id)
    if user is None:
        raise NotFoundError("There is no such user.")
    return user


async def _refuse_off(tx: SecondFactorTx, user_id: UserId) -> None:
    found = await tx.second_factors.find(user_id)
    if found is None or found.sealed is None:
        raise SecondFactorOffError
