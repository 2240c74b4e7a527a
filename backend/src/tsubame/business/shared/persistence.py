"""データベースが落ちているあいだも、確定するまであきらめない書き込み。"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from tsubame.business.shared.backoff import Backoff
from tsubame.business.shared.errors import UnavailableError
from tsubame.business.shared.transactions import Transactions

TxT = TypeVar("TxT")
ResultT = TypeVar("ResultT")


async def insist(write: Callable[[], Awaitable[ResultT]]) -> ResultT:
    """データベースに届かないなら、間をおいて何度でも試す。

    確定の返事だけが失われることがあるので、``write`` は二度行われても同じ結果になること。
    """
    backoff = Backoff()
    while True:
        try:
            return await write()
        except UnavailableError:
            await asyncio.sleep(backoff.next_delay_s())


async def persist(transactions: Transactions[TxT], write: Callable[[TxT], Awaitable[ResultT]]) -> ResultT:
    """一つの取引で、``insist`` のとおりに書く。"""

    async def once() -> ResultT:
        async with transactions.begin() as tx:
            return await write(tx)

    return await insist(once)
