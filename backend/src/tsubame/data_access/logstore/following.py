"""伸びているログの続き。最初の一行が早く届くよう、長さも中身も一度の往復で読む。"""

from collections.abc import Sequence
from typing import Final

from psycopg.rows import dict_row
from sqlalchemy.ext.asyncio import AsyncConnection

from tsubame.business.shared.ids import TargetId
from tsubame.data_access.logstore.connecting import binary_cursor
from tsubame.data_access.logstore.extents import LOCATED_COLUMNS, Located, not_found, to_located
from tsubame.data_access.logstore.index import Chunk, chunks_from

# 一度に読むかたまりの数。一行ずつ届いたログでも、一回の読み取りが重くならないように
_MOST: Final = 256
_NEXT: Final = f"""
SELECT {LOCATED_COLUMNS}, ahead.*
FROM targets LEFT JOIN LATERAL ({chunks_from("targets.log_day", "targets.id")}) AS ahead
    ON targets.log_archived_at IS NULL
WHERE targets.id = %(target_id)s ORDER BY ahead.byte_start
"""


async def next_chunks(
    connection: AsyncConnection, target_id: TargetId, start: int, budget: int
) -> tuple[Located, Sequence[Chunk]]:
    """今の長さと、``start`` を含むかたまりから順に ``budget`` バイトほど。保管先に移っていれば、中身はない。

    Raises: TargetNotFoundError, StorageUnavailableError。
    """
    values = {"target_id": target_id, "start": start, "end": start + budget, "budget": budget, "most": _MOST}
    async with binary_cursor(connection) as cursor:
        cursor.row_factory = dict_row
        await cursor.execute(_NEXT, values)
        rows = await cursor.fetchall()
    if not rows:
        raise not_found(target_id)
    chunks = [
        Chunk(row["byte_start"], row["byte_length"], row["newline_start"], row["newline_count"], row["frame"])
        for row in rows
        if row["byte_start"] is not None
    ]
    return to_located(target_id, rows[0]), chunks
