"""対象の行から、ログの長さと、省いた真ん中を知る。"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from tsubame.business.executions.errors import TargetNotFoundError
from tsubame.business.executions.ports import LogExtent
from tsubame.business.executions.states import ENDED, TargetState
from tsubame.business.shared.ids import TargetId
from tsubame.data_access.logstore.index import ChunkIndex
from tsubame.data_access.repositories.execution_rows import to_gap

LOCATED_COLUMNS: Final = """
    state, log_bytes, log_newlines, log_open_line, log_day, log_archived_at,
    log_gap_start, log_gap_end, log_gap_first_line, log_gap_next_line
"""
_TARGET: Final = text(f"SELECT {LOCATED_COLUMNS} FROM targets WHERE id = :target_id")


@dataclass(frozen=True, slots=True)
class Located:
    """``archived`` は、もう保管先に移っている。"""

    extent: LogExtent
    index: ChunkIndex
    archived: bool


async def locate(connection: AsyncConnection, target_id: TargetId) -> Located:
    """Raises: TargetNotFoundError。"""
    row = (await connection.execute(_TARGET, {"target_id": target_id})).mappings().one_or_none()
    if row is None:
        raise not_found(target_id)
    return to_located(target_id, row)


def to_located(target_id: TargetId, row: RowMapping | Mapping[str, Any]) -> Located:
    """``LOCATED_COLUMNS`` の行から。"""
    extent = LogExtent(
        bytes=row["log_bytes"],
        lines=row["log_newlines"] + row["log_open_line"],
        ended=TargetState(row["state"]) in ENDED,
        gap=to_gap(row),
    )
    return Located(extent, ChunkIndex(target_id, row["log_day"]), row["log_archived_at"] is not None)


def not_found(target_id: TargetId) -> TargetNotFoundError:
    return TargetNotFoundError(f"There is no target {target_id}.")
