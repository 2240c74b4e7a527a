"""`tsubame audit`: 監査記録の鎖を確かめ、書き出す。"""

import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final, TextIO, TypeVar

import typer

from tsubame.business.audit.entities import Fault, Head
from tsubame.business.audit.exports import ExportUnreadableError, check_export, export_line
from tsubame.business.audit.keeper import AuditKeeper
from tsubame.business.audit.verification import Verification, Verifier
from tsubame.data_access.db.engine import create_engine
from tsubame.data_access.queue.delivery import create_queue_app
from tsubame.data_access.system_clock import SystemClock
from tsubame.data_access.transactions import SqlTransactions
from tsubame.entrypoints.database import database
from tsubame.entrypoints.log_setup import configure_logging
from tsubame.entrypoints.settings import load_settings

BROKEN: Final = 1
WRONG_USE: Final = 2
_STATEMENT_S: Final = 600
_BATCH: Final = 500
_HASH_BYTES: Final = 32
_TICK_S: Final = 2.0

app = typer.Typer(name="audit", no_args_is_help=True, help="Verify and export the audit trail.")
ResultT = TypeVar("ResultT")


@app.command()
def verify(
    *,
    file: Annotated[
        Path | None, typer.Option(help="Verify an exported file instead of the database.")
    ] = None,
    kept: Annotated[
        str | None, typer.Option("--kept", help="POSITION:HASH noted earlier; it must still be there.")
    ] = None,
    allow_gaps: Annotated[bool, typer.Option(help="The file was exported with filters.")] = False,
) -> None:
    """Find any edit, gap or reorder. Leaves with 1 and names the first bad event."""
    if file is not None:
        _verify_file(file, allow_gaps=allow_gaps)
        return
    head = None if kept is None else _parsed_head(kept)
    _tell(_with_database(lambda transactions: Verifier(transactions).run(head, _Ticker().tick)))


@app.command()
def export(
    *,
    since: Annotated[
        str | None, typer.Option("--from", help="First day or time, such as 2026-11-01.")
    ] = None,
    until: Annotated[str | None, typer.Option("--to", help="Last day (included), or time.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file; standard output if left out.")
    ] = None,
) -> None:
    """Write events as JSON lines with their hashes. The file can be verified alone."""
    first = None if since is None else _parsed_time(since, day_after=False)
    end = None if until is None else _parsed_time(until, day_after=True)

    async def write(transactions: SqlTransactions) -> int:
        return await _export(transactions, (first, end), target)

    with _opened(output) as target:
        count = _with_database(write)
    typer.echo(f"{count} events exported.", err=True)


async def _export(
    transactions: SqlTransactions, between: tuple[datetime | None, datetime | None], target: TextIO
) -> int:
    # 待っている分もつないでから書き出す。よその番人がつないでいる最中なら、その分は次の書き出しに入る
    await AuditKeeper(transactions, SystemClock()).link()
    async with transactions.look() as tx:
        span = await tx.audit_chain.span(*between)
    if span is None:
        return 0
    first, last = span
    count = 0
    while first <= last:
        async with transactions.look() as tx:
            found = await tx.audit_chain.linked(first, min(last, first + _BATCH - 1))
        target.writelines(export_line(linked) for linked in found)
        count += len(found)
        first += _BATCH
    return count


def _verify_file(file: Path, *, allow_gaps: bool) -> None:
    try:
        with file.open(encoding="utf-8") as lines:
            check = check_export(lines, allow_gaps=allow_gaps)
    except (OSError, UnicodeDecodeError, ExportUnreadableError) as exc:
        raise _wrong_use(f"{file} cannot be read: {exc}") from None
    if check.fault is not None:
        typer.echo(f"BROKEN at line {check.line}: {_sentence(check.fault)}")
        raise typer.Exit(BROKEN)
    typer.echo(f"OK: {check.events} events.")
    if check.unchained:
        typer.echo(f"{check.unchained} events were not yet chained when this was exported.")
    if check.head is not None:
        typer.echo(f"newest: {_written(check.head)}")


class _Ticker:
    """人の見ている画面にだけ、二秒ごとに、どこまで進んだかを書く。"""

    def __init__(self) -> None:
        self._next = time.monotonic() + _TICK_S

    def tick(self, position: int) -> None:
        if time.monotonic() >= self._next and sys.stderr.isatty():
            self._next = time.monotonic() + _TICK_S
            typer.echo(f"{position} events verified …", err=True)


def _tell(result: Verification) -> None:
    if result.start.position:
        typer.echo(f"Events up to position {result.start.position} were removed by the retention.")
    if result.fault is not None:
        typer.echo(f"BROKEN: {_sentence(result.fault)}")
        typer.echo(f"Intact up to {_written(result.head)}")
        raise typer.Exit(BROKEN)
    typer.echo(f"OK: {result.head.position - result.start.position} events.")
    typer.echo(f"{result.unchained} events are not yet chained.")
    # これをよその機械に控えておけば、後で末尾が切られても、まるごと作り直されても分かる
    typer.echo(f"newest: {_written(result.head)}")


def _sentence(fault: Fault) -> str:
    where = "" if fault.position is None else f"position {fault.position}: "
    return f"{where}{fault.detail}"


def _written(head: Head) -> str:
    return f"{head.position}:{head.hash.hex()}"


def _parsed_head(text: str) -> Head:
    position, _, digest = text.strip().partition(":")
    try:
        head = Head(int(position), bytes.fromhex(digest))
    except ValueError:
        raise _wrong_use("--kept must look like 1234:5f2c…, as 'newest' printed it.") from None
    if len(head.hash) != _HASH_BYTES or head.position < 1:
        raise _wrong_use("--kept must be the whole line that 'newest' printed.")
    return head


def _parsed_time(text: str, *, day_after: bool) -> datetime:
    """日だけなら、その日の始まり(``day_after`` なら終わり)。帯がなければ協定世界時。"""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise _wrong_use(f"{text} is not a day or a time such as 2026-11-01T08:00:00+09:00.") from None
    whole_day = "T" not in text and " " not in text
    found = found if found.tzinfo is not None else found.replace(tzinfo=UTC)
    return found + timedelta(days=1) if whole_day and day_after else found


def _wrong_use(sentence: str) -> typer.Exit:
    typer.echo(f"tsubame: {sentence}", err=True)
    return typer.Exit(WRONG_USE)


def _opened(output: Path | None) -> AbstractContextManager[TextIO]:
    return nullcontext(sys.stdout) if output is None else output.open("w", encoding="utf-8")


def _with_database(work: Callable[[SqlTransactions], Awaitable[ResultT]]) -> ResultT:
    settings = load_settings()
    configure_logging(settings.log_level, settings.log_format)

    async def run() -> ResultT:
        async with database(settings) as db:
            engine = create_engine(
                db.url, application_name="tsubame-audit", pool_size=1, statement_seconds=_STATEMENT_S
            )
            try:
                return await work(SqlTransactions(engine, create_queue_app(db.url, "tsubame-audit")))
            finally:
                await engine.dispose()

    return asyncio.run(run())
