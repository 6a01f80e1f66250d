"""What Slack's Web API says when a call does not work, by what may be done about it. Read once, here.

    SlackError
    ├── TransientError          passes by itself, surely not applied: no connection
    │   ├── RateLimitedError    429: `seconds` is how long Slack asks to wait
    │   └── UnknownOutcomeError may have been applied: no answer, a 5xx
    │       ├── NotSlackError   an answer that is none of Slack's, such as a proxy's page
    │       └── MigrationError  the workspace is being moved into an organisation
    ├── RefusedForNowError      a refusal that can pass (an archived channel), and every code that is not known
    │   ├── NoChannelError      no such channel, or a private one without the bot
    │   ├── NoUserError         no such person, or one that the bot may not see
    │   └── NoGroupError        no such user group, or a disabled one
    ├── RefusedForGoodError     what was sent is wrong, and stays wrong
    │   └── BlocksError         its blocks or its length: say the same as text, in pieces
    ├── GoneError               the message, view or trigger no longer exists, or not ours to change
    │   ├── ChangedViewError    the view was changed since it was seen
    │   ├── EditClosedError     the message stands, but may be edited no more
    │   ├── NoThreadError       the message that starts the thread no longer exists
    │   └── TriggerUsedError    the trigger opened a view before
    ├── ScopeError              the app lacks a scope for this one method (`needed`, `provided`)
    └── TokenError              Slack does not take the token: nothing works until an operator mends it
        └── WrongTokenError     it is a token of another kind

A code that is not known counts as one that passes: to wait for nothing costs a call an hour, to give up costs a
message. Codes: the pages of the methods under https://docs.slack.dev/reference/methods, mainly `chat.postMessage`,
`chat.update`, `conversations.open`, `views.open`, `users.info`, `usergroups.users.list`.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

SLACK_ERRORS: Final = (SlackClientError, aiohttp.ClientError, TimeoutError, OSError, ValueError, AttributeError)
"""What a call of Slack's client may raise. ValueError: an answer that is no JSON, such as a proxy's page;
AttributeError: one that is plain text."""

_DEFAULT_PAUSE: Final = 30.0  # seconds, when Slack names none
_LONGEST_PAUSE: Final = 3600.0  # seconds, whatever Slack asks for

_RATE_LIMITED: Final = frozenset({"ratelimited", "rate_limited"})
_TRANSIENT: Final = frozenset(
    {
        "fatal_error",
        "internal_error",
        "request_timeout",
        "service_unavailable",
        "update_failed",
    }
)
_TOKEN: Final = frozenset({"account_inactive", "invalid_auth", "not_authed", "token_expired", "token_revoked"})
_BLOCKS: Final = frozenset(
    {
        "attachment_payload_limit_exceeded",
        "block_mismatch",
        "invalid_attachments",
        "invalid_blocks",
        "invalid_blocks_format",
        "markdown_text_conflict",
        "msg_blocks_too_long",
        "msg_too_long",
        "too_many_attachments",
    }
)
_FOR_GOOD: Final = frozenset(
    {
        "deprecated_endpoint",
        "invalid_arg_name",
        "invalid_arguments",
        "invalid_array_arg",
        "invalid_charset",
        "invalid_form_data",
        "invalid_json",
        "invalid_metadata_format",
        "invalid_metadata_schema",
        "invalid_post_type",
        "json_not_object",
        "metadata_too_large",
        "method_deprecated",
        "missing_post_type",
        "no_text",
        "unknown_method",
    }
)
_GONE: Final = frozenset(
    {
        "cant_delete_message",
        "cant_update_message",
        "expired_trigger_id",
        "invalid_trigger_id",
        "message_not_found",
        "not_found",
        "trigger_expired",
        "view_not_found",
    }
)
_TRIGGER_USED: Final = frozenset({"exchanged_trigger_id", "trigger_exchanged"})
_NO_THREAD: Final = frozenset({"cannot_reply_to_message", "invalid_thread_ts", "thread_not_found"})


class SlackError(Exception):
    """A call of Slack's Web API did not work, as far as is known."""

    def __init__(self, words: str, *, code: str = "") -> None:
        super().__init__(words)
        self.words = words  # Slack's error code, or the network's words
        self.code = code  # empty when there was no answer of Slack's


class TransientError(SlackError):
    """It passes by itself, and surely nothing was applied. `seconds` is how long Slack asks to wait, 0 for unsaid."""

    def __init__(self, words: str, *, code: str = "", seconds: float = 0.0) -> None:
        super().__init__(words, code=code)
        self.seconds = seconds


class RateLimitedError(TransientError):
    """There were too many calls."""

    def __init__(self, seconds: float) -> None:
        super().__init__("ratelimited", code="ratelimited", seconds=seconds)


class UnknownOutcomeError(TransientError):
    """It passes by itself, but may have been applied: look before sending again."""


class NotSlackError(UnknownOutcomeError):
    """The answer is none of Slack's, such as a proxy's page."""


