"""パスワードの照合。"""

import asyncio
import time

import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from tsubame.business.shared.errors import UnavailableError
from tsubame.business.shared.secret import Secret
from tsubame.data_access.crypto.passwords import Argon2Passwords

PASSWORD = Secret("correct horse battery")


async def test_round_trip() -> None:
    """しまったハッシュは argon2id で、正しいパスワードにだけ合う。"""
    passwords = Argon2Passwords()
    stored = await passwords.hash(PASSWORD)
    assert stored.startswith("$argon2id$")
    assert await passwords.verify(PASSWORD, stored) == (True, None)
    assert await passwords.verify(Secret("wrong"), stored) == (False, None)
    assert await passwords.verify(PASSWORD, "not a hash") == (False, None)


async def test_weak_hash_is_made_again() -> None:
    """今より弱い設定のハッシュは、合ったときに作り直される。"""
    weak = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=8192),)).hash(PASSWORD.reveal())
    matches, stronger = await Argon2Passwords().verify(PASSWORD, weak)
    assert matches
    assert stronger is not None
    assert await Argon2Passwords().verify(PASSWORD, stronger) == (True, None)


async def test_unknown_user_takes_as_long() -> None:
    """利用者がいなくても、いるときと同じ計算をする。"""
    passwords = Argon2Passwords()
    stored = await passwords.hash(PASSWORD)

    async def measure(password_hash: str | None) -> float:
        times = []
        for _ in range(5):
            began = time.process_time()
            assert (await passwords.verify(Secret("wrong"), password_hash))[0] is False
            times.append(time.process_time() - began)
        return min(times)

    known, unknown = await measure(stored), await measure(None)
    assert unknown == pytest.approx(known, rel=0.5)


async def test_nobody_can_pile_up_verifications() -> None:
    """照合の行列には上限があり、あふれた分は待たせずに断る。行列がはければまた受ける。"""
    passwords = Argon2Passwords(waiting_at_most=4)
    stored = await passwords.hash(PASSWORD)
    await passwords.verify(PASSWORD, stored)
    answers = await asyncio.gather(
        *(passwords.verify(PASSWORD, stored) for _ in range(6)), return_exceptions=True
    )
    refused = [answer for answer in answers if isinstance(answer, UnavailableError)]
    assert len(refused) == 2
    assert answers.count((True, None)) == 4
    assert await passwords.verify(PASSWORD, stored) == (True, None)
