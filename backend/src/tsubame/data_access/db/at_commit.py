"""確定といっしょに送る文。

答えの要らない文(監査の記録、合図)は取引の終わりまで溜め、確定と同じ一往復で送る。一往復は 1 ms 近くかかり、
どの取引もこの二つで終わるので、実行を押してから最初の一行までが、その分だけ縮む。
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import LiteralString

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tsubame.data_access.db.driver import driver_of


class AtCommit:
    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection
        self._statements: list[tuple[LiteralString, Sequence[object]]] = []

    def add(self, statement: LiteralString, *parameters: object) -> None:
        self._statements.append((statement, parameters))

    async def commit(self) -> None:
        """溜めた文を送り、確定する。溜めていなければ何もせず、確定は呼ぶ側の取引に任せる。

        Raises: psycopg.Error。SQLAlchemy を通らないので、その例外には包まれない。
        """
        if not self._statements:
            return
        driver = await driver_of(self._connection)
        async with driver.pipeline():
            for statement, parameters in self._statements:
                await driver.execute(statement, parameters)
            await driver.commit()
        self._statements.clear()


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncIterator[tuple[AsyncConnection, AtCommit]]:
    """抜けると、溜めた文ごと確定する。例外で抜けると取り消し、溜めた文は送らない。"""
    async with engine.begin() as connection:
        at_commit = AtCommit(connection)
        yield connection, at_commit
        await at_commit.commit()
