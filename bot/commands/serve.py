"""`tines-sync serve`."""

import click

from bot.commands.starting import plainly, settings_or_exit, start_logs
from bot.running import serve


@click.command("serve")
def command() -> None:
    """Answer Slack, and do the work that was approved.

    Listens for Slack's requests on HOST and PORT, or speaks Socket Mode when SLACK_APP_TOKEN is set. /healthz and
    /readyz answer in both cases. Refuses to start on a faulty configuration.
    """
    settings = settings_or_exit()
    start_logs(settings)
    with plainly():
        serve(settings)
