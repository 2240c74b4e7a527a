"""パスワードの照合(argon2id)。"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from pwdlib import PasswordHash
from pwdlib.exceptions import UnknownHashError
from pwdlib.hashers.argon2 import Argon2Hasher

from tsubame.business.shared.errors import UnavailableError
from tsubame.business.shared.secret import Secret

# 一つの照合が 64 MiB と数十ミリ秒を使う。並べすぎると、ログインの連打で記憶が尽きる
_AT_ONCE: Final = 2
_WAITING_AT_MOST: Final = 64


class Argon2Passwords:
    def __init__(self, waiting_at_most: int = _WAITING_AT_MOST) -> None:
        """``waiting_at_most`` は、計算中のものも含めて並べる数。あふれた分は待たせずに断る。"""
        self._waiting_at_most = waiting_at_most
        self._hasher = PasswordHash((Argon2Hasher(),))
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._waiting = 0
        self._decoy: str | None = None

    async def hash(self, password: Secret) -> str:
        async with self._turn():
            return await asyncio.to_thread(self._hasher.hash, password.reveal())

    async def verify(self, password: Secret, password_hash: str | None) -> tuple[bool, str | None]:
        if self._decoy is None:
            # いない利用者のときに照らす相手。どちらの道でも先に作り、最初の一度にも差を出さない
            self._decoy = await self.hash(Secret("decoy"))
        async with self._turn():
            matches, stronger = await asyncio.to_thread(
                self._verify, password.reveal(), password_hash or self._decoy
            )
        return (matches, stronger) if password_hash is not None else (False, None)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        if self._waiting >= self._waiting_at_most:
            raise UnavailableError("Too many people are signing in at once. Try again in a moment.")
        self._waiting += 1
        try:
            async with self._turns:
                yield
        finally:
            self._waiting -= 1

    def _verify(self, password: str, password_hash: str) -> tuple[bool, str | None]:
        try:
            return self._hasher.verify_and_update(password, password_hash)
        except UnknownHashError:
            return False, None
