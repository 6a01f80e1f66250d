"""`tines-sync check`."""

import asyncio
import sys

import click

from bot.check import check
from bot.check.render import show_findings
from bot.commands.starting import FAULTY, settings_or_exit
from bot.logs import configure_logs


@click.command("check")
def command() -> None:
    """Try the configuration on Slack and Tines, and say what to mend.

    Reads the configuration and reports every fault in it; then tries tokens, scopes, channels, groups, people, tenants
    and keys. Changes nothing. Exits 0 when everything works, else 1.
    """
    settings = settings_or_exit()
    # The table says what does not work; of the log only what nobody foresaw is of use beside it.
    configure_logs(as_json=False, level="error", secrets=settings.known_secrets())
    findings = asyncio.run(check(settings))
    show_findings(findings, sys.stdout)
    if not all(finding.ok for finding in findings):
        sys.exit(FAULTY)
