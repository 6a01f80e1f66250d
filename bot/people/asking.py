"""One question to Slack's Web API, and what its answer means.

Prevents a guess where Slack gave no answer: everything that is not a readable answer becomes
`PeopleUnavailableError`, with a sentence for the person who clicked, and nothing is decided.
"""

import asyncio
from collections.abc import Awaitable
from typing import Final, TypeVar

import aiohttp
from pydantic import BaseModel, ValidationError
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.people.memory import BusyError
from handlers.people import PeopleUnavailableError

NO_ANSWER: Final = "Slack did not say who may do this, so nothing was done. Try again in a moment."
HOME_CHANGED: Final = frozenset({"team_added_to_org", "invalid_auth"})
"""Codes after which the workspace may be part of another organisation (it is being migrated to one)."""

_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500
_OUTAGE: Final = frozenset(
    {"internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"}
)
_DEFAULT_PAUSE: Final = 30.0  # seconds, where a 429 does not say for how long
_LONGEST_PAUSE: Final = 600.0  # seconds; a senseless header must not silence us for good

M = TypeVar("M", bound=BaseModel)


class RefusedError(PeopleUnavailableError):
    """Slack answered, and said no. `code` is Slack's word for it."""

    def __init__(self, code: str) -> None:
        super().__init__(
            f"Slack refused to say who may do this ({code}), so nothing was done. Tell whoever runs tines-sync."
        )
        self.code = code


class UnavailableError(PeopleUnavailableError):
    """Slack gave no answer. `code` is its word for the reason, where it said one."""

    def __init__(self, code: str = "") -> None:
        super().__init__(NO_ANSWER)
        self.code = code


async def read(call: Awaitable[AsyncSlackResponse], shape: type[M], longest: float) -> M:
    """Await a call for at most `longest` seconds and read its answer.

    Every way in which there is none becomes `PeopleUnavailableError`.
    """
    try:
        async with asyncio.timeout(longest):
            return shape.model_validate((await call).data)
    except SlackApiError as error:
        raise _meaning(error) from error
    # AttributeError: the SDK takes an answer of type text/plain for a mapping.
    except (SlackClientError, aiohttp.ClientError, OSError, TimeoutError, AttributeError, ValidationError) as error:
        raise UnavailableError from error


def _meaning(error: SlackApiError) -> PeopleUnavailableError:
    response = error.response
    if not isinstance(response, AsyncSlackResponse):
        return UnavailableError()  # a body that is not JSON
    if response.status_code == _TOO_MANY:
        return BusyError(_pause(response.headers.get("Retry-After")))
    code = response.data.get("error") if isinstance(response.data, dict) else None
    if code == "ratelimited":
        return BusyError(_DEFAULT_PAUSE)
    if not isinstance(code, str):
        return UnavailableError()
    if code in _OUTAGE or response.status_code >= _SERVER_ERROR:
        return UnavailableError(code)
    return RefusedError(code)


def _pause(header: str | None) -> float:
    try:
        return min(max(0.0, float(header or _DEFAULT_PAUSE)), _LONGEST_PAUSE)
    except ValueError:
        return _DEFAULT_PAUSE
