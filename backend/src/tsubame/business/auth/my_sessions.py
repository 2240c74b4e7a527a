"""自分のログインの一覧と、終わらせること。"""

from tsubame.business.auth.entities import Identity, Session
from tsubame.business.auth.errors import SessionNotFoundError
from tsubame.business.auth.ports import AuthTx
from tsubame.business.auth.proofs import Proof, Proofs
from tsubame.business.shared.clock import Clock
from tsubame.business.shared.ids import SessionId
from tsubame.business.shared.signals import SignalKind
from tsubame.business.shared.transactions import Transactions
from tsubame.business.users.events import about_user


class MySessionsService:
    """終わらせるには、証しが要る。開いたままの画面を奪った人に、本人を締め出させない(ASVS 7.5.2)。"""

    def __init__(self, transactions: Transactions[AuthTx], proofs: Proofs, clock: Clock) -> None:
        self._transactions = transactions
        self._proofs = proofs
        self._clock = clock

    async def everything(self, me: Identity) -> list[Session]:
        """使えるログイン。最後に使った順。"""
        async with self._transactions.look() as tx:
            return await tx.sessions.alive_of(me.user.id, self._clock.now())

    async def end(self, me: Identity, proof: Proof, session_id: SessionId) -> None:
        """一つを終わらせる。人のログインは、ないものとして扱う。

        Raises: SessionNotFoundError、ほかは ``Proofs.demand`` と同じ。
        """
        await self._proofs.demand(me.itself(), proof)
        async with self._transactions.begin() as tx:
            session = await tx.sessions.find(session_id)
            mine = session is not None and session.user_id == me.user.id
            if not mine or not await tx.sessions.end(session_id, self._clock.now()):
                raise SessionNotFoundError("There is no such session.")
            await self._told(tx, me, 1)

    async def end_others(self, me: Identity, proof: Proof) -> int:
        """今使っているもののほかを全部終わらせ、その数を返す。

        Raises: ``Proofs.demand`` と同じ。
        """
        await self._proofs.demand(me.itself(), proof)
        async with self._transactions.begin() as tx:
            ended = await tx.sessions.end_all_of(me.user.id, self._clock.now(), keep=me.session.id)
            if ended:
                await self._told(tx, me, ended)
            return ended

    async def _told(self, tx: AuthTx, me: Identity, count: int) -> None:
        await tx.audit.record(about_user(me.itself(), "user.sessions_ended", me.user, {"count": count}))
        await tx.signals.send(SignalKind.USER, [me.user.id])
