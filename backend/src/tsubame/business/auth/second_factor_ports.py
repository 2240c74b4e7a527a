"""二段階が外に求める形。"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from tsubame.business.auth.ports import AuthTx
from tsubame.business.auth.second_factor import ChallengeRow, QrCode, SecondFactor
from tsubame.business.shared.ids import UserId
from tsubame.business.shared.permissions import Role
from tsubame.business.shared.secret import Secret


class SecondFactorRepository(Protocol):
    async def find(self, user_id: UserId) -> SecondFactor | None: ...

    async def lock(self, user_id: UserId) -> SecondFactor | None:
        """行を鎖して読む。同時に来た当てずっぽうを、一つずつ数えるため。"""
        ...

    async def enabled_since(self) -> dict[UserId, datetime]:
        """使っている人と、使い始めた時。"""
        ...

    async def set_pending(self, user_id: UserId, pending: str, at: datetime) -> None: ...

    async def enable(self, user_id: UserId, sealed: str, step: int, at: datetime) -> None:
        """これから使う鍵を、使う鍵にする。確かめるのに使った段は、もう使えない。"""
        ...

    async def use_step(self, user_id: UserId, step: int) -> bool:
        """その段を使い、間違いの数を忘れる。もう使った段か、それより前なら偽。"""
        ...

    async def count_failure(self, user_id: UserId, failures: int, blocked_until: datetime | None) -> None: ...

    async def remove(self, user_id: UserId) -> bool:
        """鍵と回復コードを消す。消すものがあったか。"""
        ...


class RecoveryCodeRepository(Protocol):
    async def replace(self, user_id: UserId, hashes: Sequence[bytes]) -> None:
        """前のものを全部捨て、新しいものに替える。"""
        ...

    async def use(self, user_id: UserId, code_hash: bytes, now: datetime) -> bool:
        """使う。二人が同時に使っても、真になるのは片方だけ。"""
        ...

    async def left(self, user_id: UserId) -> int: ...


class ChallengeRepository(Protocol):
    async def add(self, row: ChallengeRow, now: datetime) -> None:
        """加える。その人の期限の過ぎたものは、このついでに捨てる。"""
        ...

    async def find(self, token_hash: bytes, now: datetime) -> ChallengeRow | None:
        """期限の内のもの。"""
        ...

    async def take(self, token_hash: bytes) -> bool:
        """使い切る。先に使われていれば偽。"""
        ...

    async def drop_all_of(self, user_id: UserId) -> None: ...


class SignInPolicyRepository(Protocol):
    async def required_roles(self) -> frozenset[Role]:
        """二段階を求める役割。"""
        ...

    async def require_roles(self, roles: Collection[Role]) -> None: ...


class SecondFactorTx(AuthTx, Protocol):
    @property
    def second_factors(self) -> SecondFactorRepository: ...

    @property
    def recovery_codes(self) -> RecoveryCodeRepository: ...

    @property
    def challenges(self) -> ChallengeRepository: ...

    @property
    def sign_in_policy(self) -> SignInPolicyRepository: ...


class OneTimeCodes(Protocol):
    """時刻から作る六桁の符号(RFC 6238)。"""

    def new_secret(self) -> Secret: ...

    def uri(self, secret: Secret, account: str) -> Secret:
        """認証アプリが読む ``otpauth://`` の住所。"""
        ...

    def step_of(self, secret: Secret, code: str, now: datetime) -> int | None:
        """符号が合う時刻の段。時計のずれのために、前後一つまで見る。合わなければ ``None``。"""
        ...

    def qr(self, uri: Secret) -> QrCode: ...
