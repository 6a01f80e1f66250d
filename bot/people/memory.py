"""Answers from Slack that many clicks share: kept for a while, bounded in number, asked for once at a time.

Slack allows about 20 looks at user groups a minute. Without a memory shared by all clicks a busy morning would end
in refusals for want of an answer; with one that forgets nothing, whoever was taken out of the approvers would go on
approving. And twenty people who click on the same message must not put the same question twenty times.
"""

import asyncio
import itertools
import math
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from typing import Final, Generic, TypeVar

from handlers.people import PeopleUnavailableError

V = TypeVar("V")

_MINUTE: Final = 60.0


class BusyError(PeopleUnavailableError):
    """Slack asks to be left alone for some seconds (HTTP 429)."""

    def __init__(self, retry_after: float) -> None:
        super().__init__(
            f"Slack cannot say for {retry_after:.0f} s whether you can do this, so nothing was done. "
            "Try again after that."
        )
        self.retry_after = retry_after


class _Entry(Generic[V]):
    """What is known under one key. Turns are counted, so that the order of questions and answers is certain."""

    def __init__(self) -> None:
        self.question: asyncio.Task[None] | None = None  # under way, for all who want its answer
        self.value: V | None = None  # the last good answer
        self.read_at = -math.inf  # the clock when `value` was asked for
        self.error: PeopleUnavailableError | None = None  # how the last question ended, if not with an answer
        self.began = 0  # the turn of the last question
        self.ended = 0  # the turn of its end


class Memory(Generic[V]):
    """Answers by key, from a function that asks for one.

    `ask` raises `PeopleUnavailableError`, or `BusyError` to be left alone. An answer is good for `ttl` seconds of the
    `clock`, counted from the question; one older than `refresh_after` is still given, while a new one is asked for in
    the background. While the source is busy, an answer up to `stale_for` seconds old still serves those who do not ask
    afresh. Of more than `most` keys, those not used for longest are forgotten.

    Once more than `crowd` questions were put within a minute, an answer up to `crowd_age` seconds old is fresh: a crowd
    that asks afresh shares its answers before the source asks for a pause and nobody gets one.

    A question belongs to nobody: whoever stops waiting for it leaves it to the others.
    """

    def __init__(
        self,
        ask: Callable[[str], Awaitable[V]],
        *,
        clock: Callable[[], float],
        ttl: float,
        stale_for: float,
        most: int,
        refresh_after: float = math.inf,
        crowd: float = math.inf,
        crowd_age: float = 0.0,
    ) -> None:
        self._ask = ask
        self._clock = clock
        self._ttl = ttl
        self._stale_for = stale_for
        self._most = most
        self._refresh_after = refresh_after
        self._crowd = crowd
        self._crowd_age = crowd_age
        self._asked_at: deque[float] = deque()  # the clock at the questions of the last minute, oldest first
        self._entries: OrderedDict[str, _Entry[V]] = OrderedDict()
        self._questions: set[asyncio.Task[None]] = set()
        self._turns = itertools.count(1)
        self._busy_until = -math.inf

    def known(self, key: str) -> V | None:
        """Return a good answer without asking anybody, or None."""
        entry = self._entries.get(key)
        return None if entry is None else self._younger_than(self._ttl, entry)

    def forget(self, key: str) -> None:
        """Let no answer that was given so far serve anybody."""
        self._entries.pop(key, None)

    async def get(self, key: str, *, fresh: bool, ttl: float = math.inf) -> V:
        """Return the answer for a key; with `fresh`, to a question that was put after this call.

        An answer older than `ttl` seconds is not good enough, where that is less than usual. Raises
        `PeopleUnavailableError`.
        """
        called = next(self._turns)
        entry = self._entry(key)
        if not fresh and (value := self._younger_than(min(ttl, self._ttl), entry)) is not None:
            if self._clock() - entry.read_at >= self._refresh_after:
                self._put_question(key, entry)
            return value
        if fresh and self._is_crowded() and (value := self._younger_than(self._crowd_age, entry)) is not None:
            return value
        # Somebody else may ask as well meanwhile: their answer, or failure, is ours too.
        while (entry.began if fresh else entry.ended) < called:
            await asyncio.shield(self._put_question(key, entry))
        return self._outcome(entry, fresh=fresh)

    def _is_crowded(self) -> bool:
        while self._asked_at and self._clock() - self._asked_at[0] >= _MINUTE:
            self._asked_at.popleft()
        return len(self._asked_at) >= self._crowd

    def _put_question(self, key: str, entry: _Entry[V]) -> "asyncio.Task[None]":
        """Ask, unless the question is under way; returns what ends with it."""
        if entry.question is None:
            entry.question = asyncio.create_task(self._question(key, entry))
            self._questions.add(entry.question)
            entry.question.add_done_callback(self._questions.discard)
        return entry.question

    async def _question(self, key: str, entry: _Entry[V]) -> None:
        began, asked_at = next(self._turns), self._clock()
        error: PeopleUnavailableError | None = None
        try:
            if asked_at < self._busy_until:
                error = BusyError(self._busy_until - asked_at)
            else:
                self._asked_at.append(asked_at)
                entry.value, entry.read_at = await self._ask(key), asked_at
        except PeopleUnavailableError as failure:
            error = failure
            if isinstance(failure, BusyError):
                self._busy_until = self._clock() + failure.retry_after
        finally:
            entry.error, entry.began, entry.ended = error, began, next(self._turns)
            entry.question = None

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
