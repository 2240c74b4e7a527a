"""取引の実装: 一本の接続の上に、全部屋のリポジトリを並べる。"""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tsubame.business.shared.signals import Signals
from tsubame.data_access.db.signals import SqlSignals


class SqlTransaction:
    """開いている取引。部屋の ``…Tx`` のどれにも当てはまる。"""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    @property
    def signals(self) -> Signals:
        return SqlSignals(self._connection)


class SqlTransactions:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    def begin(self) -> AbstractAsyncContextManager[SqlTransaction]:
        return self._begin()

    @asynccontextmanager
    async def _begin(self) -> AsyncIterator[SqlTransaction]:
        async with self._engine.begin() as connection:
            yield SqlTransaction(connection)
