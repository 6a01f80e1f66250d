"""The command line `tines-sync`.

Only what is needed to read the command line is imported here; a command's own module is imported when it runs. It
prevents `tines-sync --help`, and a typing mistake, from waiting for the Slack and database libraries.
"""

import io
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import version
from types import MappingProxyType
from typing import Any, Final

import click

# Each command by name: the module that holds it as `command`, and its line in the help.
COMMANDS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "serve": ("bot.commands.serve", "Answer Slack, and do the work that was approved."),
        "worker": ("bot.commands.worker", "Do the work only: for more machines beside `serve`."),
        "demo": ("bot.commands.demo", "Try everything with a local Slack and local Tines tenants."),
        "check": ("bot.commands.check", "Try the configuration on Slack and Tines, and say what to fix."),
        "migrate": ("bot.commands.migrate", "Bring the database to this version's tables."),
        "audit": ("bot.commands.audit", "Check that the record of what happened is whole, or export it."),
        "backup": ("bot.commands.backup", "Copy the SQLite database to a file, also while the bot runs."),
    }
)


class LazyGroup(click.Group):
    """A group whose commands are imported when they are used, not when they are listed."""

    def main(self, *arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - the signature is click's
        """Run the command line, on whatever its output goes to."""
        _accept_any_output()
        try:
            return super().main(*arguments, **options)
        finally:
            _flush()

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - the signature is click's
        """Return the names of all commands, in the order in which a person meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        """Import one command; None for a name that is not one."""
        if cmd_name not in COMMANDS:
            return None
        command = import_module(COMMANDS[cmd_name][0]).command
        if not isinstance(command, click.Command):  # pragma: no cover - a mistake in this program
            message = f"{COMMANDS[cmd_name][0]} has no command"
            raise TypeError(message)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command to run; for a name that is none, say which one was probably meant."""
        close = get_close_matches(args[0], COMMANDS, n=1)
        if args[0] not in COMMANDS and close:
            ctx.fail(f"No such command '{args[0]}'. Did you mean '{close[0]}'?")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


def _accept_any_output() -> None:
    """Let output that cannot be written as it is appear with replacements, and output that nobody takes go nowhere."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever started the process
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123 - for as long as it runs
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _flush() -> None:
    """Write out what is left; when nobody reads it any more, Python's own attempt at the end must not complain."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        with suppress(OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, sys.stdout.fileno())
            os.close(nowhere)


def _print_version(ctx: click.Context, _option: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 - click's
    if wanted:
        click.echo(f"tines-sync {version('tines-sync')}")
        ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_print_version, help="Show the version."
)
def main() -> None:
    """Ask in Slack for Tines stories to be synced to another tenant, approve it, and see what became of each.

    The configuration comes from the environment and from tines-sync.toml (or the file that TINES_SYNC_CONFIG names).
    New here? Start with: tines-sync demo
    """
