"""Readers of single values: origins, durations, Slack ids, references to secrets.

Each takes what stands in the file and returns the value, or raises `wrong(…)` with what was expected instead. They
prevent a key that travels to another host, or a route that names a channel by something Slack does not know.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, urlsplit

from pydantic import SecretStr

from bot.settings.faults import wrong
from handlers.network import NetworkError, proxy_secrets, read_proxy
from handlers.routes import EVERYBODY

NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")  # aliases and route names: short enough for a Slack option
SHORTEST_SECRET: Final = 8  # characters; anything shorter is a mistake, and masking it would garble the logs

_DURATION: Final = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_PERSON: Final = re.compile(r"[UW][A-Z0-9]{2,}")
_GROUP: Final = re.compile(r"S[A-Z0-9]{2,}")
_CHANNEL: Final = re.compile(r"[CG][A-Z0-9]{2,}")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_LONGEST: Final = timedelta(days=365)
_SHORTEST_PAUSE: Final = timedelta(seconds=10)
PROXY_SETTING: Final = '"http://proxy.example:3128", or a reference to it: "env:TINES_PROXY", where it holds a password'
_ORIGIN: Final = 'the full origin, "https://acme.tines.com"; plain http only on this machine (http://127.0.0.1:8000)'


def is_person(entry: str) -> bool:
    """Whether a policy entry names a single person (`U…` or `W…`)."""
    return bool(_PERSON.fullmatch(entry))


def read_origin(text: str) -> str:
    """Read a tenant's URL: scheme, host and port only. Returned in lower case without a slash at the end."""
    parts = _split(text, _ORIGIN)
    if parts.path not in {"", "/"}:
        problem = "has a path after the host"
        raise wrong(problem, _ORIGIN)
    return _origin(parts)


def read_base_url(text: str) -> str:
    """Read the URL that Web API methods are appended to. Returned with a slash at the end."""
    parts = _split(text, '"https://slack.com/api/"')
    path = parts.path.rstrip("/")
    if not path.endswith("/api"):
        problem = "does not end with /api/"
        raise wrong(problem, '"https://slack.com/api/"')
    return f"{_origin(parts)}{path}/"


def read_duration(value: object) -> timedelta:
    """Read a duration such as "72h", "30m", "3d" or "1d12h": one second to 365 days."""
    expected = 'a number with its unit (w, d, h, m, s): "72h", "30m", "3d" or "1d12h", at most "365d"'
    match = _DURATION.fullmatch(value.replace(" ", "")) if isinstance(value, str) else None
    if match is None or not any(match.groups()):
        problem = "is not a duration"
        raise wrong(problem, expected)
    weeks, days, hours, minutes, seconds = (min(int(n or 0), 10**9) for n in match.groups())
    duration = timedelta(weeks=weeks, days=days) if weeks + days <= _LONGEST.days else 2 * _LONGEST
    duration += timedelta(hours=hours, minutes=minutes, seconds=seconds)
    if not timedelta(0) < duration <= _LONGEST:
        problem = "is longer than a year" if duration else "is no time at all"
        raise wrong(problem, expected)
    return duration


def read_pause(value: object) -> timedelta:
    """Read how much time lies between two rounds of something: a duration from ten seconds on, or "0" for never."""
    if value in {"0", 0} and not isinstance(value, bool):
        return timedelta(0)
    pause = read_duration(value)
    if pause < _SHORTEST_PAUSE:
        problem = "is too short: each look asks every source tenant for all of its sync destinations"
        raise wrong(problem, 'a duration from 10 seconds on: "10m"; "0" to not watch them')
    return pause


def read_person_or_group(text: str) -> str:
    """Read a Slack user id or user-group id."""
    if _PERSON.fullmatch(text) or _GROUP.fullmatch(text):
        return text
    problem = f"{_quote(text)} is not a Slack id"
    if text == EVERYBODY:
        problem = '"*" (everybody) cannot be used here'
    raise wrong(problem, 'a user id ("U…" or "W…", in the profile: Copy member ID) or a user-group id ("S…")')


def read_anybody(text: str) -> str:
    """Read a Slack user id, user-group id, or `*` for everybody."""
    if text == EVERYBODY:
        return text
    if _PERSON.fullmatch(text) or _GROUP.fullmatch(text):
        return text
    problem = f"{_quote(text)} is not a Slack id"
    raise wrong(
        problem,
        'a user id ("U…" or "W…", in the profile: Copy member ID), a user-group id ("S…") or "*" for everybody',
    )


