"""監査記録の鎖を作り、わざと壊す道具。"""

from collections.abc import Awaitable, Callable
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tsubame.business.audit.entities import AuditEvent, FaultCode, Head
from tsubame.business.audit.keeper import AuditKeeper
from tsubame.business.audit.verification import Verification, Verifier
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.ids import UserId
from tsubame.business.shared.permissions import Role
from tsubame.data_access.queue.delivery import create_queue_app
from tsubame.data_access.system_clock import SystemClock
from tsubame.data_access.transactions import SqlTransactions

ALICE = Actor(UserId(1), "alice", Role.ADMIN, address="192.0.2.7")


def event(number: int = 0, **changes: Any) -> AuditEvent:
    ordinary: dict[str, Any] = {
        "actor": ALICE,
        "action": "job.updated",
        "subject_type": "job",
        "subject_id": number,
        "subject_name": f"job {number}",
        "details": {"changes": {"timeout_s": {"from": None, "to": 1.5}, "name": {"from": "日", "to": "本"}}},
    }
    return AuditEvent(**ordinary | changes)


class AuditRoom:
    """一つのデータベースの、監査の部屋。"""

    def __init__(self, engine: AsyncEngine, url: str) -> None:
        self.engine = engine
        self.transactions = SqlTransactions(engine, create_queue_app(url, "tsubame-test"))
        self.keeper = AuditKeeper(self.transactions, SystemClock())

    async def record(self, count: int) -> None:
        """一つずつ別の取引で残す。"""
        for number in range(1, count + 1):
            async with self.transactions.begin() as tx:
                await tx.audit.record(event(number))

    async def chained(self, count: int) -> Head:
        """``count`` の記録を残し、全部つなぐ。"""
        await self.record(count)
        await self.keeper.link()
        return await self.head()

    async def head(self) -> Head:
        async with self.transactions.look() as tx:
            return await tx.audit_chain.head()

    async def verify(self, kept: Head | None = None) -> Verification:
        return await Verifier(self.transactions).run(kept)

    async def fault(self, kept: Head | None = None) -> tuple[FaultCode, int | None, int | None] | None:
        """最初の乱れの、種類・番号・記録。"""
        found = (await self.verify(kept)).fault
        return None if found is None else (found.code, found.position, found.event_id)

    async def sql(self, statement: str, **values: object) -> Any:
        async with self.engine.begin() as connection:
            result = await connection.execute(text(statement), values)
            return result.all() if result.returns_rows else result.rowcount

    async def tamper(self, *statements: str) -> None:
        """引き金を外せる者(表の持ち主)になって、書き換える。"""
        async with self.engine.begin() as connection:
            await connection.execute(text("SET LOCAL session_replication_role = replica"))
            for statement in statements:
                changed = await connection.execute(text(statement))
                assert changed.rowcount, statement


Tamper = Callable[[AuditRoom], Awaitable[None]]
