from datetime import datetime

from sqlalchemy import DateTime, literal, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from tsubame.business.servers.entities import ServerDisk
from tsubame.business.shared.ids import ServerId
from tsubame.data_access.tables.servers import server_disk, servers


class SqlServerDiskRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def claim(self, tried_before: datetime, at: datetime, limit: int) -> list[ServerId]:
        due = (
            select(servers.c.id, literal(at, DateTime(timezone=True)))
            .outerjoin(server_disk, server_disk.c.server_id == servers.c.id)
            .where(
                servers.c.pinned_key.is_not(None),
                servers.c.offered_key.is_(None),
                or_(server_disk.c.tried_at.is_(None), server_disk.c.tried_at < tried_before),
            )
            .order_by(server_disk.c.tried_at.nulls_first(), servers.c.id)
            .limit(limit)
        )
        # 二人が同じ行を選んでも、後の一人は、先の一人の書いた時刻を見直してから置き換える
        claimed = await self._connection.execute(
            insert(server_disk)
            .from_select(["server_id", "tried_at"], due)
            .on_conflict_do_update(
                index_elements=[server_disk.c.server_id],
                set_={"tried_at": at},
                where=server_disk.c.tried_at < tried_before,
            )
            .returning(server_disk.c.server_id)
        )
        return [ServerId(row.server_id) for row in claimed]

    async def record(self, server_id: ServerId, disk: ServerDisk) -> None:
        # 見ているあいだに消されたサーバの分は、挿し込まない
        still_there = select(
            servers.c.id,
            *(
                literal(value, column.type)
                for column, value in (
                    (server_disk.c.tried_at, disk.measured_at),
                    (server_disk.c.measured_at, disk.measured_at),
                    (server_disk.c.used_bytes, disk.used_bytes),
                    (server_disk.c.orphan_runs, disk.orphan_runs),
                    (server_disk.c.free_bytes, disk.free_bytes),
                    (server_disk.c.total_bytes, disk.total_bytes),
                )
            ),
        ).where(servers.c.id == server_id)
        added = insert(server_disk).from_select([column.name for column in server_disk.c], still_there)
        await self._connection.execute(
            added.on_conflict_do_update(
                index_elements=[server_disk.c.server_id],
                set_={column.name: added.excluded[column.name] for column in server_disk.c},
            )
        )
