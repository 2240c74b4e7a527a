"""サーバを選ぶための、軽い一覧。"""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from tsubame.business.servers.entities import host_key_state
from tsubame.business.servers.selection import SelectableServer
from tsubame.business.shared.ids import Reach, ServerId
from tsubame.data_access.db.scope import within
from tsubame.data_access.tables.servers import servers


class SqlServerSelection:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def everyone(self, reach: Reach) -> list[SelectableServer]:
        found = await self._connection.execute(
            select(
                servers.c.id,
                servers.c.name,
                servers.c.tags,
                servers.c.pinned_key.is_not(None).label("pinned"),
                servers.c.offered_key.is_not(None).label("offered"),
            )
            .where(within(servers.c.project_id, reach))
            .order_by(servers.c.id)
        )
        return [
            SelectableServer(
                ServerId(row.id),
                row.name,
                tuple(row.tags),
                host_key_state(pinned=row.pinned, offered=row.offered),
            )
            for row in found
        ]
