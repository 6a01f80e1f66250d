"""Asks Slack one thing and turns every way in which that fails into words.

It prevents a check that ends in a traceback at the first thing that does not work.
"""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.slack_errors import SLACK_ERRORS, read_error

_REINSTALL: Final = "Reinstall the app in the workspace and set SLACK_BOT_TOKEN to its new token."
_ADVICE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "account_inactive": _REINSTALL,
        "invalid_auth": _REINSTALL,
        "not_authed": _REINSTALL,
        "token_expired": _REINSTALL,
        "token_revoked": _REINSTALL,
        "not_allowed_token_type": "SLACK_BOT_TOKEN needs the bot token (xoxb-…), SLACK_APP_TOKEN the app-level token.",
        "missing_scope": "Update the app from its manifest in manifests/ and reinstall it.",
        "ratelimited": "Wait a minute and check again.",
        "channel_not_found": "Check the id. A private channel is seen only once the bot is in it: /invite it there.",
    }
)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why Slack did not answer a question."""

    code: str  # Slack's error code; empty when there was no answer of Slack's
    what: str
    advice: str


async def ask(call: Awaitable[AsyncSlackResponse]) -> AsyncSlackResponse | Refusal:
    """Await a Web API call; every failure comes back as a `Refusal`, none is raised."""
    try:
        return await call
    except SLACK_ERRORS as error:
        found = read_error(error)
        if found.code:
            advice = _ADVICE.get(found.code, "See the error's page at https://docs.slack.dev/reference/methods")
            return Refusal(found.code, f"Slack says {found.words}", advice)
        if not isinstance(error, (SlackApiError, ValueError, AttributeError)):
            return Refusal(
                "", f"Slack cannot be reached ({found.words})", "Check the network, proxies and SLACK_API_URL."
            )
    return Refusal("", "the answer is not one of Slack's", "Check SLACK_API_URL, and https://slack-status.com")
