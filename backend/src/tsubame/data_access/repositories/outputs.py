"""出力を比べるための、対象の行。"""

from collections.abc import Mapping
from typing import Final

from sqlalchemy import LargeBinary, bindparam, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from tsubame.business.executions.outputs import StoredOutput
from tsubame.business.executions.states import ENDED
from tsubame.business.shared.ids import ExecutionId, TargetId
from tsubame.data_access.repositories.execution_rows import GAP_COLUMNS, LOG_LINES, to_gap
from tsubame.data_access.tables.executions import targets

_REMEMBER: Final = (
    update(targets)
    .where(targets.c.id == bindparam("target_id"))
    .values(output_digest=bindparam("digest", type_=LargeBinary))
)


class SqlOutputRepository:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def running(self, execution_id: ExecutionId) -> int:
        query = (
            select(func.count())
            .select_from(targets)
            .where(targets.c.execution_id == execution_id, targets.c.latest, targets.c.state.not_in(ENDED))
        )
        return (await self._connection.execute(query)).scalar_one()

    async def ended(self, execution_id: ExecutionId) -> list[StoredOutput]:
        query = (
            select(
                targets.c.id,
                targets.c.log_bytes,
                LOG_LINES.label("log_lines"),
                targets.c.output_digest,
                *GAP_COLUMNS,
            )
            .where(
                targets.c.execution_id == execution_id,
                targets.c.latest,
                targets.c.state.in_(ENDED),
                # 終了コードがあれば、何も書かずに終わった走り。どちらもなければ、始まってもいない
                or_(targets.c.log_bytes > 0, targets.c.exit_code.is_not(None)),
            )
            .order_by(targets.c.position)
        )
        return [
            StoredOutput(
                target_id=TargetId(row["id"]),
                log_bytes=row["log_bytes"],
                log_lines=row["log_lines"],
                digest=row["output_digest"],
                gap=to_gap(row),
            )
            for row in (await self._connection.execute(query)).mappings()
        ]

    async def remember(self, digests: Mapping[TargetId, bytes]) -> None:
        rows = [{"target_id": target_id, "digest": digest} for target_id, digest in sorted(digests.items())]
        await self._connection.execute(_REMEMBER, rows)
