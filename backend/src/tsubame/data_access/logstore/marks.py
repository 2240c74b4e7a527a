"""残した印を読む。"""

from typing import Any, Final

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from tsubame.business.executions.log_marks import LogMark, MarkKind, PlacedMark, marks_of
from tsubame.business.executions.ports import StoredMarks
from tsubame.business.executions.states import ENDED, TargetState
from tsubame.business.shared.ids import TargetId
from tsubame.data_access.logstore.extents import not_found

_TARGET: Final = text(
    "SELECT state, log_marks, log_newlines, log_line_head, finished_at FROM targets WHERE id = :target_id"
)
_MARKS: Final = text(
    "SELECT line, ordinal, kind, text, name, at_ms, collapsed, file, file_line FROM log_marks"
    " WHERE target_id = :target_id ORDER BY line, ordinal"
)


async def stored_marks(connection: AsyncConnection, target_id: TargetId) -> StoredMarks:
    """Raises: TargetNotFoundError。"""
    target = (await connection.execute(_TARGET, {"target_id": target_id})).one_or_none()
    if target is None:
        raise not_found(target_id)
    rows = await connection.execute(_MARKS, {"target_id": target_id})
    marks = (*(_placed(row) for row in rows), *_unfinished(target))
    return StoredMarks(marks, max(target.log_marks, len(marks)))


def _placed(row: Row[Any]) -> PlacedMark:
    mark = LogMark(
        kind=MarkKind(row.kind),
        text=row.text,
        name=row.name,
        collapsed=row.collapsed,
        file=row.file,
        file_line=row.file_line,
    )
    return PlacedMark(row.line, row.ordinal, row.at_ms, mark)


def _unfinished(target: Row[Any]) -> list[PlacedMark]:
    """改行のないまま終わった、最後の行の印。書くときは、行の終わりを見るまで決められない。"""
    if TargetState(target.state) not in ENDED:
        return []
    at_ms = int(target.finished_at.timestamp() * 1000)
    return [
        PlacedMark(target.log_newlines + 1, ordinal, at_ms, mark)
        for ordinal, mark in enumerate(marks_of(target.log_line_head))
    ]