def read_channel(text: str) -> str:
    """Read the id of a Slack channel."""
    if _CHANNEL.fullmatch(text):
        return text
    problem = f"{_quote(text)} is not a channel id"
    raise wrong(
        problem,
        'the id, not the name: "C0APPROVALS", at the bottom of the channel\'s details in Slack',
    )


def read_secret(reference: object, environ: Mapping[str, str], folder: Path) -> SecretStr:
    """Follow a reference (`env:NAME`, `file:/path`) to a secret; relative paths start at `folder`.

    Nothing of what was read, or of a key typed in clear text, is in the error.
    """
    expected = 'a reference to it: "env:TINES_PROD_API_KEY" or "file:/run/secrets/tines_prod"'
    kind, colon, name = reference.partition(":") if isinstance(reference, str) else ("", "", "")
    if kind == "env" and _VARIABLE.fullmatch(name):
        return check_secret(environ.get(name, ""), f"environment variable {name}")
    if kind == "file" and name:
        try:
            content = (folder / name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not a text file"
            problem = f"names a file that cannot be read: {name} ({reason})"
            raise wrong(problem, expected) from None
        return check_secret(content, f"file {name}")
    if isinstance(reference, str) and not (colon and kind in {"env", "file"}):
        problem = "stands here in clear text; put it in the environment, and change the key if the file was shared"
        raise wrong(problem, expected)
    problem = "is not a reference to a secret"
    raise wrong(problem, expected)


def read_proxy_setting(value: object, environ: Mapping[str, str], folder: Path) -> SecretStr:
    """Read a proxy: its URL, or a reference to it (see `read_secret`) where it holds a password."""
    if not isinstance(value, str):
        problem = "is not a text"
        raise wrong(problem, PROXY_SETTING)
    is_reference = value.startswith(("env:", "file:"))
    text = read_secret(value, environ, folder).get_secret_value() if is_reference else value
    try:
        proxy = read_proxy(text)
    except NetworkError as error:
        raise wrong(str(error), PROXY_SETTING) from None
    if not is_reference and proxy_secrets(proxy):
        problem = "has a password in clear text; put the URL into the environment"
        raise wrong(problem, PROXY_SETTING)
    return proxy


def check_secret(value: str, holder: str) -> SecretStr:
    """Return the secret that `holder` holds, when it can be one: long enough, one line, printable ASCII."""
    value = value.strip()
    if not value:
        problem = f"names {holder}, which is not set or empty"
        raise wrong(problem, f"the key itself in {holder}")
    if len(value) < SHORTEST_SECRET or not value.isascii() or not value.isprintable() or " " in value:
        problem = f"names {holder}, which does not hold a key"
        raise wrong(problem, f"at least {SHORTEST_SECRET} printable ASCII characters without spaces in {holder}")
    return SecretStr(value)


def is_loopback(host: str) -> bool:
    """Whether a host name is this machine's by definition (RFC 6761, RFC 1122, RFC 4291)."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _split(text: str, expected: str) -> SplitResult:
    """Take a URL apart and refuse everything by which a key could go astray. The URL is never quoted."""
    problem = ""
    try:
        parts = urlsplit(text)
        port_is_fine = parts.port != 0
    except ValueError:
        problem = "is not a URL"
        raise wrong(problem, expected) from None
    if parts.scheme not in {"https", "http"} or not parts.hostname or not port_is_fine:
        problem = "is not a full URL"
    elif parts.username is not None or parts.password is not None:
        problem = "has a user name or password in it"
    elif parts.query or parts.fragment or text.endswith(("?", "#")):
        problem = "has a query or fragment"
    elif re.search(r"[\s\\]", text) or not text.isprintable():
        problem = "has a character in it that no URL has"
    elif parts.scheme == "http" and not is_loopback(parts.hostname):
        problem = "is plain http, which would send keys readable over the network"
    if problem:
        raise wrong(problem, expected)
    return parts


def _origin(parts: SplitResult) -> str:
    host = parts.hostname or ""
    shown = f"[{host}]" if ":" in host else host
    usual = {"https": 443, "http": 80}[parts.scheme]
    return f"{parts.scheme}://{shown}" + (f":{parts.port}" if parts.port not in {None, usual} else "")


def _quote(text: str) -> str:
    longest = 40
    return f'"{text}"' if len(text) <= longest and text.isprintable() else "this entry"
