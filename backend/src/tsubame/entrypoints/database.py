"""設定に従ってデータベースを用意する: 内蔵を起こすか、外の物を待ち、最新まで移行する。"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tsubame.data_access.db.embedded import EmbeddedPostgres
from tsubame.data_access.db.engine import create_engine, wait_until_reachable
from tsubame.data_access.db.migrate import migrate
from tsubame.entrypoints.settings import Settings


@asynccontextmanager
async def database(settings: Settings) -> AsyncIterator[str]:
    """移行済みのデータベースの `postgresql://…`。内蔵なら、抜けるときに止める。

    Raises:
        EmbeddedPostgresError: 内蔵の PostgreSQL を起動できない。
        DatabaseUnavailableError: 外のデータベースにつながらない。
        DatabaseTooNewError: データベースがこのプログラムより新しい。
    """
    if settings.database_url is not None:
        url = settings.database_url.get_secret_value()
        await _prepare(url)
        yield url
        return
    postgres = EmbeddedPostgres(settings.data_dir / "postgres")
    url = await postgres.start()
    try:
        await _prepare(url)
        yield url
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
