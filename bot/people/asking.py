"""One question to Slack's Web API, and what its answer means.

Prevents a guess where Slack gave no answer: everything that is not a readable answer becomes
`PeopleUnavailableError`, with a sentence for the person who clicked, and nothing is decided.
"""

import asyncio
from collections.abc import Awaitable
from typing import Final, TypeVar

from pydantic import BaseModel, ValidationError
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.people.memory import BusyError
from bot.slack_errors import (
    SLACK_ERRORS,
    MigrationError,
    RateLimitedError,
    SlackError,
    TokenError,
    TransientError,
    read_error,
)
from handlers.people import PeopleUnavailableError

NO_ANSWER: Final = "Slack did not say whether you can do this, so nothing was done. Try again in a moment."
_LONGEST_PAUSE: Final = 600.0  # seconds; a senseless header must not silence us for good

M = TypeVar("M", bound=BaseModel)


class RefusedError(PeopleUnavailableError):
    """Slack answered, and said no, as `found` says.

    `home_may_have_changed`: whether the workspace may be part of another organisation (it is being migrated to one).
    """

    def __init__(self, found: SlackError) -> None:
        super().__init__(
            f"Slack refused to say whether you can do this ({found.code}), so nothing was done. Tell your tines-sync admin."
        )
        self.found = found
        self.home_may_have_changed = isinstance(found, TokenError)


class UnavailableError(PeopleUnavailableError):
    """Slack gave no answer. `home_may_have_changed`: as of `RefusedError`."""

    def __init__(self, found: SlackError) -> None:
        super().__init__(NO_ANSWER)
        self.home_may_have_changed = isinstance(found, MigrationError)


async def read(call: Awaitable[AsyncSlackResponse], shape: type[M], longest: float) -> M:
    """Await a call for at most `longest` seconds and read its answer.

    Every way in which there is none becomes `PeopleUnavailableError`.
    """
    try:
        async with asyncio.timeout(longest):
            return shape.model_validate((await call).data)
    except (ValidationError, *SLACK_ERRORS) as error:
        raise _meaning(error) from error


def _meaning(error: Exception) -> PeopleUnavailableError:
    found = read_error(error)
    match found:
        case RateLimitedError():
            return BusyError(min(found.seconds, _LONGEST_PAUSE))
        case TransientError():
            return UnavailableError(found)
        case _:
            return RefusedError(found)
