"""`tsubame keys`: 暗号の鍵を入れ替え、点検する。"""

import asyncio
import getpass
from collections.abc import Awaitable, Callable
from typing import Annotated, Final

import typer
from sqlalchemy.ext.asyncio import AsyncEngine

from tsubame.business.audit.entities import AuditEvent
from tsubame.business.shared.actor import Actor
from tsubame.data_access.crypto.key_check import known_keys, remember
from tsubame.data_access.crypto.key_rotation import KeyRotation, Progress, Unreadable
from tsubame.data_access.crypto.keyring import Keyring
from tsubame.data_access.db.at_commit import transaction
from tsubame.data_access.db.engine import create_engine
from tsubame.data_access.repositories.audit import SqlAuditLog
from tsubame.entrypoints.data_directory import encryption_keys, prepare_data_directory
from tsubame.entrypoints.database import database
from tsubame.entrypoints.log_setup import configure_logging
from tsubame.entrypoints.settings import load_settings

UNREADABLE: Final = 1
app = typer.Typer(name="keys", no_args_is_help=True, help="Rotate and check the encryption keys.")
Work = Callable[[AsyncEngine, Keyring], Awaitable[None]]


@app.command()
def rotate(
    *, force: Annotated[bool, typer.Option(help="Even if running processes lack the first key.")] = False
) -> None:
    """Seal everything anew with the first key. Online; run it again if it was interrupted."""

    async def work(engine: AsyncEngine, ring: Keyring) -> None:
        rotation = KeyRotation(engine, ring)
        behind = await rotation.behind()
        if behind and not force:
            typer.echo(
                f"These running processes do not know the first key: {', '.join(behind)}. "
                "Restart them with the same keys, then run this again.",
                err=True,
            )
            raise typer.Exit(UNREADABLE)
        done = await rotation.rotate(_report)
        await _record(engine, "keys.rotated", {"key": ring.fingerprints[0], "resealed": done.resealed})
        typer.echo(f"{done.resealed} documents sealed anew with the key {ring.fingerprints[0]}.")
        _refuse_unreadable(done.unreadable)
        typer.echo("The other keys are not needed any more.")

    _with_keys(work)


@app.command()
def check() -> None:
    """Which key opens how many documents, and what cannot be opened at all."""

    async def work(engine: AsyncEngine, ring: Keyring) -> None:
        survey = await KeyRotation(engine, ring).survey()
        for number, name in enumerate(ring.fingerprints):
            role = "seals and opens" if number == 0 else "only opens"
            typer.echo(f"key {number + 1}  {name}  {role}  {survey.opened[number]} documents")
        _refuse_unreadable(survey.unreadable)
        if not any(count for number, count in survey.opened.items() if number):
            typer.echo("Everything opens with the first key.")

    _with_keys(work)


@app.command()
def abandon() -> None:
    """Give up keys that are lost for good, so that tsubame starts again."""

    async def work(engine: AsyncEngine, ring: Keyring) -> None:
        lost = await known_keys(engine) - set(ring.fingerprints)
        unreadable = (await KeyRotation(engine, ring).survey()).unreadable
        await remember(engine, ring)
        await _record(
            engine, "keys.abandoned", {"keys": sorted(lost), "unreadable": [str(each) for each in unreadable]}
        )
        for each in unreadable:
            typer.echo(f"Enter anew: {each}")
        typer.echo(f"{len(lost)} lost keys are given up.")

    _with_keys(work)


def _report(progress: Progress) -> None:
    typer.echo(f"{progress.noun}: {progress.looked} looked at, {progress.resealed} sealed anew", err=True)


def _refuse_unreadable(unreadable: list[Unreadable]) -> None:
    if unreadable:
        for each in unreadable:
            typer.echo(f"CANNOT BE OPENED: {each}")
        raise typer.Exit(UNREADABLE)


async def _record(engine: AsyncEngine, action: str, details: dict[str, object]) -> None:
    actor = Actor(None, f"{getpass.getuser()} (command line)", None)
    async with transaction(engine) as (_, at_commit):
        await SqlAuditLog(at_commit).record(AuditEvent(actor, action, "keys", None, "keys", details))


def _with_keys(work: Work) -> None:
    settings = load_settings()
    configure_logging(settings.log_level, settings.log_format)
    prepare_data_directory(settings.data_dir)

    async def run() -> None:
        async with database(settings) as db:
            engine = create_engine(db.url, application_name="tsubame-keys", pool_size=2)
            try:
                await work(engine, Keyring(encryption_keys(settings)))
            finally:
                await engine.dispose()

    asyncio.run(run())
