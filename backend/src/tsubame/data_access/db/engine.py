"""SQLAlchemy の AsyncEngine を作り、まだ起きていないデータベースを待つ。"""

import asyncio
import time
from typing import Final

import psycopg
from sqlalchemy import URL, event, make_url
from sqlalchemy.exc import ArgumentError, InvalidatePoolError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, PoolProxiedConnection

from tsubame.data_access.db.liveness import looks_dead

_CONNECT_SECONDS = 10
_STATEMENT_SECONDS = 30
_POOL_WAIT_SECONDS = 30
_FIRST_DELAY = 0.1
_LONGEST_DELAY = 2.0


# 線が抜けても、二十数秒で気づくように(既定では十五分待つ)。Unix ソケットでは無視される
_ALIVE: Final = {
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "20000",
}


class DatabaseUrlError(Exception):
    """接続先の形が正しくない。文には合言葉を含めない。"""


class DatabaseUnavailableError(Exception):
    """決めた時間のうちにデータベースへつながらなかった。"""


def driver_url(url: str) -> URL:
    """`postgres://`・`postgresql://` を、ただ 1 つ使うドライバ(psycopg 3)の形に直す。

    Raises:
        DatabaseUrlError: PostgreSQL の URL ではない。
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise DatabaseUrlError(
            "The database URL must look like postgresql://user:password@host/name."
        ) from None
    if parsed.drivername not in {"postgres", "postgresql", "postgresql+psycopg"}:
        raise DatabaseUrlError(
            f"The database must be PostgreSQL (postgresql://...), not {parsed.drivername.split('+')[0]}://."
        )
    return parsed.set(drivername="postgresql+psycopg")


def libpq_url(url: str) -> str:
    """Psycopg を直接使う所(LISTEN、配達の列)のための `postgresql://…`。"""
    return _alive(driver_url(url)).set(drivername="postgresql").render_as_string(hide_password=False)


def _alive(url: URL) -> URL:
    return url.set(query={**_ALIVE, **url.query})


def create_engine(
    url: str,
    *,
    application_name: str,
    pool_size: int = 10,
    statement_seconds: int = _STATEMENT_SECONDS,
) -> AsyncEngine:
    """AsyncEngine を返す。接続は最初に使う時に張る。

    1 文が `statement_seconds` 秒を超えたら PostgreSQL が打ち切る。
    """
    engine = create_async_engine(
        _alive(driver_url(url)),
        pool_size=pool_size,
        max_overflow=0,  # 同時接続の上限を、設定した数より増やさない
        # 使い終えたばかりの接続から使う。文の下ごしらえ(prepare)が、同じ接続で効く
        pool_use_lifo=True,
        pool_timeout=_POOL_WAIT_SECONDS,
        connect_args={
            "connect_timeout": _CONNECT_SECONDS,
            "application_name": application_name,
            # 二度目からは下ごしらえして使う。順番を決める文などは、組み立てるほうが動かすより長い
            "prepare_threshold": 2,
            "options": f"-c statement_timeout={statement_seconds * 1000} -c timezone=UTC",
        },
    )
    event.listen(engine.sync_engine, "checkout", _refuse_dead)
    return engine


def _refuse_dead(_connection: object, entry: ConnectionPoolEntry, _proxy: PoolProxiedConnection) -> None:
    """データベースが起き直した後、死んだ接続を業務に渡さない。"""
    driver = entry.driver_connection
    if isinstance(driver, psycopg.AsyncConnection) and looks_dead(driver):
        raise InvalidatePoolError


async def wait_until_reachable(engine: AsyncEngine, seconds: float = 60) -> None:
    """最初の接続が成るまで、間隔を広げながら試す(compose では web が db より先に起きる)。

    Raises:
        DatabaseUnavailableError: `seconds` 秒のうちにつながらない。
    """
    deadline = time.monotonic() + seconds
    delay = _FIRST_DELAY
    while True:
        try:
            async with engine.connect():
                return
        except OperationalError as exc:
            if time.monotonic() + delay > deadline:
                where = engine.url.render_as_string(hide_password=True)
                reason = str(exc.orig).strip().splitlines()[0]
                raise DatabaseUnavailableError(
                    f"The database {where} cannot be reached within {seconds:g} s: {reason}"
                ) from exc
        await asyncio.sleep(delay)
        delay = min(delay * 2, _LONGEST_DELAY)
