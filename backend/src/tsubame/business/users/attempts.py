"""当てずっぽうの速さを限る。数はデータベースにあるので、web が何台でも合わせて数える(ADR 0022)。"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address
from typing import Final, Protocol

from tsubame.business.shared.errors import BusyError
from tsubame.business.shared.ids import UserId

FORGET_AFTER: Final = timedelta(hours=1)
"""これだけ静かなら、数え直す。"""
_FIRST_WAIT: Final = timedelta(seconds=2)
_LONGEST_WAIT: Final = timedelta(minutes=15)
_LONGEST_WAIT_OF_ALL: Final = timedelta(minutes=1)
"""その人を試す皆で使う数え先の待ち。短いので、よその所から間違え続けても、本人は一分に一度は試せる。"""
_IPV6_SITE_BITS: Final = 64
FROM: Final = " from "
"""「その人」と「その所」の間に入る字。"""


class TooManyAttemptsError(BusyError):
    """続けて間違えたので、間をおいてもらう。"""

    code = "too_many_attempts"


@dataclass(frozen=True, slots=True)
class Budget:
    """一つの数え先。``free`` 回までは待たせず、そこから先は倍々に、``longest`` まで待たせる。"""

    key: str
    free: int
    longest: timedelta = _LONGEST_WAIT


@dataclass(frozen=True, slots=True)
class Tally:
    """数え先ごとの、今までの数。"""

    attempts: int
    blocked_until: datetime | None
    at: datetime

    def wait(self, now: datetime) -> timedelta:
        """あとどれだけ待つか。待たなくてよければ 0。"""
        return timedelta(0) if self.blocked_until is None else max(timedelta(0), self.blocked_until - now)

    def charged(self, budget: Budget, now: datetime) -> "Tally":
        """一回を足した数。"""
        attempts = (0 if now - self.at >= FORGET_AFTER else self.attempts) + 1
        pause = pause_after(attempts - budget.free, budget.longest)
        return Tally(attempts, None if pause is None else now + pause, now)

    def refunded(self) -> "Tally":
        """当てずっぽうではなかった一回を引く。"""
        return replace(self, attempts=max(0, self.attempts - 1), blocked_until=None)


def pause_after(over: int, longest: timedelta) -> timedelta | None:
    """``over`` は、待たせない数を超えた回数。"""
    if over <= 0:
        return None
    # 先に指数を限る。何百回も続けば、掛け算があふれる
    return min(longest, _FIRST_WAIT * (1 << min(over - 1, 20)))


class AttemptRepository(Protocol):
    async def lock(self, keys: Sequence[str], now: datetime) -> Mapping[str, Tally]:
        """行を鎖して読む(なければ作る)。同時に来た当てずっぽうを、一つずつ数えるため。"""
        ...

    async def save(self, tallies: Mapping[str, Tally]) -> None: ...

    async def forget(self, keys: Sequence[str]) -> None: ...

    async def forget_about(self, who: str) -> None:
        """その人を試す数え先を、どの所の分も消す。"""
        ...

    async def prune(self, before: datetime) -> None:
        """古いものを、少しずつ捨てる。"""
        ...


class AttemptsTx(Protocol):
    @property
    def attempts(self) -> AttemptRepository: ...


async def charge(tx: AttemptsTx, budgets: Sequence[Budget], now: datetime) -> None:
    """照らす前に、一回分を数える。照らしたあとでは、同時に送られた分が数の外に出る。

    Raises: TooManyAttemptsError。断った分は数えない(待てば必ず通れる)。
    """
    await tx.attempts.prune(now - FORGET_AFTER)
    tallies = await tx.attempts.lock([budget.key for budget in budgets], now)
    wait = max(tally.wait(now) for tally in tallies.values())
    if wait > timedelta(0):
        raise TooManyAttemptsError(
            "Too many wrong attempts. Wait before the next one.", int(wait.total_seconds()) + 1
        )
    await tx.attempts.save({budget.key: tallies[budget.key].charged(budget, now) for budget in budgets})


async def settle(tx: AttemptsTx, own: Budget, shared: Sequence[Budget], now: datetime) -> None:
    """当たったあと。``own`` は消し、皆で使う数え先からは一回だけを引く(それまでの間違いは残る)。"""
    # 数えるときと同じに、一度に鎖す。別々に鎖すと、数えている人と逆の順になりうる
    tallies = await tx.attempts.lock([own.key, *(budget.key for budget in shared)], now)
    await tx.attempts.forget([own.key])
    if shared:
        await tx.attempts.save({budget.key: tallies[budget.key].refunded() for budget in shared})


def for_stranger(user_id: UserId | None, typed: str, address: str) -> tuple[Budget, Budget, Budget]:
    """知らない端末から: その所からその人を試す分、その人を試す皆の分、その所の皆の分。

    いない名前も同じだけ待たせ、名前の有無を悟らせない。打たれた名前は、うっかり打ったパスワードかも
    しれないので、ハッシュでしか持たない。事務所の皆が一つの住所を使うので、住所の分は広めに取る。
    """
    hashed = hashlib.sha256(typed.strip().casefold().encode("utf-8", "replace")).hexdigest()
    who, site = f"name {hashed}" if user_id is None else _account(user_id), _site_of(address)
    return (
        Budget(f"{who}{FROM}{site}", free=5),
        Budget(who, free=20, longest=_LONGEST_WAIT_OF_ALL),
        Budget(f"address {site}", free=50),
    )


async def forgive(tx: AttemptsTx, user_id: UserId) -> None:
    """その人を待たせる数を、全部消す。"""
    await tx.attempts.forget_about(_account(user_id))
    await tx.attempts.forget([for_own_password(user_id).key])


def for_device(device: str) -> Budget:
    """その人が前に入った端末から。"""
    return Budget(f"device {hashlib.sha256(device.encode()).hexdigest()}", free=10)


def for_own_password(user_id: UserId) -> Budget:
    """開いた画面から、今のパスワードを言うとき。"""
    return Budget(f"own password {user_id}", free=5)


def _account(user_id: UserId) -> str:
    return f"account {user_id}"


def _site_of(address: str) -> str:
    """IPv6 は一人が /64 を丸ごと使えるので、そこまででまとめる(RFC 6177)。"""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address[:100]
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return f"{IPv6Address(int(parsed) >> _IPV6_SITE_BITS << _IPV6_SITE_BITS)}/{_IPV6_SITE_BITS}"
    return str(parsed)
