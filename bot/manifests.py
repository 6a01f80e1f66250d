"""The app manifests that come with the program, wherever it was installed to."""

import json
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path
from typing import Any, Final

HTTP: Final = "slack-http.json"
SOCKET_MODE: Final = "slack-socket-mode.json"
_ADDRESS: Final = "https://tines-sync.example.com"  # in the manifest for HTTP, to be replaced
_EVENTS: Final = "/slack/events"


class ManifestMissingError(Exception):
    """The manifests were not installed with the program."""


def manifest_path(name: str) -> Path:
    """Return where a manifest is: in the source tree, or where the package's files were installed to.

    Raises `ManifestMissingError`.
    """
    here = Path(__file__).parents[1] / "manifests" / name
    if here.exists():
        return here
    try:
        installed = files("tines-sync") or ()
    except PackageNotFoundError:
        installed = ()
    for each in installed:
        path = Path(str(each.locate()))
        if path.name == name and path.exists():
            return path.resolve()
    message = f"{name} was not installed with tines-sync: install it again"
    raise ManifestMissingError(message)


def manifest_for_http(origin: str) -> dict[str, Any]:
    """Return the manifest of an app whose requests go to an origin, such as `https://bot.example.com`."""
    text = manifest_path(HTTP).read_text(encoding="utf-8")
    filled: dict[str, Any] = json.loads(text.replace(_ADDRESS, origin))
    return filled


def manifest_for_socket_mode() -> dict[str, Any]:
    """Return the manifest of an app that opens its connection to Slack itself."""
    read: dict[str, Any] = json.loads(manifest_path(SOCKET_MODE).read_text(encoding="utf-8"))
    return read


def read_origin(url: str) -> str:
    """Return the origin under which Slack reaches the bot. Raises `ValueError` with what was expected."""
    given = url.strip().rstrip("/").removesuffix(_EVENTS).rstrip("/")
    scheme, separator, host = given.partition("://")
    if scheme != "https" or not separator or not host or any(sign in host for sign in "/?#@ \\"):
        message = "expected the address under which Slack reaches the bot: https://bot.example.com"
        raise ValueError(message)
    return f"https://{host.lower()}"
