"""How a command that needs the configuration starts: read it or say everything that is wrong, then set up the logs."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

import click
from sqlalchemy.exc import DBAPIError

from bot.check.render import show_faults
from bot.logs import configure_logs
from bot.settings import ConfigurationError, LogFormat, Settings, load_database_url, load_settings
from bot.starting import StartError
from handlers.store import DatabaseFileError, DatabaseUrlError, SchemaError, StoreUnavailableError
from handlers.store.failures import driver_words

FAULTY: Final = 1  # exit status of a command that found something to mend


def settings_or_exit() -> Settings:
    """Return the settings, or write every fault to standard error and exit with status 1."""
    try:
        return load_settings(os.environ)
    except ConfigurationError as error:
        _exit_with(error)


def database_url_or_exit() -> str:
    """Return where the database is, or write what is wrong with it to standard error and exit with status 1."""
    try:
        return load_database_url(os.environ)
    except ConfigurationError as error:
        _exit_with(error)


def start_logs(settings: Settings) -> None:
    """Set up the logs as the settings say, with every secret of theirs masked."""
    as_json = wants_json(settings.log_format, terminal=sys.stderr.isatty())
    configure_logs(as_json=as_json, level=settings.log_level, secrets=settings.known_secrets())


@contextmanager
def plainly() -> Iterator[None]:
    """Turn what keeps a process from starting into one line on standard error and exit status 1."""
    try:
        yield
    except (StartError, SchemaError, DatabaseFileError, DatabaseUrlError, StoreUnavailableError) as error:
        raise click.ClickException(str(error)) from None
    except DBAPIError as error:
        message = f"the database cannot be used: {driver_words(error)}"
        raise click.ClickException(message) from None


def wants_json(log_format: LogFormat, *, terminal: bool) -> bool:
    """Whether log lines are for machines: as told, or else when they do not go to a terminal."""
    if log_format is LogFormat.AUTO:
        return not terminal
    return log_format is LogFormat.JSON


def _exit_with(error: ConfigurationError) -> NoReturn:
    show_faults(error, sys.stderr)
    sys.exit(FAULTY)
