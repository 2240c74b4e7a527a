"""`tsubame recover`: 画面からは入れなくなった人を入れ直す。"""

import asyncio
import getpass
from typing import Annotated, Final

import typer

from tsubame.business.auth.recovery import RecoveryService, Rescue
from tsubame.business.shared.actor import Actor
from tsubame.business.shared.secret import Secret
from tsubame.business.users.errors import UserNotFoundError
from tsubame.data_access.crypto.passwords import Argon2Passwords
from tsubame.data_access.db.engine import create_engine
from tsubame.data_access.queue.delivery import create_queue_app
from tsubame.data_access.system_clock import SystemClock
from tsubame.data_access.transactions import SqlTransactions
from tsubame.entrypoints.data_directory import prepare_data_directory
from tsubame.entrypoints.database import database
from tsubame.entrypoints.log_setup import configure_logging
from tsubame.entrypoints.settings import Settings, load_settings

_NAME: Final = "tsubame-recover"
_NO_SUCH_USER: Final = 1


def recover(
    username: Annotated[str, typer.Argument(help="Who cannot sign in any more.")],
    *,
    admin: Annotated[bool, typer.Option("--admin", help="Make this person an administrator.")] = False,
    without_second_factor: Annotated[
        bool, typer.Option("--without-second-factor", help="The phone and the recovery codes are lost.")
    ] = False,
) -> None:
    """Let a person in again: prints a one-time password, lifts every wait and block. Works while it runs."""
    settings = load_settings()
    configure_logging(settings.log_level, settings.log_format)
    prepare_data_directory(settings.data_dir)
    try:
        password = asyncio.run(_recover(settings, Rescue(username, admin, without_second_factor)))
    except UserNotFoundError:
        typer.echo(f"tsubame: there is no user {username}.", err=True)
        raise typer.Exit(_NO_SUCH_USER) from None
    typer.echo("One-time password (sign in within 7 days and choose a new one):", err=True)
    typer.echo(password.reveal())


async def _recover(settings: Settings, rescue: Rescue) -> Secret:
    actor = Actor(None, f"{getpass.getuser()} (command line)", None)
    async with database(settings) as db:
        engine = create_engine(db.url, application_name=_NAME, pool_size=1)
        try:
            transactions = SqlTransactions(engine, create_queue_app(db.url, _NAME))
            return await RecoveryService(transactions, Argon2Passwords(), SystemClock()).recover(
                actor, rescue
            )
        finally:
            await engine.dispose()
