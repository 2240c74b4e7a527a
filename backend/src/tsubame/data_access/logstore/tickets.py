"""ログを落とすための券。どの web プロセスが出しても、どこで使っても、一度だけ通る。"""

from datetime import datetime

from sqlalchemy import delete, insert
from sqlalchemy.ext.asyncio import AsyncEngine

from tsubame.business.shared.ids import TargetId
from tsubame.data_access.logstore.connecting import connecting
from tsubame.data_access.tables.logs import log_tickets


class SqlLogTickets:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def issue(self, token_hash: bytes, target_id: TargetId, expires_at: datetime) -> None:
        async with connecting(self._engine) as connection:
            await connection.execute(
                insert(log_tickets).values(token_hash=token_hash, target_id=target_id, expires_at=expires_at)
            )
            await connection.commit()

    async def redeem(self, token_hash: bytes, at: datetime) -> TargetId | None:
        async with connecting(self._engine) as connection:
            # 期限の切れた券も一緒に捨てる。同じ券を二人が同時に使っても、消せた一人だけが通る
            gone = await connection.execute(
                delete(log_tickets)
                .where((log_tickets.c.token_hash == token_hash) | (log_tickets.c.expires_at <= at))
                .returning(log_tickets.c.token_hash, log_tickets.c.target_id, log_tickets.c.expires_at)
            )
            rows = gone.all()
            await connection.commit()
        for row in rows:
            if row.token_hash == token_hash and row.expires_at > at:
                return TargetId(row.target_id)
        return None
