"""鍵の入れ替えと点検。動かしたままでき、どこで殺されても、もう一度動かせば続きから終わる。

どの暗号文を閉じ直したかは、どこにも書かない。どの鍵で開くかを見れば分かるため。
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Row, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from tsubame.data_access.crypto.key_marks import MARK_CLASS, mark_of
from tsubame.data_access.crypto.keyring import Keyring
from tsubame.data_access.crypto.sealed_columns import SEALED_COLUMNS, SealedColumn

_BATCH: Final = 100
_UNMARKED: Final = text("""
SELECT coalesce(host(client_addr), 'local') AS host, pid FROM pg_stat_activity a
WHERE application_name = 'tsubame-listener' AND datname = current_database() AND NOT EXISTS (
    SELECT FROM pg_locks l WHERE l.pid = a.pid AND l.locktype = 'advisory' AND l.granted
        AND l.classid = :class AND l.objid = :mark
)
""")


@dataclass(frozen=True, slots=True)
class Unreadable:
    """どの鍵でも開かない暗号文。"""

    noun: str
    row: int
    label: str

    def __str__(self) -> str:
        return f"{self.noun} {self.label!r} (#{self.row})"


@dataclass(slots=True)
class KeySurvey:
    """点検の結果。``opened`` は、鍵の番号(先頭が 0)ごとの暗号文の数。"""

    opened: Counter[int] = field(default_factory=Counter)
    unreadable: list[Unreadable] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Progress:
    """``noun`` を ``looked`` まで見て、そのうち ``resealed`` を閉じ直した。"""

    noun: str
    looked: int
    resealed: int


@dataclass(frozen=True, slots=True)
class Rotation:
    resealed: int
    unreadable: list[Unreadable]


class KeyRotation:
    def __init__(self, engine: AsyncEngine, ring: Keyring) -> None:
        self._engine = engine
        self._ring = ring

    async def survey(self) -> KeySurvey:
        """全部の暗号文を開いてみる。"""
        found = KeySurvey()
        for sealed in SEALED_COLUMNS:
            async for rows in self._batches(sealed):
                for row in rows:
                    opener = self._ring.opener(row.sealed, sealed.place(row.row))
                    if opener is None:
                        found.unreadable.append(Unreadable(sealed.noun, row.row, row.label))
                    else:
                        found.opened[opener] += 1
        return found

    async def behind(self) -> list[str]:
        """先頭の鍵をまだ知らない、動いているプロセス。あるうちに閉じ直すと、そこでは開けなくなる。"""
        values = {"class": MARK_CLASS, "mark": mark_of(self._ring.fingerprints[0])}
        async with self._engine.connect() as connection:
            rows = await connection.execute(_UNMARKED, values)
            return [f"{row.host} (database connection {row.pid})" for row in rows]

    async def rotate(self, report: Callable[[Progress], None]) -> Rotation:
        """先頭の鍵で閉じ直す。見ているあいだに書かれた分も、なくなるまで繰り返す。"""
        total = 0
        while True:
            unreadable: list[Unreadable] = []
            changed = missed = 0
            for sealed in SEALED_COLUMNS:
                looked = resealed = 0
                async for rows in self._batches(sealed):
                    done, lost = await self._reseal(sealed, rows, unreadable)
                    looked, resealed, missed = looked + len(rows), resealed + done, missed + lost
                    report(Progress(sealed.noun, looked, resealed))
                changed += resealed
            total += changed
            if not changed and not missed:
                return Rotation(total, unreadable)

    async def _reseal(
        self, sealed: SealedColumn, rows: list[Row[Any]], unreadable: list[Unreadable]
    ) -> tuple[int, int]:
        """閉じ直した数と、そのあいだに人が書き換えた(次の周回で見る)数。"""
        done = lost = 0
        async with self._engine.begin() as connection:
            for row in rows:
                place = sealed.place(row.row)
                opener = self._ring.opener(row.sealed, place)
                if opener is None:
                    unreadable.append(Unreadable(sealed.noun, row.row, row.label))
                elif opener > 0:
                    again = self._ring.reseal(row.sealed, place, opener)
                    replaced = await _replace(connection, sealed, row, again)
                    done, lost = done + replaced, lost + (not replaced)
        return done, lost

    async def _batches(self, sealed: SealedColumn) -> AsyncIterator[list[Row[Any]]]:
        after = 0
        while True:
            query = (
                select(sealed.row.label("row"), sealed.column.label("sealed"), sealed.label.label("label"))
                .where(sealed.row > after, sealed.column.is_not(None))
                .order_by(sealed.row)
                .limit(_BATCH)
            )
            async with self._engine.connect() as connection:
                rows = list((await connection.execute(query)).all())
            if not rows:
                return
            yield rows
            after = rows[-1].row


async def _replace(connection: AsyncConnection, sealed: SealedColumn, row: Row[Any], again: str) -> bool:
    # 見てから書くまでに人が変えたものを、古い中身で上書きしない
    statement = (
        update(sealed.column.table)
        .where(sealed.row == row.row, sealed.column == row.sealed)
        .values({sealed.column.name: again})
    )
    return (await connection.execute(statement)).rowcount == 1
