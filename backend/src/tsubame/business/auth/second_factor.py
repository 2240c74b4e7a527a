"""二段目の確かめ(時刻の符号と回復コード)の実体と、純粋な決まり。"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from tsubame.business.auth.entities import SignedIn
from tsubame.business.shared.ids import UserId
from tsubame.business.shared.permissions import Role
from tsubame.business.shared.secret import Secret
from tsubame.business.shared.vault import Place

CHALLENGE_LIFETIME: Final = timedelta(minutes=10)
ENROLMENT_LIFETIME: Final = timedelta(minutes=30)
RECOVERY_CODES: Final = 10
FREE_FAILURES: Final = 5
"""待たせずに受ける、続けての打ち間違い。"""
_SHORTEST_PAUSE: Final = timedelta(seconds=30)
_LONGEST_PAUSE: Final = timedelta(minutes=15)
_DOUBLINGS: Final = 5
# 0 と o、1 と l のように紛れる字を除いた
_CLEAR: Final = "23456789abcdefghjkmnpqrstuvwxyz"
_GROUPS: Final = 4
_GROUP: Final = 6


class FirstFactor(StrEnum):
    """一つ目に確かめたもの。"""

    PASSWORD = "password"  # noqa: S105  種別の名前であり、秘密の値ではない
    PROVIDER = "provider"


class ChallengeStep(StrEnum):
    CODE = "code"
    """符号を打てば入れる。"""
    ENROL = "enrol"
    """役割が二段階を求めるのに、まだ用意がない。用意するまで、ほかには何もできない。"""


@dataclass(frozen=True, slots=True)
class Challenge:
    """一つ目の確かめは済んだ、という短い証し。二段目にしか使えない。"""

    value: str
    step: ChallengeStep
    expires_in_s: int


@dataclass(frozen=True, slots=True)
class ChallengeRow:
    token_hash: bytes
    user_id: UserId
    step: ChallengeStep
    first_factor: FirstFactor
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class SecondFactor:
    """一人の二段階。

    Attributes:
        sealed: 使っている鍵。``None`` なら、まだ使っていない。
        pending: これから使う鍵。符号で確かめるまで、前の鍵が働く。
        last_step: 最後に使った時刻の段。これ以前の符号は、もう使えない(RFC 6238 §5.2)。
        failures: 続けて間違えた数。
    """

    user_id: UserId
    sealed: str | None
    enabled_at: datetime | None
    pending: str | None
    pending_at: datetime | None
    last_step: int | None
    failures: int
    blocked_until: datetime | None


@dataclass(frozen=True, slots=True)
class QrCode:
    """``size`` 四方の升目に描く、SVG の path。"""

    size: int
    path: str


@dataclass(frozen=True, slots=True)
class Enrolment:
    """認証アプリに読ませるもの。``secret`` は、QR を読めないときに手で打つ形。"""

    secret: Secret
    uri: Secret
    qr: QrCode


@dataclass(frozen=True, slots=True)
class SecondFactorStatus:
    enabled_at: datetime | None
    recovery_codes_left: int
    required: bool


@dataclass(frozen=True, slots=True)
class Enrolled:
    """用意ができた。``recovery_codes`` は、このとき一度だけ見せる。"""

    signed_in: SignedIn
    recovery_codes: list[str]


@dataclass(frozen=True, slots=True)
class Person:
    """管理者が見る、一人の入り方。"""

    user_id: UserId
    username: str
    role: Role | None
    disabled: bool
    second_factor_since: datetime | None
    required: bool


def secret_place(user_id: UserId) -> Place:
    return Place("second_factors", "sealed", user_id)


def pending_place(user_id: UserId) -> Place:
    return Place("second_factors", "pending_sealed", user_id)


def pause_after(failures: int) -> timedelta | None:
    """続けて間違えた数に応じて待たせる長さ。

    上限があるので、合言葉を知る人が打ち続けても、本人がいつまでも入れなくなることはない。
    最大の間隔でも一日に百回ほどしか試せず、六桁の符号に当たる見込みは一日に三千分の一を下回る。
    """
    if failures < FREE_FAILURES:
        return None
    doublings = min(failures - FREE_FAILURES, _DOUBLINGS)
    return min(_SHORTEST_PAUSE * (1 << doublings), _LONGEST_PAUSE)


def new_recovery_codes() -> list[str]:
    """読み上げても間違えにくい、百十八ビットの乱数。速いハッシュで照らしてよい長さにしてある。"""
    return ["-".join(_group() for _ in range(_GROUPS)) for _ in range(RECOVERY_CODES)]


def recovery_code_hash(code: str) -> bytes | None:
    """打たれた回復コードのハッシュ。区切りと大文字小文字は問わない。形が違えば ``None``。"""
    plain = "".join(letter for letter in code.lower() if letter not in " -\t")
    if len(plain) != _GROUPS * _GROUP or not set(plain) <= set(_CLEAR):
        return None
    return hashlib.sha256(plain.encode()).digest()


def _group() -> str:
    return "".join(secrets.choice(_CLEAR) for _ in range(_GROUP))
