"""通行証から操作の主体を決める。HTTP と WebSocket が同じ道を通る。"""

from tsubame.business.auth.entities import Identity
from tsubame.business.auth.errors import SessionEndedError, TokenInvalidError
from tsubame.business.auth.ports import AccessTokens, AuthTx
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.clock import Clock
from tsubame.business.shared.transactions import Transactions


class Authenticator:
    def __init__(self, transactions: Transactions[AuthTx], tokens: AccessTokens, clock: Clock) -> None:
        self._transactions = transactions
        self._tokens = tokens
        self._clock = clock

    async def identify(self, token: str) -> Identity:
        """通行証の持ち主。利用者の行を毎回読むので、止められた人はその場で締め出される。

        Raises:
            TokenExpiredError: 寿命が過ぎた。更新券で取り直せる。
            TokenInvalidError: 署名が違う、または持ち主がいない。
            SessionEndedError: 持ち主が止められた。
        """
        claims = self._tokens.read(token, self._clock.now())
        async with self._transactions.look() as tx:
            user = await tx.users.find(claims.user_id)
        if user is None:
            raise TokenInvalidError("The user of this token does not exist.")
        if user.disabled_at is not None:
            raise SessionEndedError("This user has been disabled.")
        return Identity(user, claims.expires_at)

    async def actor_from(self, token: str) -> Actor:
        """``identify`` と同じ。主体だけが要るとき。"""
        identity = await self.identify(token)
        return identity.user.as_actor()
