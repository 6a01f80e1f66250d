"""`tines-sync check`."""

import asyncio
import sys

import click

from bot.check import check
from bot.check.render import show_findings
from bot.commands.starting import FAULTY, settings_or_exit


@click.command("check")
def command() -> None:
    """Try the configuration on Slack and Tines, and say what to mend.

    Reads the configuration and reports every fault in it; then tries tokens, scopes, channels, groups, people, tenants
    and keys. Changes nothing. Exits 0 when everything works, else 1.
    """
    findings = asyncio.run(check(settings_or_exit()))
    show_findings(findings, sys.stdout)
    if not all(finding.ok for finding in findings):
        sys.exit(FAULTY)
