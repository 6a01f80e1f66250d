"""Which scope each method needs: by itself, or by the kind of conversation it is asked about.

Slack documents the scopes on each method's page (https://docs.slack.dev/reference/methods). An app whose manifest
forgot one would fail with `missing_scope` on the day it is installed; here it fails at once.
"""

from collections.abc import Callable
from typing import Final, TypeAlias

from bot.playground.slack.api.args import Args
from bot.playground.slack.core import Core
from bot.playground.slack.errors import refuse

Need: TypeAlias = Callable[[Core, Args], tuple[str, ...]]
"""What one call needs: any one of these scopes; nothing when the tuple is empty."""

_PREFIXES: Final = {"public_channel": "channels", "private_channel": "groups", "im": "im"}.get


def no_scope(_core: Core, _args: Args) -> tuple[str, ...]:
    """Need nothing but a token."""
    return ()


def scope(name: str) -> Need:
    """Need one scope, whatever the arguments are."""

    def need(_core: Core, _args: Args) -> tuple[str, ...]:
        return (name,)

    return need


def by_channel(action: str) -> Need:
    """Need the scope for the kind of the asked conversation, e.g. `channels:history` for a public channel."""

    def need(core: Core, args: Args) -> tuple[str, ...]:
        channel = core.workspace.channel(args.text("channel"))
        if channel is None:
            return tuple(f"{prefix}:{action}" for prefix in ("channels", "groups", "im"))
        return (f"{_PREFIXES(channel.kind, 'channels')}:{action}",)

    return need


def by_types(core: Core, args: Args) -> tuple[str, ...]:
    """Need the scope of each asked type of conversation; the first one that is missing is told."""
    del core
    types = args.text("types", "public_channel").split(",")
    return tuple(f"{_PREFIXES(kind.strip(), 'channels')}:read" for kind in types)


def check_scope(core: Core, args: Args, need: Need, *, all_of_them: bool) -> None:
    """Refuse a call for which the app's scopes do not suffice."""
    needed = need(core, args)
    granted = core.app.scopes
    enough = all(n in granted for n in needed) if all_of_them else not needed or any(n in granted for n in needed)
    if not enough:
        refuse("missing_scope", needed=",".join(needed), provided=",".join(sorted(granted)))
