"""置き場への接続。届かない失敗を、業務の言葉に直す。"""

import contextlib
from collections.abc import AsyncIterator

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tsubame.business.shared.errors import StorageUnavailableError
from tsubame.data_access.transactions import is_outage


@contextlib.asynccontextmanager
async def connecting(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """Raises: StorageUnavailableError。"""
    try:
        async with engine.connect() as connection:
            yield connection
    except DBAPIError as exc:
        if not is_outage(exc):
            raise
        raise StorageUnavailableError("The database cannot be reached right now.") from exc
