"""Slack's mrkdwn, as far as a reader is concerned: what in it is live, and how it reads as plain text.

See https://docs.slack.dev/messaging/formatting-message-text. A name that came from outside and was not escaped is
live here, and found by `live_parts`.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

_ANGLE: Final = re.compile(r"<([^<>]+)>")
_BARE_LINK: Final = re.compile(r"(?<![<|\w])(?:https?://|mailto:)[^\s<>|]+", re.IGNORECASE)
_DATE: Final = re.compile(r"!date\^(-?\d+)\^(.*)", re.DOTALL)
_LIVE: Final = re.compile(r"(?:[@#!]|[a-zA-Z][a-zA-Z0-9+.-]*:).*", re.DOTALL)


def live_parts(text: str, *, autolinks: bool = False) -> list[str]:
    """Return each mention and link that is live in a mrkdwn text, as it stands there; dates are not.

    With `autolinks`, bare addresses count too: Slack makes links of them by itself.
    """
    found = [
        f"<{inner}>" for inner in _ANGLE.findall(text) if _LIVE.fullmatch(inner) and not inner.startswith("!date^")
    ]
    return found + (_BARE_LINK.findall(_ANGLE.sub("", text)) if autolinks else [])


def plain(text: str, name_of: Callable[[str], str]) -> str:
    """Return a mrkdwn text as a reader sees it, without styles.

    `name_of` turns an id (of a user, a group, a channel) into a name.
    """

    def shown(match: re.Match[str]) -> str:
        return _shown(match.group(1), match.group(0), name_of)

    return unescape(_ANGLE.sub(shown, text))


def unescape(text: str) -> str:
    """Return a text with Slack's three entities resolved."""
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def _shown(inner: str, whole: str, name_of: Callable[[str], str]) -> str:
    body, _, label = inner.partition("|")
    date = _DATE.fullmatch(body)
    if date:
        return date_text(int(date.group(1)), date.group(2).partition("^")[0], label)
    if body.startswith(("@", "#")):
        return body[0] + name_of(body[1:])
    if body.startswith("!"):
        return f"@{name_of(body[1:].removeprefix('subteam^'))}"
    if not _LIVE.fullmatch(inner):
        return whole
    return f"{label} ({body})" if label else body


def date_text(seconds: int, form: str, fallback: str = "") -> str:
    """Return a date in Slack's format string, in UTC; `fallback` when the time cannot be told."""
    try:
        at = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return fallback
    long = f"{at:%B} {at.day}, {at.year}"
    short = f"{at:%b} {at.day}, {at.year}"
    parts = {
        "{date_num}": f"{at:%Y-%m-%d}",
        "{date}": long,
        "{date_short}": short,
        "{date_long}": f"{at:%A}, {long}",
        "{date_pretty}": long,
        "{date_short_pretty}": short,
        "{date_long_pretty}": f"{at:%A}, {long}",
        "{time}": f"{at:%H:%M}",
        "{time_secs}": f"{at:%H:%M:%S}",
        "{ago}": short,
    }
    for name, value in parts.items():
        form = form.replace(name, value)
    return form
