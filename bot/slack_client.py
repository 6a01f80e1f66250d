"""Slack's Web API client as the bot uses it: one shared session, no retries of its own, every call counted.

The library's own retry can post a message twice, and a session of its own for each call costs a connection each. Both
are switched off here, once, so that no part of the bot can forget it.
"""

import time
from collections.abc import Callable
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

Observe = Callable[[str, str, float], None]


class SlackClient(AsyncWebClient):
    """The client. `observe(method, outcome, seconds)` is called once for each call of a method, such as "views.open"."""

    def __init__(self, *, token: str, base_url: str, session: aiohttp.ClientSession, observe: Observe) -> None:
        super().__init__(token=token, base_url=base_url, session=session, retry_handlers=[])
        self._observe = observe

    async def api_call(self, api_method: str, **options: Any) -> AsyncSlackResponse:  # noqa: ANN401 - passed on as they are
        """Call a method, and tell how it went."""
        begun, outcome = time.perf_counter(), "ok"
        try:
            return await super().api_call(api_method, **options)
        except SlackApiError as error:
            outcome = error_code(error)
            raise
        except BaseException as error:
            outcome = type(error).__name__
            raise
        finally:
            self._observe(api_method, outcome, time.perf_counter() - begun)


def error_code(error: SlackApiError) -> str:
    """Return Slack's own code of an error, or the HTTP status where the answer had none."""
    data = getattr(error.response, "data", error.response)
    code = data.get("error") if isinstance(data, dict) else None
    return str(code or f"HTTP {getattr(error.response, 'status_code', '')}".strip())
