"""Answers from Slack that many clicks share: kept for a while, bounded in number, asked for once at a time.

Slack allows about 20 looks at a user group a minute. Without a memory shared by all clicks a busy morning would end
in refusals for want of an answer; with one that forgets nothing, whoever was taken out of the approvers would go on
approving. And twenty people who click on the same message must not put the same question twenty times.
"""

import asyncio
import itertools
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from handlers.people import PeopleUnavailableError

V = TypeVar("V")


class BusyError(PeopleUnavailableError):
    """Slack asks to be left alone for some seconds (HTTP 429)."""

    def __init__(self, retry_after: float) -> None:
        super().__init__(
            f"Slack asks for a pause of {retry_after:.0f} s before it says who may do this, so nothing was done. "
            "Try again after that."
        )
        self.retry_after = retry_after


class _Entry(Generic[V]):
    """What is known under one key. Turns are counted, so that the order of questions and answers is certain."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()  # held by whoever asks; the others wait for the answer
        self.value: V | None = None  # the last good answer
        self.read_at = 0.0  # the clock when `value` was asked for
        self.error: PeopleUnavailableError | None = None  # how the last question ended, if not with an answer
        self.began = 0  # the turn of the last question
        self.ended = 0  # the turn of its end


class Memory(Generic[V]):
    """Answers by key, from a function that asks for one.

    `ask` raises `PeopleUnavailableError`, or `BusyError` to be left alone. An answer is good for `ttl` seconds of the
    `clock`, counted from the question; while the source is busy, one up to `stale_for` seconds old still serves those
    who do not ask afresh. Of more than `most` keys, those not used for longest are forgotten.
    """

    def __init__(
        self,
        ask: Callable[[str], Awaitable[V]],
        *,
        clock: Callable[[], float],
        ttl: float,
        stale_for: float,
        most: int,
    ) -> None:
        self._ask = ask
        self._clock = clock
        self._ttl = ttl
        self._stale_for = stale_for
        self._most = most
        self._entries: OrderedDict[str, _Entry[V]] = OrderedDict()
        self._turns = itertools.count(1)
        self._busy_until = float("-inf")

    def known(self, key: str) -> V | None:
        """Return a good answer without asking anybody, or None."""
        entry = self._entries.get(key)
        return None if entry is None else self._younger_than(self._ttl, entry)

    async def get(self, key: str, *, fresh: bool) -> V:
        """Return the answer for a key; with `fresh`, to a question that was put after this call.

        Raises `PeopleUnavailableError`.
        """
        called = next(self._turns)
        if not fresh and (value := self.known(key)) is not None:
            self._entries.move_to_end(key)
            return value
        entry = self._entry(key)
        async with entry.lock:
            # Somebody else may have asked while this call waited for the lock: their answer, or failure, is ours too.
            if (entry.began if fresh else entry.ended) < called:
                await self._put_question(key, entry)
            return self._outcome(entry, fresh=fresh)

    async def _put_question(self, key: str, entry: _Entry[V]) -> None:
        began, asked_at = next(self._turns), self._clock()
        error: PeopleUnavailableError | None = None
        if asked_at < self._busy_until:
            error = BusyError(self._busy_until - asked_at)
        else:
            try:
                entry.value, entry.read_at = await self._ask(key), asked_at
            except PeopleUnavailableError as failure:
                error = failure
                if isinstance(failure, BusyError):
                    self._busy_until = self._clock() + failure.retry_after
        entry.error, entry.began, entry.ended = error, began, next(self._turns)

    def _outcome(self, entry: _Entry[V], *, fresh: bool) -> V:
        """Return what the last question came to, or an older answer where that is good enough."""
        if entry.error is None and entry.value is not None:
            return entry.value
        if isinstance(entry.error, BusyError) and not fresh:
            older = self._younger_than(self._stale_for, entry)
            if older is not None:
                return older
        raise entry.error or PeopleUnavailableError

    def _younger_than(self, limit: float, entry: _Entry[V]) -> V | None:
        return entry.value if self._clock() - entry.read_at < limit else None

    def _entry(self, key: str) -> _Entry[V]:
        entry = self._entries.setdefault(key, _Entry())
        self._entries.move_to_end(key)
        while len(self._entries) > self._most:
            self._entries.popitem(last=False)
        return entry
