"""通行証と更新券を作る。ログイン・更新・招待・初回の設定が、同じ作り方を通る。"""

import hashlib
import secrets
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from tsubame.business.auth.entities import (
    AccessToken,
    ClientInfo,
    RefreshGrant,
    RefreshToken,
    Session,
    SignedIn,
)
from tsubame.business.auth.ports import AccessTokens, AuthTx, DeviceMarks
from tsubame.business.shared.clock import Clock
from tsubame.business.shared.ids import SessionId
from tsubame.business.shared.signals import SignalKind
from tsubame.business.users.entities import User

UNUSED_LIFETIME: Final = timedelta(days=14)
"""使わなければ、これで切れる。"""
WHOLE_LIFETIME: Final = timedelta(days=30)
"""使い続けても、これで入り直してもらう(NIST SP 800-63B AAL1)。"""
_TOKEN_BYTES: Final = 32


class Sessions:
    def __init__(self, tokens: AccessTokens, marks: DeviceMarks, clock: Clock) -> None:
        self._tokens = tokens
        self._marks = marks
        self._clock = clock

    async def open(self, tx: AuthTx, user: User, client: ClientInfo, *, vouched: bool = False) -> SignedIn:
        """新しいログイン。番号はいつも新しく作り、前からあるものを引き継がない(セッションの固定)。"""
        now = self._clock.now()
        await self._leave_previous(tx, client, now)
        session = Session(
            id=SessionId(secrets.token_hex(16)),
            user_id=user.id,
            created_at=now,
            last_used_at=now,
            expires_at=now + UNUSED_LIFETIME,
            ended_at=None,
            address=client.address,
            user_agent=client.user_agent,
            vouched=vouched,
        )
        await tx.sessions.add(session)
        await tx.sessions.seen(session.id, now, client.address)
        granted = await self._granted(tx, user, session.id, session.expires_at)
        return replace(granted, device=self._marks.issue(user.id))

    async def _leave_previous(self, tx: AuthTx, client: ClientInfo, now: datetime) -> None:
        """このブラウザの前のログインを終わらせる。Cookie が置き換わり、だれも使わない券が残るため。"""
        grant = await tx.grants.find(hash_of(client.refresh)) if client.refresh else None
        session = None if grant is None else await tx.sessions.find(grant.session_id)
        if session is not None and await tx.sessions.end(session.id, now):
            await tx.signals.send(SignalKind.USER, [session.user_id])

    async def prolong(self, tx: AuthTx, user: User, session: Session, client: ClientInfo) -> SignedIn:
        """続いているログインに、新しい券を渡す。"""
        now = self._clock.now()
        until = min(now + UNUSED_LIFETIME, session.created_at + WHOLE_LIFETIME)
        await tx.sessions.prolong(session.id, until, now, client)
        return await self._granted(tx, user, session.id, until)

    def access_for(self, user: User, session_id: SessionId) -> AccessToken:
        value, lifetime_s = self._tokens.issue(user.id, session_id, self._clock.now())
        return AccessToken(value, lifetime_s)

    async def _granted(self, tx: AuthTx, user: User, session_id: SessionId, until: datetime) -> SignedIn:
        refresh = RefreshToken(secrets.token_urlsafe(_TOKEN_BYTES), until)
        await tx.grants.add(RefreshGrant(hash_of(refresh.value), session_id, until, used_at=None))
        return SignedIn(user=user, access=self.access_for(user, session_id), refresh=refresh)


def hash_of(token: str) -> bytes:
    """券の値の SHA-256。256 ビットの乱数なので、遅いハッシュは要らない。"""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()
