"""招待のリンクから入る。"""

from dataclasses import dataclass, replace

from tsubame.business.auth.entities import ClientInfo, SignedIn
from tsubame.business.auth.second_factor import Challenge, FirstFactor
from tsubame.business.auth.second_factor_ports import SecondFactorTx
from tsubame.business.auth.sign_in_steps import SignInSteps
from tsubame.business.shared.clock import Clock
from tsubame.business.shared.secret import Secret
from tsubame.business.shared.signals import SignalKind
from tsubame.business.shared.transactions import Transactions
from tsubame.business.shared.validation import FieldErrors
from tsubame.business.users.errors import InvitationInvalidError
from tsubame.business.users.events import about_user
from tsubame.business.users.invitations import invitation_hash
from tsubame.business.users.names import checked_username
from tsubame.business.users.password_policy import check_password, normal
from tsubame.business.users.ports import NewUser, Passwords


@dataclass(frozen=True, slots=True)
class Newcomer:
    """招かれた人が選んだ名前とパスワード。"""

    username: str
    password: Secret


class JoinService:
    def __init__(
        self,
        transactions: Transactions[SecondFactorTx],
        passwords: Passwords,
        steps: SignInSteps,
        clock: Clock,
    ) -> None:
        self._transactions = transactions
        self._passwords = passwords
        self._steps = steps
        self._clock = clock

    async def join(self, token: str, newcomer: Newcomer, client: ClientInfo) -> SignedIn | Challenge:
        """利用者になり、そのまま入る(役割が二段階を求めていれば、その用意へ)。

        名前が重なったときは、招待は残る。

        Raises: InvitationInvalidError, InvalidInputError, NameTakenError。
        """
        # リンクを持たない人に、遅いハッシュの計算をさせない
        async with self._transactions.look() as tx:
            invitation = await tx.invitations.find_by_token(invitation_hash(token))
        if invitation is None or invitation.expires_at <= self._clock.now():
            raise InvitationInvalidError
        username = _checked(newcomer)
        password_hash = await self._passwords.hash(normal(newcomer.password))
        async with self._transactions.begin() as tx:
            # ハッシュのあいだに、ほかの人が使ったか、取り消されたかもしれない。消せた人だけが入る
            taken = await tx.invitations.take(invitation_hash(token), self._clock.now())
            if taken is None:
                raise InvitationInvalidError
            user = await tx.users.add(
                NewUser(username, password_hash, taken.role, project_roles=taken.project_roles)
            )
            actor = replace(user.as_actor(), address=client.address)
            details = {"role": taken.role, "invited_by": taken.created_by_name}
            await tx.audit.record(about_user(actor, "user.joined", user, details))
            await tx.signals.send(SignalKind.USER, [user.id])
            return await self._steps.after_first(tx, user, client, FirstFactor.PASSWORD)


def _checked(newcomer: Newcomer) -> str:
    errors = FieldErrors()
    username = checked_username("username", newcomer.username, errors)
    check_password(username, normal(newcomer.password), errors)
    errors.raise_if_any()
    return username
