"""一度に一人だけが行う仕事の順番。専用の接続に付く助言的な鎖なので、死ねばすぐ外れる。"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tsubame.data_access.logstore.connecting import connecting

# 「tsarch」の ASCII
STORAGE_TURN: Final = 0x74_73_61_72_63_68


class AdvisoryTurn:
    """``Turn`` の実装。"""

    def __init__(self, engine: AsyncEngine, key: int) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._key = key

    @asynccontextmanager
    async def take(self) -> AsyncIterator[bool]:
        async with connecting(self._engine) as connection:
            taken = await connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": self._key})
            try:
                yield bool(taken.scalar_one())
            finally:
                # 束に返すと鎖が残る。外せたか分からないときも、接続ごと捨てれば外れる
                await connection.invalidate()
