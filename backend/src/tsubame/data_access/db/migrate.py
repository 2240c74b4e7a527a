"""表の形を最新にする。起動のたびに呼び、何台が同時に呼んでも 1 台だけが動かす。

移行の置き場は backend/migrations ではなくこの隣。wheel で入れた環境にも移行が付いてくるように。
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

# 「tsubame」の ASCII。ほかのアプリの advisory lock と当たらない値であればよい
_LOCK = 0x74_73_75_62_61_6D_65


class DatabaseTooNewError(Exception):
    """データベースが、このプログラムより新しい版で作られている。"""


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


def newest_revision() -> str:
    """このプログラムが知る最新の移行の番号。"""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    return head or "base"


async def migrate(engine: AsyncEngine) -> None:
    """最新まで移行する。ほかのプロセスが移行中なら、終わるのを待つ。

    Raises:
        DatabaseTooNewError: 新しい版のデータベースに古いプログラムをつないだ。
    """
    async with engine.connect() as connection:
        # 大きな表の移行は 1 文で何分もかかりうる。待つ間も打ち切られないように
        await connection.execute(text("SET statement_timeout = 0"))
        await connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
        await connection.commit()
        try:
            await connection.run_sync(_upgrade)
            await connection.commit()
        finally:
            await connection.rollback()
            await connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})
            await connection.execute(text("RESET statement_timeout"))
            await connection.commit()


def _upgrade(connection: Connection) -> None:
    config = _config()
    _refuse_newer(connection, config)
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _refuse_newer(connection: Connection, config: Config) -> None:
    if connection.execute(text("SELECT to_regclass('alembic_version')")).scalar() is None:
        return
    current = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if current is not None and current not in known:
        raise DatabaseTooNewError(
            f"The database is at revision {current}, which this version of tsubame does not know: "
            "start the newer version, or restore a backup made before the upgrade."
        )
