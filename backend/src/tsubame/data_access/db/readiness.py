"""データベースが応えるか。"""

import asyncio
from typing import Final

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine

from tsubame.business.shared.errors import StorageUnavailableError

# 見張りは短い間隔で聞きに来る。待たせるより「まだ」と答える
_ANSWER_S: Final = 3.0


class DatabaseReadiness:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def check(self) -> None:
        """Raises: StorageUnavailableError。"""
        try:
            async with asyncio.timeout(_ANSWER_S), self._engine.connect() as connection:
                await connection.execute(text("SELECT 1"))
        except (DBAPIError, PoolTimeoutError, TimeoutError) as exc:
            raise StorageUnavailableError("The database cannot be reached right now.") from exc
