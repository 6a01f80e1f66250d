"""`tines-sync migrate`."""

import asyncio

import click
from sqlalchemy.exc import DBAPIError

from bot.commands.starting import database_url_or_exit
from handlers.store import DatabaseUrlError, SchemaError, migrate


@click.command("migrate")
def command() -> None:
    """Bring the database to this version's tables.

    Reads DATABASE_URL only. Safe to run again, and on several machines at once.
    """
    url = database_url_or_exit()
    try:
        revision = asyncio.run(migrate(url))
    except (SchemaError, DatabaseUrlError) as error:
        raise click.ClickException(str(error)) from None
    except DBAPIError as error:
        message = f"the database cannot be used: {error.orig}"
        raise click.ClickException(message) from None
    click.echo(f"The database is at revision {revision}.")
