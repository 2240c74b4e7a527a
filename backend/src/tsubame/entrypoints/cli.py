"""`tsubame` コマンド。設定を読み、記録を整え、本体を呼ぶだけ。"""

import asyncio
import sys
from collections.abc import Callable
from typing import Annotated

import typer

from tsubame import __version__
from tsubame.data_access.crypto.key_check import LostKeyError
from tsubame.data_access.db.embedded import EmbeddedPostgresError
from tsubame.data_access.db.engine import DatabaseUnavailableError
from tsubame.data_access.db.migrate import DatabaseTooNewError
from tsubame.entrypoints import audit_cli, keys_cli, recover_cli
from tsubame.entrypoints.all_in_one import run_all
from tsubame.entrypoints.data_directory import new_encryption_key, prepare_data_directory
from tsubame.entrypoints.database import run_migrations
from tsubame.entrypoints.http_app import run_web
from tsubame.entrypoints.log_setup import configure_logging
from tsubame.entrypoints.openapi import openapi_json
from tsubame.entrypoints.settings import Settings, default_data_dir, load_settings
from tsubame.entrypoints.settings_sources import SettingsError
from tsubame.entrypoints.settings_text import env_example, list_settings
from tsubame.entrypoints.worker import run_worker

# 利用者が直せる失敗。1 文だけを言って終える(追跡の跡は出さない)
_EXPLAINED = (
    SettingsError,
    EmbeddedPostgresError,
    DatabaseUnavailableError,
    DatabaseTooNewError,
    LostKeyError,
)
_WRONG_USE = 2

app = typer.Typer(name="tsubame", no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(audit_cli.app)
app.add_typer(keys_cli.app)
app.command()(recover_cli.recover)


def main() -> None:
    try:
        app()
    except _EXPLAINED as exc:
        sys.stderr.write(f"tsubame: {exc}\n")
        sys.exit(_WRONG_USE)


def _run(body: Callable[[Settings], None], settings: Settings | None = None) -> None:
    settings = settings or load_settings()
    configure_logging(settings.log_level, settings.log_format)
    prepare_data_directory(settings.data_dir)
    body(settings)


@app.command()
def up() -> None:
    """Web, worker and the embedded PostgreSQL in one process tree (one machine)."""
    _run(run_all)


@app.command()
def demo() -> None:
    """Like up, with a practice server and sample jobs in a data directory of its own."""
    settings = load_settings()
    changes: dict[str, object] = {"practice": True}
    if settings.data_dir == default_data_dir():  # 本物の記録に見本を混ぜない
        changes["data_dir"] = settings.data_dir.with_name(settings.data_dir.name + "-demo")
    _run(run_all, settings.model_copy(update=changes))


@app.command()
def web() -> None:
    """Only the HTTP API and the screens."""
    _run(run_web)


@app.command()
def worker() -> None:
    """Only the worker that drives the servers."""
    _run(run_worker)


@app.command()
def migrate() -> None:
    """Bring the database to this version's schema and leave."""
    _run(lambda settings: asyncio.run(run_migrations(settings)))


@app.command("settings")
def show_settings(
    *, example: Annotated[bool, typer.Option("--env-example", help="Print .env.example instead.")] = False
) -> None:
    """Every setting: name, current value (secrets hidden), default, meaning."""
    typer.echo(env_example() if example else list_settings(load_settings()), nl=False)


@app.command("encryption-key")
def encryption_key() -> None:
    """Print a new key for TSUBAME_ENCRYPTION_KEYS."""
    typer.echo(new_encryption_key())


@app.command()
def openapi() -> None:
    """Print the OpenAPI document."""
    typer.echo(openapi_json(), nl=False)


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)
