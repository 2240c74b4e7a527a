from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import delete, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from tsubame.business.users.attempts import FROM, Tally
from tsubame.data_access.tables.attempts import sign_in_attempts as table

_PRUNED_AT_ONCE: Final = 100


class SqlAttemptRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def lock(self, keys: Sequence[str], now: datetime) -> Mapping[str, Tally]:
        # いつも同じ順に鎖す。二つの数え先を逆の順に鎖し合い、にらみ合わないように
        ordered = sorted(keys)
        fresh = [{"key": key, "attempts": 0, "at": now} for key in ordered]
        await self._connection.execute(insert(table).values(fresh).on_conflict_do_nothing())
        query = select(table).where(table.c.key.in_(ordered)).order_by(table.c.key).with_for_update()
        rows = await self._connection.execute(query)
        return {row.key: Tally(row.attempts, row.blocked_until, row.at) for row in rows}

    async def save(self, tallies: Mapping[str, Tally]) -> None:
        rows = [
            {"key": key, "attempts": tally.attempts, "blocked_until": tally.blocked_until, "at": tally.at}
            for key, tally in sorted(tallies.items())
        ]
        statement = insert(table).values(rows)
        changed = {name: statement.excluded[name] for name in ("attempts", "blocked_until", "at")}
        await self._connection.execute(
            statement.on_conflict_do_update(index_elements=[table.c.key], set_=changed)
        )

    async def forget(self, keys: Sequence[str]) -> None:
        await self._connection.execute(delete(table).where(table.c.key.in_(keys)))

    async def forget_about(self, who: str) -> None:
        about = or_(table.c.key == who, table.c.key.startswith(who + FROM, autoescape=True))
        await self._connection.execute(delete(table).where(about))

    async def prune(self, before: datetime) -> None:
        # だれかが鎖している行は、使われているので飛ばす
        old = (
            select(table.c.key)
            .where(table.c.at <= before)
            .limit(_PRUNED_AT_ONCE)
            .with_for_update(skip_locked=True)
        )
        await self._connection.execute(delete(table).where(table.c.key.in_(old)))
