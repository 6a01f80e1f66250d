"""`tines-sync worker`."""

import click

from bot.app import work
from bot.commands.starting import plainly, settings_or_exit, start_logs
from bot.starting import StartError
from handlers.store import SchemaError, StoreUnavailableError


@click.command("worker")
def command() -> None:
    """Do the work only: for more machines beside `serve`.

    Needs a PostgreSQL database that all of them share.
    """
    settings = settings_or_exit()
    start_logs(settings)
    try:
        with plainly():
        work(settings)
    except (StartError, SchemaError, StoreUnavailableError) as error:
        raise click.ClickException(str(error)) from None
