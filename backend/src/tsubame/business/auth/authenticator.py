"""通行証から操作の主体を決める。HTTP と WebSocket が同じ道を通る。"""

from datetime import timedelta
from typing import Final

from tsubame.business.auth.entities import Identity
from tsubame.business.auth.errors import SessionEndedError, TokenInvalidError
from tsubame.business.auth.ports import AccessTokens, AuthTx
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.clock import Clock
from tsubame.business.shared.transactions import Transactions
from tsubame.business.tokens.authentication import TokenAuthenticator
from tsubame.business.tokens.values import is_token

_SEEN_EVERY: Final = timedelta(minutes=1)
"""「最後に使った」を書く間隔。要求のたびに書くと、読むだけの要求まで書き込みになる。"""


class Authenticator:
    def __init__(
        self,
        transactions: Transactions[AuthTx],
        tokens: AccessTokens,
        api_tokens: TokenAuthenticator,
        clock: Clock,
    ) -> None:
        self._transactions = transactions
        self._tokens = tokens
        self._api_tokens = api_tokens
        self._clock = clock

    async def identify(self, token: str, address: str = "") -> Identity:
        """通行証の持ち主。

        利用者とログインの行を毎回読むので、止められた人も終わらせたログインも、その場で締め出される。

        Raises:
            TokenExpiredError: 寿命が過ぎた。更新券で取り直せる。
            TokenInvalidError: 署名が違う、または持ち主がいない。
            SessionEndedError: 持ち主が止められた、またはこのログインが終わった。
        """
        now = self._clock.now()
        claims = self._tokens.read(token, now)
        async with self._transactions.look() as tx:
            found = await tx.sessions.with_user(claims.session_id, claims.user_id)
            if found is None:
                raise TokenInvalidError("The user of this token does not exist.")
            user, session = found
            if user.disabled_at is not None:
                raise SessionEndedError("This user has been disabled.")
            if session is None or session.ended_at is not None:
                raise SessionEndedError("This session has ended. Sign in again.")
            if now - session.last_used_at >= _SEEN_EVERY:
                await tx.sessions.seen(session.id, now, address or session.address)
        return Identity(user, session, claims.expires_at, address)

    async def actor_from(self, token: str, address: str = "") -> Actor:
        """操作の主体。通行証でも、API トークンでもよい。

        パスワードを替えるまで何もできない人は、ここで止まる。

        Raises: PasswordChangeNeededError、API トークンの失敗、ほかは ``identify`` と同じ。
        """
        if is_token(token):
            return await self._api_tokens.actor_from(token, address)
        identity = await self.identify(token, address)
        return identity.actor()
