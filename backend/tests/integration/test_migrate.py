"""表の移行。"""

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from harness.postgres import PostgresTestServer
from tsubame.data_access.db.engine import create_engine
from tsubame.data_access.db.migrate import DatabaseTooNewError, migrate, newest_revision


async def _revision(engine: AsyncEngine) -> str | None:
    async with engine.connect() as connection:
        return (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalar()


async def test_template_is_migrated(engine: AsyncEngine) -> None:
    """試験に配るデータベースは、最新まで移行されていて配達の列の表もある。"""
    assert await _revision(engine) == newest_revision()
    async with engine.connect() as connection:
        jobs = (await connection.execute(text("SELECT to_regclass('procrastinate_jobs')"))).scalar()
    assert jobs is not None


async def test_simultaneous_migrations(postgres_server: PostgresTestServer) -> None:
    """空のデータベースへ同時に起動しても、全員が成功して移行は 1 度だけ行われる。"""
    name = postgres_server.create("template0")
    url = postgres_server.url_of(name)
    engines = [create_engine(url, application_name=f"starter-{n}") for n in range(4)]
    try:
        await asyncio.gather(*(migrate(engine) for engine in engines))
        assert await _revision(engines[0]) == newest_revision()
    finally:
        for engine in engines:
            await engine.dispose()
        postgres_server.drop(name)


async def test_newer_database_is_refused(engine: AsyncEngine) -> None:
    """知らない版のデータベースには触らず、次にすることを 1 文で言う。"""
    async with engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(DatabaseTooNewError, match=r"revision 9999.*start the newer version"):
        await migrate(engine)
    assert await _revision(engine) == "9999"


async def test_statement_timeout_is_back_after_migration(engine: AsyncEngine) -> None:
    """移行のために外した時間の上限は、接続を池へ返す前に戻っている。"""
    await migrate(engine)
    async with engine.connect() as connection:
        limit = (await connection.execute(text("SHOW statement_timeout"))).scalar()
    assert limit == "30s"
