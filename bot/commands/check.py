"""`tines-sync check`."""

import asyncio
import os
import sys
from typing import Final

import click

from bot.check import check
from bot.check.render import show_faults, show_findings, show_rights
from bot.check.rights import rights
from bot.commands.starting import FAULTY
from bot.logs import configure_logs
from bot.settings import ConfigurationError, PartialSettings, load_settings
from handlers.operations.registry import all_operations

UNTRIED: Final = (
    "the signing secret, which only a request of Slack shows to be right",
    "posting messages and creating sync destinations, since a check changes nothing",
)


@click.command("check")
def command() -> None:
    """Try the configuration on Slack and Tines, and say what to fix.

    Reads the configuration and reports every fault in it; then tries what is without a fault: database, tokens, scopes,
    channels, groups, people, tenants and keys. Changes nothing. Exits 0 when everything works, else 1.
    """
    faulty = False
    try:
        partial = PartialSettings.of(load_settings(os.environ))
    except ConfigurationError as error:
        if error.partial is None:
            raise  # it is there whenever all settings were asked for
        show_faults(error, sys.stderr)
        faulty, partial = True, error.partial
    # The table says what does not work; of the log only what nobody foresaw is of use beside it.
    configure_logs(as_json=False, level="error", secrets=partial.known_secrets())
    findings = asyncio.run(check(partial))
    show_rights(rights(partial.topology, all_operations()), sys.stdout)
    show_findings(findings, sys.stdout, all_tried=not faulty, untried=UNTRIED)
    if faulty or not all(finding.ok for finding in findings):
        sys.exit(FAULTY)
