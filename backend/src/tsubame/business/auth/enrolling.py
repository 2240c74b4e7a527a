"""認証アプリの用意。ログインの途中でも、入ったあとの設定でも、同じ道を通る。"""

from tsubame.business.audit.entities import AuditEvent
from tsubame.business.auth.errors import EnrolmentEndedError
from tsubame.business.auth.second_factor import (
    ENROLMENT_LIFETIME,
    Enrolment,
    SecondFactor,
    new_recovery_codes,
    pending_place,
    recovery_code_hash,
    secret_place,
)
from tsubame.business.auth.second_factor_ports import OneTimeCodes, SecondFactorTx
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.clock import Clock
from tsubame.business.shared.errors import InvalidInputError
from tsubame.business.shared.ids import UserId
from tsubame.business.shared.secret import Secret
from tsubame.business.shared.vault import Vault, VaultError
from tsubame.business.users.entities import User


class Enrolling:
    def __init__(self, vault: Vault, codes: OneTimeCodes, clock: Clock) -> None:
        self._vault = vault
        self._codes = codes
        self._clock = clock

    async def begin(self, tx: SecondFactorTx, user: User) -> Enrolment:
        """新しい鍵を作る。確かめ終わるまでは、前の鍵(あれば)が働き続ける。"""
        secret = self._codes.new_secret()
        sealed = self._vault.seal(secret.reveal().encode(), pending_place(user.id))
        await tx.second_factors.set_pending(user.id, sealed, self._clock.now())
        uri = self._codes.uri(secret, user.username)
        return Enrolment(secret, uri, self._codes.qr(uri))

    async def confirm(self, tx: SecondFactorTx, who: Actor, user_id: UserId, code: str) -> list[str]:
        """認証アプリの符号で確かめ、使い始める。返すのは、一度だけ見せる回復コード。

        当てる値を知るのは、鍵を受け取った本人だけなので、間違いは数えない。

        Raises: EnrolmentEndedError, InvalidInputError(符号が違う)。
        """
        now = self._clock.now()
        secret = self._pending(await tx.second_factors.lock(user_id))
        step = self._codes.step_of(secret, code, now)
        if step is None:
            raise InvalidInputError.one(
                "code", "code_mismatch", "This code does not match. Check the clock of your phone."
            )
        sealed = self._vault.seal(secret.reveal().encode(), secret_place(user_id))
        await tx.second_factors.enable(user_id, sealed, step, now)
        await tx.audit.record(about_second_factor(who, "enabled", user_id, who.name))
        return await renew_recovery_codes(tx, user_id)

    def _pending(self, found: SecondFactor | None) -> Secret:
        if found is None or found.pending is None or found.pending_at is None:
            raise EnrolmentEndedError
        if found.pending_at + ENROLMENT_LIFETIME <= self._clock.now():
            raise EnrolmentEndedError
        try:
            plain = self._vault.open(found.pending, pending_place(found.user_id))
        except VaultError as exc:
            raise EnrolmentEndedError from exc
        return Secret(plain.decode())


async def renew_recovery_codes(tx: SecondFactorTx, user_id: UserId) -> list[str]:
    codes = new_recovery_codes()
    hashes = [hashed for code in codes if (hashed := recovery_code_hash(code)) is not None]
    await tx.recovery_codes.replace(user_id, hashes)
    return codes


def about_second_factor(who: Actor, verb: str, user_id: UserId, name: str) -> AuditEvent:
    return AuditEvent(
        actor=who,
        action=f"user.second_factor_{verb}",
        subject_type="user",
        subject_id=user_id,
        subject_name=name,
    )
