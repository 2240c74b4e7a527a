"""打たれた符号か回復コードを照らし、間違いを数える。ログインでも、設定を変えるときでも、同じ数え方をする。"""

from enum import StrEnum

from tsubame.business.audit.entities import AuditEvent, Outcome
from tsubame.business.auth.errors import CodesPausedError, SecondFactorOffError, SecondFactorUnreadableError
from tsubame.business.auth.second_factor import (
    SecondFactor,
    pause_after,
    recovery_code_hash,
    secret_place,
)
from tsubame.business.auth.second_factor_ports import OneTimeCodes, SecondFactorTx
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.clock import Clock
from tsubame.business.shared.ids import UserId
from tsubame.business.shared.secret import Secret
from tsubame.business.shared.vault import Vault, VaultError


class UsedCode(StrEnum):
    TOTP = "totp"
    RECOVERY = "recovery_code"


class CodeCheck:
    def __init__(self, vault: Vault, codes: OneTimeCodes, clock: Clock) -> None:
        self._vault = vault
        self._codes = codes
        self._clock = clock

    async def use(self, tx: SecondFactorTx, who: Actor, user_id: UserId, code: str) -> UsedCode | None:
        """使った種類。間違っていれば数えて ``None``。数えたことが残るよう、取引は確定させること。

        Raises: SecondFactorOffError, CodesPausedError, SecondFactorUnreadableError。
        """
        found = await tx.second_factors.lock(user_id)
        if found is None or found.sealed is None:
            raise SecondFactorOffError
        hashed = recovery_code_hash(code)
        if hashed is not None:
            # 当てられる長さではないので、待たされているあいだも受ける。締め出された本人の逃げ道になる
            if await tx.recovery_codes.use(user_id, hashed, self._clock.now()):
                await tx.second_factors.count_failure(user_id, 0, None)
                return UsedCode.RECOVERY
        elif await self._fresh(tx, found, code):
            return UsedCode.TOTP
        await self._count(tx, who, found)
        return None

    async def _fresh(self, tx: SecondFactorTx, found: SecondFactor, code: str) -> bool:
        """Raises: CodesPausedError, SecondFactorUnreadableError。"""
        now = self._clock.now()
        if found.blocked_until is not None and now < found.blocked_until:
            wait_s = int((found.blocked_until - now).total_seconds()) + 1
            raise CodesPausedError("Too many wrong codes. Wait, or use a recovery code.", wait_s)
        step = self._codes.step_of(self.opened(found), code, now)
        return step is not None and await tx.second_factors.use_step(found.user_id, step)

    def opened(self, found: SecondFactor) -> Secret:
        """Raises: SecondFactorUnreadableError。"""
        try:
            plain = self._vault.open(found.sealed or "", secret_place(found.user_id))
        except VaultError as exc:
            raise SecondFactorUnreadableError from exc
        return Secret(plain.decode())

    async def _count(self, tx: SecondFactorTx, who: Actor, found: SecondFactor) -> None:
        failures = found.failures + 1
        pause = pause_after(failures)
        until = None if pause is None else self._clock.now() + pause
        await tx.second_factors.count_failure(found.user_id, failures, until)
        await tx.audit.record(
            AuditEvent(
                actor=who,
                action="user.second_factor_failed",
                subject_type="user",
                subject_id=found.user_id,
                subject_name=who.name,
                details={"failures": failures},
                outcome=Outcome.REFUSED,
            )
        )
