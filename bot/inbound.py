"""The shape that Bolt takes for granted of a request, checked before Bolt sees it.

Bolt reaches into a body without looking (`actions[0]`, `view["type"]`, `"id" in user`), at several depths, while it
chooses a listener. What is not as it expects becomes an exception there and a 5xx for Slack, which then sends it
again. Here it becomes a plain no. Only what Bolt touches is checked: what listeners read, they read with distrust.

Shapes: https://docs.slack.dev/reference/interaction-payloads and https://docs.slack.dev/apis/events-api.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Final, Literal
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, Field, ValidationError


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")


class _Ref(_Part):
    """A user, team, channel or enterprise."""

    id: str | None = None


class _Named(_Part):
    """Whatever says whose it is and where; Bolt looks for that at every level."""

    user: str | _Ref | None = None
    user_id: str | None = None
    team: str | _Ref | None = None
    team_id: str | None = None
    channel: str | _Ref | None = None
    channel_id: str | None = None
    enterprise: str | _Ref | None = None
    enterprise_id: str | None = None
    thread_ts: str | None = None
    event: "_Named | None" = None
    message: "_Named | None" = None
    previous_message: "_Named | None" = None
    item: "_Named | None" = None
    assistant_thread: "_Named | None" = None
    authorizations: "list[_Named] | None" = None


class _Body(_Named):
    response_url: str | None = None
    response_urls: list[_Ref] | None = None
    container: _Ref | None = None
    trigger_id: str | None = None


class _Command(_Body):
    command: str


class _Shortcut(_Body):
    callback_id: str


class _Action(_Part):
    action_id: str
    block_id: str | None = None


class _Actions(_Body):
    actions: Annotated[list[_Action], Field(min_length=1)]
    view: _Ref | None = None


class _Suggestion(_Body):
    action_id: str
    view: _Ref | None = None


class _View(_Part):
    type: Literal["modal", "home"]
    callback_id: str
    id: str | None = None


class _Submission(_Body):
    view: _View


class _Event(_Named):
    type: str


class _Callback(_Body):
    event: _Event


class _Verification(_Body):
    challenge: str


_LONGEST_CHECK: Final = 2000  # bytes
_MOST_FIELDS: Final = 20
COMMAND: Final = "command"
RATE_NOTICE: Final = "app_rate_limited"  # Slack leaves events out: it wants no more than to be heard

_SHAPES: Final[Mapping[str, type[BaseModel]]] = MappingProxyType(
    {
        COMMAND: _Command,
        "shortcut": _Shortcut,
        "block_actions": _Actions,
        "block_suggestion": _Suggestion,
        "view_submission": _Submission,
        "view_closed": _Submission,
        "event_callback": _Callback,
        "url_verification": _Verification,
        RATE_NOTICE: _Body,
    }
)


def is_certificate_check(form: bytes) -> bool:
    """Whether a query or body only asks whether the server's certificate works. Slack does not sign that.

    Source: https://docs.slack.dev/interactivity/implementing-slash-commands (`ssl_check`)
    """
    if b"ssl_check=1" not in form or len(form) > _LONGEST_CHECK:
        return False
    try:
        fields = dict(parse_qsl(form.decode("ascii"), max_num_fields=_MOST_FIELDS))
    except ValueError:
        return False
    return fields.get("ssl_check") == "1" and not fields.keys() & {COMMAND, "payload"}


def kind_of(body: object) -> str | None:
    """Return what kind of request a parsed body is, None when it is none that Slack would send to this app."""
    if not isinstance(body, dict):
        return None
    kind = body.get("type", COMMAND)
    # one that says it is both would be served as one of them and counted as the other
    if not isinstance(kind, str) or kind not in _SHAPES or (COMMAND in body) is not (kind == COMMAND):
        return None
    try:
        _SHAPES[kind].model_validate(body)
    except (ValidationError, RecursionError):
        return None
    return kind
