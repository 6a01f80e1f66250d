"""Events with Slack's retries: three more attempts, at once, after a minute, after five.

See https://docs.slack.dev/apis/events-api#retries.
"""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Sequence

from bot.playground.slack.delivery import AppAnswer, DeliveryError, Parcel


class EventSender:
    """Sends events; the first attempt is waited for, the others happen in the background."""

    def __init__(
        self,
        deliver: Callable[[Parcel], Awaitable[AppAnswer]],
        sleep: Callable[[float], Awaitable[object]],
        delays: Sequence[float],
    ) -> None:
        self._deliver = deliver
        self._sleep = sleep
        self._delays = tuple(delays)
        self._retries: set[asyncio.Task[None]] = set()

    async def send(self, parcel: Parcel) -> bool:
        """Send an event; tells whether the first attempt was answered."""
        try:
            await self._deliver(parcel)
        except DeliveryError as error:
            task = asyncio.create_task(self._retry(parcel, error))
            self._retries.add(task)
            task.add_done_callback(self._retries.discard)
            return False
        return True

    async def aclose(self) -> None:
        """Give up on what was not answered yet."""
        for task in tuple(self._retries):
            task.cancel()
        await asyncio.gather(*self._retries, return_exceptions=True)

    async def _retry(self, parcel: Parcel, error: DeliveryError) -> None:
        for number, delay in enumerate(self._delays, start=1):
            await self._sleep(delay)
            again = dataclasses.replace(parcel, retry=number, retry_reason=_reason(error))
            try:
                await self._deliver(again)
            except DeliveryError as another:
                error = another
            else:
                return


def _reason(error: DeliveryError) -> str:
    if error.timed_out:
        return "http_timeout"
    return "http_error" if error.status else "connection_failed"
