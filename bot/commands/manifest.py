"""`tines-sync manifest`."""

import json

import click

from bot.manifests import ManifestMissingError, manifest_for_http, manifest_for_socket_mode, read_origin


def _origin(_context: click.Context, _parameter: click.Parameter, url: str | None) -> str | None:
    try:
        return None if url is None else read_origin(url)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


@click.command("manifest")
@click.option("--http", "origin", metavar="URL", callback=_origin, help="For HTTP: where Slack reaches the bot.")
@click.option("--socket-mode", is_flag=True, help="For Socket Mode, which needs no public address.")
def command(*, origin: str | None, socket_mode: bool) -> None:
    """Print the manifest from which a Slack app is made.

    Paste it at https://api.slack.com/apps?new_app=1 (From a manifest).
    """
    if (origin is None) is not socket_mode:
        message = "use one of: --http https://bot.example.com, --socket-mode"
        raise click.UsageError(message)
    try:
        manifest = manifest_for_socket_mode() if origin is None else manifest_for_http(origin)
    except ManifestMissingError as error:
        raise click.ClickException(str(error)) from None
    click.echo(json.dumps(manifest, indent=2))
