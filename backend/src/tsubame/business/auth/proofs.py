"""本人だという証し。開いたままの画面を奪った人に、入り方を変えさせない。"""

from dataclasses import dataclass

from tsubame.business.auth.code_check import CodeCheck
from tsubame.business.auth.second_factor_ports import SecondFactorTx
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.clock import Clock
from tsubame.business.shared.errors import InvalidInputError, NotFoundError, PermissionDeniedError
from tsubame.business.shared.ids import UserId
from tsubame.business.shared.secret import Secret
from tsubame.business.shared.transactions import Transactions
from tsubame.business.users.attempts import charge, for_own_password
from tsubame.business.users.entities import User
from tsubame.business.users.password_policy import normal
from tsubame.business.users.ports import Passwords


@dataclass(frozen=True, slots=True)
class Proof:
    """二段階を使っていれば符号か回復コード、使っていなければパスワード。"""

    password: Secret | None = None
    code: str | None = None


class Proofs:
    def __init__(
        self,
        transactions: Transactions[SecondFactorTx],
        passwords: Passwords,
        check: CodeCheck,
        clock: Clock,
    ) -> None:
        self._transactions = transactions
        self._passwords = passwords
        self._check = check
        self._clock = clock

    async def demand(self, actor: Actor, proof: Proof) -> None:
        """確かめる。外のログインだけで入る人には、確かめるパスワードも符号もないので、求めない。

        Raises: InvalidInputError(証しが違う)、TooManyAttemptsError、CodesPausedError、
            SecondFactorUnreadableError。
        """
        user_id = own_id(actor)
        # 間違いの数は確定させたいので、例外は取引を抜けてから投げる
        async with self._transactions.begin() as tx:
            found = await tx.second_factors.find(user_id)
            coded = found is not None and found.sealed is not None
            right = coded and proof.code is not None and await self._is_right(tx, actor, proof.code)
            stored = None if coded else await tx.users.password_hash_of(user_id)
            if stored is not None:
                await charge(tx, [for_own_password(user_id)], self._clock.now())
        if coded and proof.code is None:
            raise InvalidInputError.one("code", "required", "Type a code of your authenticator app.")
        if coded and not right:
            raise wrong_code()
        if stored is not None:
            # 遅い照合のあいだ、取引を開いたままにしない
            await self._demand_password(user_id, stored, proof)

    async def _is_right(self, tx: SecondFactorTx, actor: Actor, code: str) -> bool:
        return await self._check.use(tx, actor, own_id(actor), code) is not None

    async def _demand_password(self, user_id: UserId, stored: str, proof: Proof) -> None:
        matches, _ = await self._passwords.verify(normal(proof.password or Secret("")), stored)
        if not matches:
            raise InvalidInputError.one("password", "password_wrong", "This is not your password.")
        async with self._transactions.begin() as tx:
            await tx.attempts.forget([for_own_password(user_id).key])


def wrong_code() -> InvalidInputError:
    return InvalidInputError.one("code", "code_wrong", "This code is wrong, has expired, or was used before.")


def own_id(actor: Actor) -> UserId:
    """自分の入り方は、画面に入った本人だけが触る。API トークンには許さない。"""
    if actor.user_id is None or actor.scope is not None:
        raise PermissionDeniedError("Only a signed-in person can do this.")
    return actor.user_id


async def existing(tx: SecondFactorTx, user_id: UserId) -> User:
    user = await tx.users.find(user_id)
    if user is None:
        raise NotFoundError("There is no such user.")
    return user
