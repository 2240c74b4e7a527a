"""保管の係を一回だけ動かす、別のプロセス。殺す所を選べるように、一歩ごとに一行を書く。

使い方: keeper_process.py データベースの住所 保管先
"""

import asyncio
import sys
from collections.abc import AsyncIterator

from harness.waiting import eventually
from tsubame.business.storage.keeper import StorageKeeper
from tsubame.data_access.db.engine import create_engine
from tsubame.data_access.logstore.archiving import LogArchiver
from tsubame.data_access.logstore.objects import ObjectPlace, ObjectPlaces
from tsubame.data_access.logstore.turn import STORAGE_TURN, AdvisoryTurn
from tsubame.data_access.queue.delivery import create_queue_app
from tsubame.data_access.system_clock import SystemClock
from tsubame.data_access.transactions import SqlTransactions


def step(name: str) -> None:
    sys.stdout.write(f"{name}\n")
    sys.stdout.flush()


class TellingPlace(ObjectPlace):
    async def put(self, key: str, parts: AsyncIterator[bytes]) -> None:
        step("put")
        await super().put(key, parts)
        step("was put")

    async def read(self, key: str) -> AsyncIterator[bytes]:
        async for part in super().read(key):
            yield part
        step("read back")


class TellingPlaces(ObjectPlaces):
    def at(self, location: str) -> ObjectPlace:
        return TellingPlace(location)


async def main(url: str, location: str) -> None:
    engine = create_engine(url, application_name="tsubame-keeper")
    transactions = SqlTransactions(engine, create_queue_app(url, "tsubame-keeper"))
    archive = LogArchiver(engine, TellingPlaces(location))
    keeper = StorageKeeper(transactions, archive, AdvisoryTurn(engine, STORAGE_TURN), SystemClock())
    # 殺されたばかりの前の係の接続が、まだ閉じていないことがある
    await eventually(keeper.run_once, "番が回ってくる", seconds=30)
    await engine.dispose()


asyncio.run(main(sys.argv[1], sys.argv[2]))
