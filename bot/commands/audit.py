"""`tines-sync audit`."""

import asyncio
import io
import sys
from collections.abc import Coroutine
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TextIO, TypeVar

import click

from bot.commands.files import written
from bot.commands.starting import FAULTY, database_url_or_exit, plainly
from handlers.audit import (
    Break,
    CsvRows,
    Link,
    UnreadableError,
    Verified,
    jsonl_line,
    opened,
    parse_link,
    select,
    verify,
)
from handlers.models import parse_request_id
from handlers.store import DatabaseUrlError
from handlers.store.database import is_sqlite, parse_url

_T = TypeVar("_T")
_MOMENT: Final = click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%S%z"])


@click.group("audit")
def command() -> None:
    """Check that the record of what happened is whole, or export it.

    Both read the database that DATABASE_URL names, also while the bot runs, and change nothing.
    """


def _link(_context: click.Context, _parameter: click.Parameter, text: str | None) -> Link | None:
    link = None if text is None else parse_link(text)
    if text is not None and link is None:
        message = "expected SEQ:HASH, as an earlier run or a log line named it"
        raise click.BadParameter(message)
    return link


def _request(_context: click.Context, _parameter: click.Parameter, text: str | None) -> str | None:
    request_id = None if text is None else parse_request_id(text)
    if text is not None and request_id is None:
        message = "expected the id of a request, such as TS-0A1B2C3D"
        raise click.BadParameter(message)
    return request_id


@command.command("verify")
@click.option(
    "--expect",
    "--anchor",
    "anchor",
    metavar="SEQ:HASH",
    callback=_link,
    help="A head from an earlier run or a log line: a chain that no longer holds it was cut off or rewritten.",
)
def verify_command(*, anchor: Link | None) -> None:
    """Walk the chain of events and say the first row that is broken, and why.

    Exits 0 when the chain is whole, else 1. The chain itself proves that nothing in its middle was changed. Keep the
    head that is printed outside of the database, and pass it with --expect next time: only that proves that the end was
    not cut off and the whole not rewritten.
    """
    found = _run(_verify(database_url_or_exit(), anchor))
    if isinstance(found, Break):
        click.echo(f"Broken at row {found.seq}: {found.why}.", err=True)
        sys.exit(FAULTY)
    click.echo(f"Whole: {found.head.seq:,} events. Head: {found.head}")


@command.command("export")
@click.option("--since", type=_MOMENT, help="Events from this day or moment on, in UTC unless it names an offset.")
@click.option("--until", type=_MOMENT, help="Events before this day or moment.")
@click.option("--request", "request_id", metavar="ID", callback=_request, help="Events of one request.")
@click.option(
    "--format", "format_", type=click.Choice(["jsonl", "csv"]), default="jsonl", show_default=True, help="One a line."
)
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="A file instead of standard output.")
@click.option("--force", is_flag=True, help="Overwrite the file if it exists.")
def export_command(
    *,
    since: datetime | None,
    until: datetime | None,
    request_id: str | None,
    format_: str,
    output: Path | None,
    force: bool,
) -> None:
    """Write events out, oldest first, with actor, time, Slack ids and hashes.

    No secret is among them: none is ever written to the record. A file appears under its name when it is complete,
    readable for its owner alone.
    """
    url = database_url_or_exit()
    with ExitStack() as stack:
        sink: TextIO = _utf8(sys.stdout)
        if output is not None:
            sink = stack.enter_context(written(output, overwrite=force, never=_file_of(url)))
        number = _run(_export(url, sink, _aware(since), _aware(until), request_id, as_csv=format_ == "csv"))
    click.echo(f"{number:,} events.", err=True)


async def _verify(url: str, anchor: Link | None) -> Verified | Break:
    async with opened(url) as reader:
        return await verify(reader, anchor)


async def _export(
    url: str, sink: TextIO, since: datetime | None, until: datetime | None, request_id: str | None, *, as_csv: bool
) -> int:
    number = 0
    async with opened(url) as reader:
        rows = CsvRows(sink) if as_csv else None
        async for event in select(reader, since=since, until=until, request_id=request_id):
            if rows is None:
                sink.write(jsonl_line(event))
            else:
                rows.add(event)
            number += 1
    return number


def _utf8(stream: TextIO) -> TextIO:
    """Return a stream that takes every character: an export is data, whatever the terminal can show."""
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(encoding="utf-8", errors="strict")
    return stream


def _file_of(url: str) -> Path | None:
    """Return the file of an SQLite database, None for any other."""
    try:
        parsed = parse_url(url)
    except DatabaseUrlError:
        return None  # said when it is opened
    return Path(str(parsed.database)) if is_sqlite(parsed) else None


def _run(work: Coroutine[Any, Any, _T]) -> _T:
    try:
        with plainly():
            return asyncio.run(work)
    except UnreadableError as error:
        raise click.ClickException(str(error)) from None


def _aware(moment: datetime | None) -> datetime | None:
    return moment.replace(tzinfo=UTC) if moment is not None and moment.tzinfo is None else moment
