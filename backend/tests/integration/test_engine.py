"""データベースへの接続。"""

import asyncio
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from harness.postgres import PostgresTestServer
from tsubame.data_access.db.engine import (
    DatabaseUnavailableError,
    DatabaseUrlError,
    create_engine,
    driver_url,
    libpq_url,
    wait_until_reachable,
)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_accepted_schemes(scheme: str) -> None:
    """よく使われる書き方のどれでも、psycopg 3 の接続先になる。"""
    url = f"{scheme}://user:p%40ss@db:5432/tsubame"
    assert driver_url(url).drivername == "postgresql+psycopg"
    assert driver_url(url).password == "p@ss"
    assert libpq_url(url).startswith("postgresql://user:p%40ss@db:5432/tsubame?")


def test_dead_line_is_noticed_unless_told_otherwise() -> None:
    """抜けた線に気づく設定を足す。利用者が URL に書いた値は変えない。"""
    query = parse_qs(urlsplit(libpq_url("postgresql://db/tsubame?keepalives_idle=60")).query)
    assert (query["keepalives_idle"], query["tcp_user_timeout"]) == (["60"], ["20000"])


@pytest.mark.parametrize("url", ["mysql://root:secret@db/x", "not a url secret", "sqlite:///secret"])
def test_refused_urls_do_not_leak(url: str) -> None:
    """PostgreSQL でない接続先は、合言葉を含まない 1 文で断る。"""
    with pytest.raises(DatabaseUrlError, match=r"postgresql://") as caught:
        driver_url(url)
    assert "secret" not in str(caught.value)


async def test_slow_statement_is_cut(database_url: str) -> None:
    """決めた秒数を超える文は、PostgreSQL が打ち切る。"""
    engine = create_engine(database_url, application_name="tsubame-test", statement_seconds=1)
    try:
        async with engine.connect() as connection:
            name = await connection.execute(text("SHOW application_name"))
            assert name.scalar() == "tsubame-test"
            with pytest.raises(OperationalError, match="statement timeout"):
                await connection.execute(text("SELECT pg_sleep(30)"))
    finally:
        await engine.dispose()


async def test_dead_pooled_connection_is_replaced(
    database_url: str, postgres_server: PostgresTestServer
) -> None:
    """池の中の接続が切られていても、次に使う人は気づかずに使える。"""
    engine = create_engine(database_url, application_name="tsubame-doomed", pool_size=1)
    try:
        async with engine.connect() as connection:
            first = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar()
        postgres_server.execute(f"SELECT pg_terminate_backend({first}, 5000)")
        async with engine.connect() as connection:
            assert (await connection.execute(text("SELECT pg_backend_pid()"))).scalar() != first
    finally:
        await engine.dispose()


async def test_waits_for_a_database_that_starts_later(postgres_server: PostgresTestServer) -> None:
    """まだないデータベースを待ち、できたらつながる。"""
    name = "starts_later"
    engine = create_engine(postgres_server.url_of(name), application_name="tsubame-test")
    try:
        with pytest.raises(DatabaseUnavailableError, match="does not exist"):
            await wait_until_reachable(engine, 0)
        waiting = asyncio.create_task(wait_until_reachable(engine, 20))
        await asyncio.to_thread(postgres_server.execute, f"CREATE DATABASE {name}")
        await waiting
        async with engine.connect() as connection:
            assert (await connection.execute(text("SELECT current_database()"))).scalar() == name
    finally:
        await engine.dispose()
        postgres_server.drop(name)


async def test_gives_up_with_a_sentence(tmp_path: Path) -> None:
    """決めた時間のうちにつながらなければ、合言葉を伏せた 1 文で諦める。"""
    engine = create_engine(f"postgresql://u:secret@/x?host={tmp_path}", application_name="tsubame-test")
    try:
        with pytest.raises(DatabaseUnavailableError, match=r"cannot be reached within 0\.3 s") as caught:
            await wait_until_reachable(engine, 0.3)
        assert "secret" not in str(caught.value)
    finally:
        await engine.dispose()
