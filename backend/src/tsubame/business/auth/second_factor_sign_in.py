"""ログインの二段目。短い証しを持つ人だけが通る。"""

from tsubame.business.auth.code_check import CodeCheck
from tsubame.business.auth.enrolling import Enrolling
from tsubame.business.auth.entities import ClientInfo, SignedIn
from tsubame.business.auth.errors import ChallengeEndedError
from tsubame.business.auth.proofs import wrong_code
from tsubame.business.auth.second_factor import ChallengeRow, ChallengeStep, Enrolled, Enrolment
from tsubame.business.auth.second_factor_ports import SecondFactorTx
from tsubame.business.auth.sessions import hash_of
from tsubame.business.auth.sign_in_steps import SignInSteps, actor_at
from tsubame.business.shared.clock import Clock
from tsubame.business.shared.transactions import Transactions
from tsubame.business.users.entities import User


class SecondFactorSignIn:
    def __init__(
        self,
        transactions: Transactions[SecondFactorTx],
        steps: SignInSteps,
        check: CodeCheck,
        enrolling: Enrolling,
        clock: Clock,
    ) -> None:
        self._transactions = transactions
        self._steps = steps
        self._check = check
        self._enrolling = enrolling
        self._clock = clock

    async def answer(self, challenge: str, code: str, client: ClientInfo) -> SignedIn:
        """符号か回復コードで入る。

        Raises: ChallengeEndedError, CodesPausedError, InvalidInputError(符号が違う)、
            SecondFactorUnreadableError。
        """
        # 間違いの数は確定させたいので、例外は取引を抜けてから投げる
        async with self._transactions.begin() as tx:
            row, user = await self._holder(tx, challenge, ChallengeStep.CODE)
            used = await self._check.use(tx, actor_at(user, client), user.id, code)
            if used is not None:
                await self._spend(tx, row)
                return await self._steps.enter(tx, user, client, row.first_factor, used)
        raise wrong_code()

    async def begin_enrolment(self, challenge: str) -> Enrolment:
        """役割が求める二段階を、入る前に用意しはじめる。

        Raises: ChallengeEndedError。
        """
        async with self._transactions.begin() as tx:
            _, user = await self._holder(tx, challenge, ChallengeStep.ENROL)
            return await self._enrolling.begin(tx, user)

    async def confirm_enrolment(self, challenge: str, code: str, client: ClientInfo) -> Enrolled:
        """用意した符号で確かめ、そのまま入る。

        Raises: ChallengeEndedError, EnrolmentEndedError, InvalidInputError(符号が違う)。
        """
        async with self._transactions.begin() as tx:
            row, user = await self._holder(tx, challenge, ChallengeStep.ENROL)
            who = actor_at(user, client)
            recovery_codes = await self._enrolling.confirm(tx, who, user.id, code)
            await self._spend(tx, row)
            signed_in = await self._steps.enter(tx, user, client, row.first_factor, "totp")
            return Enrolled(signed_in, recovery_codes)

    async def _holder(
        self, tx: SecondFactorTx, challenge: str, step: ChallengeStep
    ) -> tuple[ChallengeRow, User]:
        row = await tx.challenges.find(hash_of(challenge), self._clock.now())
        user = None if row is None else await tx.users.find(row.user_id)
        if row is None or row.step is not step or user is None or user.disabled_at is not None:
            raise ChallengeEndedError
        return row, user

    async def _spend(self, tx: SecondFactorTx, row: ChallengeRow) -> None:
        """一つの証しで入れるのは一度だけ。"""
        if not await tx.challenges.take(row.token_hash):
            raise ChallengeEndedError