class MigrationError(UnknownOutcomeError):
    """The workspace is being moved into an organisation (Enterprise Grid)."""


class RefusedForNowError(SlackError):
    """Slack says no for a reason that can pass: an archived channel, a bot that was removed, any code not known."""


class NoChannelError(RefusedForNowError):
    """There is no such channel, or it is a private one that the bot is not in."""


class NoUserError(RefusedForNowError):
    """There is no such person, or one that the bot may not see."""


class NoGroupError(RefusedForNowError):
    """There is no such user group, or it is disabled."""


class RefusedForGoodError(SlackError):
    """What was sent is wrong, and the same again would be refused again."""


class BlocksError(RefusedForGoodError):
    """Slack does not take the message's blocks or length: the same may be said as text, in pieces."""


class GoneError(SlackError):
    """The message, view or trigger no longer exists, or not this app's to change."""


class ChangedViewError(GoneError):
    """The view was changed since it was seen."""


class EditClosedError(GoneError):
    """The message stands, but the workspace lets nobody edit it any more."""


class NoThreadError(GoneError):
    """The message that starts the thread no longer exists."""


class TriggerUsedError(GoneError):
    """The trigger opened a view before."""


class TokenError(SlackError):
    """Slack does not take the token."""


class WrongTokenError(TokenError):
    """The token is of another kind than the method takes."""


class ScopeError(SlackError):
    """The app lacks a scope for one method; all else works."""

    def __init__(self, *, needed: str, provided: str) -> None:
        super().__init__(f"missing_scope (needs {needed})" if needed else "missing_scope", code="missing_scope")
        self.needed = needed  # scopes with commas between them: one of them is enough
        self.provided = provided

    @property
    def advice(self) -> str:
        """What an operator does about it."""
        what = f"the scope {self.needed}" if self.needed else "the scopes of manifests/"
        return f"Add {what} under OAuth & Permissions of the app (https://api.slack.com/apps) and reinstall it."


def read_error(error: BaseException) -> SlackError:
    """Return what an error of `SLACK_ERRORS` means. One that is read already comes back as it is."""
    match error:
        case SlackError():
            return error
        case SlackApiError():
            return _read_answer(error.response)
        case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError() | aiohttp.ClientHttpProxyError():
            return TransientError(type(error).__name__)  # never left this machine
        case ValueError() | AttributeError():
            return NotSlackError(type(error).__name__)
        case _:
            return UnknownOutcomeError(type(error).__name__)


def read_refusal(code: str, data: Mapping[str, Any] | None = None) -> SlackError:
    """Return what one of Slack's error codes means; `data` is the answer with its details."""
    details = data or {}
    if code in _RATE_LIMITED:
        return RateLimitedError(_DEFAULT_PAUSE)
    if code == "missing_scope":
        return ScopeError(needed=str(details.get("needed") or ""), provided=str(details.get("provided") or ""))
    for codes, kind in (
        ({"channel_not_found"}, NoChannelError),
        ({"user_not_found", "user_not_visible"}, NoUserError),
        ({"no_such_subteam", "subteam_disabled"}, NoGroupError),
        ({"edit_window_closed"}, EditClosedError),
        ({"hash_conflict"}, ChangedViewError),
        ({"not_allowed_token_type"}, WrongTokenError),
        ({"team_added_to_org"}, MigrationError),
        (_TRIGGER_USED, TriggerUsedError),
        (_TRANSIENT, UnknownOutcomeError),
        (_TOKEN, TokenError),
        (_BLOCKS, BlocksError),
        (_FOR_GOOD, RefusedForGoodError),
        (_NO_THREAD, NoThreadError),
        (_GONE, GoneError),
    ):
        if code in codes:
            return kind(code, code=code)
    return RefusedForNowError(code, code=code)


def _read_answer(response: Any) -> SlackError:  # noqa: ANN401 - slack_sdk's response, or the parts of one that is no JSON
    data = getattr(response, "data", response)
    data = data if isinstance(data, Mapping) else {}
    code = data.get("error")
    status = getattr(response, "status_code", None) or data.get("status") or HTTPStatus.OK
    headers = getattr(response, "headers", None) or data.get("headers")
    if status == HTTPStatus.TOO_MANY_REQUESTS or code in _RATE_LIMITED:
        after = headers.get("Retry-After") if isinstance(headers, Mapping) else None
        return RateLimitedError(_seconds(after))
    if not isinstance(code, str) or not code:
        return NotSlackError(f"HTTP {status}")
    if isinstance(status, int) and status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return UnknownOutcomeError(code, code=code)
    return read_refusal(code, data)


def _seconds(value: object) -> float:
    try:
        seconds = float(str(value))
    except ValueError:
        return _DEFAULT_PAUSE
    return min(max(0.0, seconds), _LONGEST_PAUSE) if seconds == seconds else _DEFAULT_PAUSE  # noqa: PLR0124 - "nan"
