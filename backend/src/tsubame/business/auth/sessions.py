"""通行証と更新券を作る。ログイン・更新・初回の設定が、同じ作り方を通る。"""

import hashlib
import secrets
from datetime import timedelta
from typing import Final

from tsubame.business.auth.entities import AccessToken, ClientInfo, RefreshGrant, RefreshToken, SignedIn
from tsubame.business.auth.ports import AccessTokens, AuthTx
from tsubame.business.shared.clock import Clock
from tsubame.business.users.entities import User

REFRESH_LIFETIME: Final = timedelta(days=30)
_TOKEN_BYTES: Final = 32


class Sessions:
    def __init__(self, tokens: AccessTokens, clock: Clock) -> None:
        self._tokens = tokens
        self._clock = clock

    async def open(self, tx: AuthTx, user: User, client: ClientInfo, family: str | None = None) -> SignedIn:
        """通行証と、新しい更新券。``family`` を渡すと、その家族の続きになる。"""
        now = self._clock.now()
        refresh = RefreshToken(secrets.token_urlsafe(_TOKEN_BYTES), now + REFRESH_LIFETIME)
        grant = RefreshGrant(
            token_hash=hash_of(refresh.value),
            family=family or secrets.token_hex(16),
            user_id=user.id,
            expires_at=refresh.expires_at,
            used_at=None,
            revoked_at=None,
        )
        await tx.grants.add(grant, client)
        return SignedIn(user=user, access=self.access_for(user), refresh=refresh)

    def access_for(self, user: User) -> AccessToken:
        value, lifetime_s = self._tokens.issue(user.id, self._clock.now())
        return AccessToken(value, lifetime_s)


def hash_of(token: str) -> bytes:
    """券の値の SHA-256。256 ビットの乱数なので、遅いハッシュは要らない。"""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
