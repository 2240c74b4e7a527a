"""キーセット方式の頁と、部分一致の検索。どの一覧も同じ書き方になる。"""

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from sqlalchemy import ColumnElement, Row, Select, false, func, or_, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from tsubame.business.shared.errors import InvalidInputError
from tsubame.business.shared.paging import Page, PageRequest
from tsubame.business.shared.validation import MAX_ROW_ID, has_control_character

_ESCAPE: Final = "\\"

ItemT = TypeVar("ItemT")


def contains(query: str, *columns: ColumnElement[str]) -> ColumnElement[bool]:
    """大文字小文字を区別しない部分一致。``%`` と ``_`` は、打った文字そのものとして探す。"""
    if "\0" in query:
        # PostgreSQL は NUL を文字として受け取れない。どの行にもないことは分かっている
        return false()
    escaped = query.replace(_ESCAPE, _ESCAPE * 2).replace("%", r"\%").replace("_", r"\_")
    return or_(*(column.ilike(f"%{escaped}%", escape=_ESCAPE) for column in columns))


async def page_by_name(
    connection: AsyncConnection,
    query: Select[Any],
    key: tuple[ColumnElement[str], ColumnElement[int]],
    request: PageRequest,
    to_entity: Callable[[Row[Any]], ItemT],
) -> Page[ItemT]:
    """名前の順(大文字小文字を区別しない)の一頁。``key`` は名前と番号の列。

    Raises: InvalidInputError(作りものの ``cursor``)。
    """
    name, row_id = key
    sort_name = func.lower(name)
    ordered = query.add_columns(sort_name.label("sort_name"), row_id.label("sort_id"))
    if request.after:
        ordered = ordered.where(tuple_(sort_name, row_id) > tuple_(*_name_key(request.after)))
    # 一行多く読み、続きがあるかを数えずに知る
    ordered = ordered.order_by(sort_name, row_id).limit(request.limit + 1)
    rows: Sequence[Row[Any]] = (await connection.execute(ordered)).all()
    shown = rows[: request.limit]
    more = len(rows) > request.limit
    next_after = (shown[-1].sort_name, shown[-1].sort_id) if more else None
    return Page(items=[to_entity(row) for row in shown], next_after=next_after)


async def page_by_size(
    connection: AsyncConnection,
    query: Select[Any],
    key: tuple[ColumnElement[int], ColumnElement[int]],
    request: PageRequest,
    to_entity: Callable[[Row[Any]], ItemT],
) -> Page[ItemT]:
    """大きい順の一頁。``key`` は大きさと番号の列。

    Raises: InvalidInputError(作りものの ``cursor``)。
    """
    size, row_id = key
    ordered = query.add_columns(size.label("sort_size"), row_id.label("sort_id"))
    if request.after:
        ordered = ordered.where(tuple_(size, row_id) < tuple_(*_size_key(request.after)))
    ordered = ordered.order_by(size.desc(), row_id.desc()).limit(request.limit + 1)
    rows: Sequence[Row[Any]] = (await connection.execute(ordered)).all()
    shown = rows[: request.limit]
    more = len(rows) > request.limit
    next_after = (shown[-1].sort_size, shown[-1].sort_id) if more else None
    return Page(items=[to_entity(row) for row in shown], next_after=next_after)


def id_key(after: tuple[str | int, ...]) -> int:
    """番号の順の一覧の、前の頁の最後の番号。

    Raises: InvalidInputError(作りものの ``cursor``)。
    """
    match after:
        case (int(row_id),) if abs(row_id) <= MAX_ROW_ID:
            return row_id
    raise _forged()


def _name_key(after: tuple[str | int, ...]) -> tuple[str, int]:
    match after:
        case (str(name), int(row_id)) if abs(row_id) <= MAX_ROW_ID and not has_control_character(name):
            return name, row_id
    raise _forged()


def _size_key(after: tuple[str | int, ...]) -> tuple[int, int]:
    match after:
        case (int(size), int(row_id)) if max(abs(size), abs(row_id)) <= MAX_ROW_ID:
            return size, row_id
    raise _forged()


def _forged() -> InvalidInputError:
    return InvalidInputError.one("cursor", "invalid_cursor", "This is not a cursor from a previous page.")
