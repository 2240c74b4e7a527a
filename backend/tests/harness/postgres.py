"""本物の PostgreSQL。試験全体で 1 つ起こし、試験ごとに移行済みの空のデータベースを配る。"""

import asyncio
import itertools
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tsubame.data_access.db.embedded import EmbeddedPostgres
from tsubame.data_access.db.engine import create_engine
from tsubame.data_access.db.migrate import migrate

# 試験のデータは消えてよいので、書き込みを待たない
FAST = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "shared_buffers": "64MB"}
_TEMPLATE = "tsubame_template"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class PostgresTestServer:
    url: str

    def url_of(self, database: str) -> str:
        return urlunsplit(urlsplit(self.url)._replace(path=f"/{database}"))

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement)

    def create(self, template: str = _TEMPLATE) -> str:
        """ひな形から複製したデータベースの名前を返す。"""
        name = f"test_{next(_numbers)}"
        # 既定の WAL_LOG より、小さなひな形のファイルを写すほうが速い
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return name

    def drop(self, name: str) -> None:
        self.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


async def _migrate(url: str) -> None:
    engine = create_engine(url, application_name="tsubame-test-template")
    try:
        await migrate(engine)
    finally:
        await engine.dispose()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresTestServer]:
    """試験全体で 1 つの PostgreSQL。移行は、ひな形のデータベースに 1 度だけ行う。"""
    # pytest の一時ディレクトリは親が 0700 で、root のとき postgres の利用者が入れない
    root = Path(tempfile.mkdtemp(prefix="tsubame-pg-"))
    postgres = EmbeddedPostgres(root, FAST)
    server = PostgresTestServer(postgres.start_blocking())
    try:
        server.execute(f"CREATE DATABASE {_TEMPLATE}")
        asyncio.run(_migrate(server.url_of(_TEMPLATE)))
        yield server
    finally:
        postgres.stop_blocking()
        shutil.rmtree(root)


@pytest.fixture
def database_url(postgres_server: PostgresTestServer) -> Iterator[str]:
    """この試験だけの、移行済みのデータベース。形は `postgresql://…`。"""
    name = postgres_server.create()
    yield postgres_server.url_of(name)
    postgres_server.drop(name)


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    """`database_url` につながる AsyncEngine。"""
    engine = create_engine(database_url, application_name="tsubame-test", pool_size=5)
    yield engine
    await engine.dispose()
