"""`tines-sync worker`."""

import click

from bot.commands.starting import plainly, settings_or_exit, start_logs
from bot.running import work


@click.command("worker")
def command() -> None:
    """Do the work only: for more machines beside `serve`.

    Needs a PostgreSQL database that all of them share.
    """
    settings = settings_or_exit()
    start_logs(settings)
    with plainly():
        work(settings)
