"""`tines-sync migrate`."""

import asyncio

import click

from bot.commands.starting import database_url_or_exit, plainly
from handlers.store import migrate


@click.command("migrate")
def command() -> None:
    """Bring the database to this version's tables.

    Reads DATABASE_URL only. Safe to run again, and on several machines at once.
    """
    url = database_url_or_exit()
    with plainly():
        revision = asyncio.run(migrate(url))
    click.echo(f"The database is at revision {revision}.")
