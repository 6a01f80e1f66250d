"""`tines-sync demo`."""

import sys

import click

from bot.playground.demo import run_demo


@click.command("demo")
@click.option("--scripted", is_flag=True, help="Play one sync as two people, print it, and exit.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=3000,
    show_default=True,
    help="The page's port on this machine; 0 for any free one.",
)
@click.option("--socket-mode", is_flag=True, help="Use Socket Mode instead of HTTP.")
def command(*, scripted: bool, port: int, socket_mode: bool) -> None:
    """Try everything with a local Slack and local Tines tenants.

    Needs no Slack workspace, no Tines tenant and no configuration. Nothing leaves this machine. With --scripted it
    exits 0 only when the status of every story appeared in the thread.
    """
    sys.exit(run_demo(scripted=scripted, port=port, socket_mode=socket_mode))
