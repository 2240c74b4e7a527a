"""ログの表の、月ごとの区画。古い月は、区画ごと捨てられる。"""

from collections.abc import Iterable
from datetime import date
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

_MONTHS_AHEAD: Final = 2
# 「tslogs」の ASCII。移行の鎖とは別の番号にする
_LOCK: Final = 0x74_73_6C_6F_67_73


async def ensure_partitions(engine: AsyncEngine, now: date) -> None:
    """今月と、その先二か月の区画を作る。何台が同時に、何度呼んでもよい。起動時と一日に一度呼ぶ。"""
    await create_partitions(engine, [_month_after(now, ahead) for ahead in range(_MONTHS_AHEAD + 1)])


async def create_partitions(engine: AsyncEngine, days: Iterable[date]) -> None:
    """それぞれの日が入る区画を作る。すでにあれば何もしない。"""
    async with engine.begin() as connection:
        # IF NOT EXISTS は、同時に作ると片方が失敗しうる。順に並ばせる
        await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        for first in sorted({_month_after(day, 0) for day in days}):
            name = f"log_chunks_{first:%Y_%m}"
            exists = await connection.execute(text("SELECT to_regclass(:name)"), {"name": name})
            if exists.scalar_one() is None:
                # DDL に束縛変数は使えない。どの値も日付から作ったもの
                await connection.execute(
                    text(
                        f"CREATE TABLE {name} PARTITION OF log_chunks"
                        f" FOR VALUES FROM ('{first}') TO ('{_month_after(first, 1)}')"
                    )
                )


def _month_after(day: date, months: int) -> date:
    """``months`` か月あとの、月の初日。"""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, 1)
