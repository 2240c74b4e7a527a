"""設定に従ってデータベースを用意する: 内蔵を起こすか、外の物を待ち、最新まで移行する。"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tsubame.data_access.db.embedded import EmbeddedPostgres
from tsubame.data_access.db.engine import create_engine, wait_until_reachable
from tsubame.data_access.db.migrate import migrate
from tsubame.data_access.db.postgres_cluster import WORKER_ROLE
from tsubame.data_access.db.roles import Worker, restrict
from tsubame.entrypoints.settings import Settings


@dataclass(frozen=True, slots=True)
class Database:
    """``url`` は、働く役割の ``postgresql://…``。``started_here`` なら、内蔵の物をこのプロセスが起こした。"""

    url: str
    started_here: bool


@asynccontextmanager
async def database(settings: Settings) -> AsyncIterator[Database]:
    """移行済みのデータベース。内蔵の物を自分で起こしたなら、抜けるときに止める。

    Raises:
        EmbeddedPostgresError: 内蔵の PostgreSQL を起動できない。
        DatabaseUnavailableError: 外のデータベースにつながらない。
        DatabaseTooNewError: データベースがこのプログラムより新しい。
    """
    if settings.database_url is not None:
        url = settings.database_url.get_secret_value()
        owner_url = settings.database_owner_url
        if owner_url is None:
            await _prepare(url)
        else:
            await _prepare(owner_url.get_secret_value())
            await restrict(owner_url.get_secret_value(), Worker.of(url))
        yield Database(url, started_here=False)
        return
    postgres = EmbeddedPostgres(settings.data_dir / "postgres")
    owner = await postgres.start()
    try:
        await _prepare(owner)
        url, password = postgres.worker
        await restrict(owner, Worker(WORKER_ROLE, password))
        yield Database(url, started_here=postgres.owner)
    finally:
        await postgres.stop()


async def run_migrations(settings: Settings) -> None:
    async with database(settings):
        pass


async def _prepare(url: str) -> None:
    engine = create_engine(url, application_name="tsubame-migrate", pool_size=1)
    try:
        await wait_until_reachable(engine)
        await migrate(engine)
    finally:
        await engine.dispose()
