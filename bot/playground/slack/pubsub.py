"""One writer, many readers: what happened is handed to everybody who listens, in order.

Prevents polling (a page, a demo or a test waits for what it needs to see) and lost first news: a subscription counts
from the call on, not from the first time somebody awaits it.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Generic, Self, TypeVar

T = TypeVar("T")


class Subscription(AsyncIterator[T], Generic[T]):
    """The news since the subscription was made; ends when the hub closes. Also a context manager that unsubscribes."""

    def __init__(self, hub: "Hub[T]") -> None:
        self._hub = hub
        self._queue: asyncio.Queue[T | None] = asyncio.Queue()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        item = await self._queue.get()
        if item is None:
            raise StopAsyncIteration
        return item

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Hear no more."""
        self._hub.leave(self)
        self.push(None)

    def push(self, item: T | None) -> None:
        """Hand over one piece of news; None ends the iteration."""
        self._queue.put_nowait(item)


class Hub(Generic[T]):
    """Hands each published item to every subscription."""

    def __init__(self) -> None:
        self._subscriptions: list[Subscription[T]] = []

    def subscribe(self) -> Subscription[T]:
        """Listen from now on."""
        subscription = Subscription(self)
        self._subscriptions.append(subscription)
        return subscription

    def leave(self, subscription: Subscription[T]) -> None:
        """Forget a subscription."""
        if subscription in self._subscriptions:
            self._subscriptions.remove(subscription)

    def publish(self, item: T) -> None:
        """Hand an item to everybody who listens."""
        for subscription in self._subscriptions:
            subscription.push(item)

    def close(self) -> None:
        """End every subscription."""
        for subscription in list(self._subscriptions):
            subscription.close()
