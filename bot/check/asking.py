"""Asks Slack one thing and turns every way in which that fails into words.

It prevents a check that ends in a traceback at the first thing that does not work.
"""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Final

from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.slack_errors import (
    SLACK_ERRORS,
    NoChannelError,
    NotSlackError,
    RateLimitedError,
    ScopeError,
    SlackError,
    TokenError,
    WrongTokenError,
    read_error,
)

_ADVICE: Final[tuple[tuple[type[SlackError], str], ...]] = (  # the first that fits
    (WrongTokenError, "SLACK_BOT_TOKEN needs the bot token (xoxb-…), SLACK_APP_TOKEN the app-level token."),
    (TokenError, "Reinstall the app in the workspace and set SLACK_BOT_TOKEN to its new token."),
    (ScopeError, "Update the app from its manifest in manifests/ and reinstall it."),
    (RateLimitedError, "Wait a minute and check again."),
    (NoChannelError, "Check the id. A private channel is seen only once the bot is in it: /invite it there."),
    (SlackError, "See the error's page at https://docs.slack.dev/reference/methods"),
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
    if isinstance(found, NotSlackError):
        return Refusal("", "the answer is not one of Slack's", "Check SLACK_API_URL, and https://slack-status.com")
    if not found.code:
        return Refusal("", f"Slack cannot be reached ({found.words})", "Check the network, proxies and SLACK_API_URL.")
    advice = next(words for kind, words in _ADVICE if isinstance(found, kind))
    return Refusal(found.code, f"Slack says {found.words}", advice)
