"""認証アプリの身代わり。本物と同じ計算(RFC 6238)を、試験の時計で行う。"""

from datetime import timedelta
from typing import Any

import httpx
import pyotp

from harness.api import Api, found


class Authenticator:
    """一度使った段を避け、いつも新しい符号を出す。"""

    def __init__(self, api: Api, secret: str) -> None:
        self._api = api
        self._totp = pyotp.TOTP(secret)

    def code(self) -> str:
        """次の段まで時計を進めてから読む。"""
        self._api.clock.advance(seconds=30)
        return self.current()

    def current(self) -> str:
        return self._totp.at(self._api.clock.now())

    def wrong(self) -> str:
        """今も前後の段も含めて、合わない符号。"""
        now = self._api.clock.now()
        near = {self._totp.at(now + timedelta(seconds=drift)) for drift in (-30, 0, 30)}
        return next(f"{number:06d}" for number in range(9) if f"{number:06d}" not in near)


async def enrol(api: Api, client: httpx.AsyncClient, password: str) -> tuple[Authenticator, list[str]]:
    """入っている人として二段階を使い始める。"""
    begun = found(await client.post("/profile/second-factor", json={"password": password}))
    phone = Authenticator(api, begun["secret"])
    confirmed = found(await client.post("/profile/second-factor/confirm", json={"code": phone.code()}))
    codes: list[str] = confirmed["recovery_codes"]
    return phone, codes


async def challenge(client: httpx.AsyncClient, login: dict[str, str]) -> dict[str, Any]:
    """パスワードだけで得られる、途中の証し。"""
    answer = await client.post("/auth/login", json=login)
    assert answer.status_code == httpx.codes.ACCEPTED, answer.text
    body: dict[str, Any] = answer.json()
    return body
