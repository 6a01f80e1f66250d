"""`tines-sync backup`."""

from pathlib import Path

import click

from bot.commands.starting import database_url_or_exit
from handlers.store import DatabaseUrlError
from handlers.store.backup import BackupError, back_up


@click.command("backup")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Overwrite the file if it exists.")
def command(*, file: Path, force: bool) -> None:
    """Copy the SQLite database to a file, also while the bot runs.

    Reads DATABASE_URL. The copy is opened and checked before it gets its name. For PostgreSQL use pg_dump.
    """
    url = database_url_or_exit()
    try:
        backup = back_up(url, file, overwrite=force)
    except (BackupError, DatabaseUrlError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{backup.file}: {backup.requests:,} requests, {backup.events:,} events.")
