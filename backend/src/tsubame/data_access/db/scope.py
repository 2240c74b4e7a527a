"""届くプロジェクトで絞る。"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, FromClause, any_, literal, select, true
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT
from sqlalchemy.ext.asyncio import AsyncConnection

from tsubame.business.shared.ids import Reach


def within(column: ColumnElement[Any], reach: Reach) -> ColumnElement[bool]:
    """``column``(プロジェクトの番号)が届く所にある行だけ。"""
    return true() if reach is None else column == any_(as_array(reach))


def as_array(reach: Reach) -> ColumnElement[Any]:
    """SQL の配列。どこにでも届くなら NULL。"""
    return literal(None if reach is None else sorted(reach), ARRAY(BIGINT))


async def hidden(
    connection: AsyncConnection, table: FromClause, ids: Sequence[int], reach: Reach
) -> frozenset[int]:
    """``ids`` のうち、あるけれど届かないもの。"""
    if reach is None or not ids:
        return frozenset()
    found = await connection.execute(
        select(table.c.id).where(table.c.id.in_(ids), ~within(table.c.project_id, reach))
    )
    return frozenset(found.scalars())
