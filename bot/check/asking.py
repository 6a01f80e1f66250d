"""Asks Slack one thing and turns every way in which that fails into words.

It prevents a check that ends in a traceback at the first thing that does not work.
"""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.errors import SlackClientError as SlackSdkError
from slack_sdk.web.async_slack_response import AsyncSlackResponse

_REINSTALL: Final = "Reinstall the app in the workspace and set SLACK_BOT_TOKEN to its new token."
_ADVICE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "account_inactive": _REINSTALL,
        "invalid_auth": _REINSTALL,
        "not_authed": _REINSTALL,
        "token_expired": _REINSTALL,
        "token_revoked": _REINSTALL,
        "not_allowed_token_type": "SLACK_BOT_TOKEN takes the bot token (xoxb-…), SLACK_APP_TOKEN the app-level token.",
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
    except SlackApiError as error:
        code = _code(error.response)
        needed = f" (needs {error.response['needed']})" if code == "missing_scope" else ""
        if code:
            advice = _ADVICE.get(code, "See the error's page at https://docs.slack.dev/reference/methods")
            return Refusal(code, f"Slack says {code}{needed}", advice)
    except (aiohttp.ClientError, SlackSdkError, TimeoutError, OSError) as error:
        return Refusal(
            "", f"Slack cannot be reached ({type(error).__name__})", "Check the network, proxies and SLACK_API_URL."
        )
    return Refusal("", "the answer is not one of Slack's", "Check SLACK_API_URL, and https://slack-status.com")


def _code(response: object) -> str:
    data = response.data if isinstance(response, AsyncSlackResponse) else response
    code = data.get("error") if isinstance(data, Mapping) else None
    return code if isinstance(code, str) else ""
