"""Making Slack show exactly the messages of one announcement: posting what is new, editing what changed, deleting the rest.

What stands in Slack is noted after every single step, so that a crash between any two of them repeats none. A message
that Slack refuses as blocks goes out as text, in as many messages as that takes: it is never dropped.
"""

import hashlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, Final

import structlog

from bot.delivery.posting import Place, SlackPoster
from bot.delivery.throttle import Throttle
from bot.slack_errors import (
    BlocksError,
    EditClosedError,
    GoneError,
    RefusedForGoodError,
    SlackError,
    UnknownOutcomeError,
)
from bot.views.fallback_text import plain_only, simpler
from bot.views.text import Message
from handlers import announcements
from handlers.execution.send_window import SendWindow
from handlers.store import SYSTEM, Announcement, Posted, Store, Transaction
from handlers.store.tables import pack

_LOOK_BACK: Final = timedelta(hours=1)  # clocks differ, Slack's as well
_OUTDATED: Final = ""  # the mark of a message of which nobody knows what it says
_TAKEN_OVER: Final = 1.0  # seconds until a conversation is looked at anew that another process has gone on with


class WaitError(Exception):
    """The conversation has to wait."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class Showing:
    """Shows one announcement. Methods raise `SlackError`, and `WaitError` when another process has gone on with it."""

    def __init__(
        self,
        store: Store,
        poster: SlackPoster,
        throttle: Throttle,
        window: SendWindow,
        announcement: Announcement,
        *,
        longest_call: float,
    ) -> None:
        self._store = store
        self._poster = poster
        self._throttle = throttle
        self._window = window
        self._opened = window.opened()
        self._longest_call = longest_call
        self.announcement = announcement
        self._standing = list(announcement.messages)
        self._posting_at = announcement.posting_at
        self._noted = announcement.messages, announcement.posting_at  # as the row says, as far as this process knows
        self._first: Place | None = None  # the first message, when it was posted just now
        self._is_anew = announcement.delivered_version > 0  # whether a first message stood before
        self._ended = True
        self._log = structlog.get_logger(__name__)

    @asynccontextmanager
    async def writing(self, **columns: Any) -> AsyncIterator[Transaction]:  # noqa: ANN401 - columns of announcements
        """Open a transaction that notes something of the announcement, if nobody else has gone on with it."""
        opened = self._window.opened()
        async with self._store.transaction() as transaction:
            row = await transaction.outbox.locked(self.announcement.key)
            if row is None or (row.messages, row.posting_at) != self._noted:
                raise WaitError(_TAKEN_OVER)
            if columns:
                await transaction.outbox.update(self.announcement.key, **columns)
            yield transaction
        self._noted = columns.get("messages", row.messages), columns.get("posting_at", row.posting_at)
        self._opened = opened

    async def show(self, messages: Sequence[Message], thread_ts: str | None, *, ended: bool = True) -> None:
        """Make Slack show exactly these messages, in this order.

        `ended`: whether nothing will change any more. Until then, a message that may be edited no more is shown anew
        only where people need it: the thread beneath it tells what happens meanwhile.
        """
        self._ended = ended
        channel = self.announcement.channel or await self._poster.channel_of(self.announcement.conversation)
        await self._leave_other_threads(channel, thread_ts)
        await self._find_lost(channel, thread_ts)
        wanted = list(messages)
        number = 0
        while number < len(wanted):
            try:
                last = number + 1 == len(wanted) >= len(self._standing)
                await self._show_one(channel, number, wanted[number], thread_ts, last=last)
            except RefusedForGoodError as error:
                if not wanted[number].blocks and (not isinstance(error, BlocksError) or _is_short(wanted[number])):
                    raise
                self._log.warning(
                    "Slack refused the blocks; sending something simpler", key=self._key(number), words=error.words
                )
                wanted[number : number + 1] = simpler(wanted[number])
            else:
                number += 1
        await self._cut_to(channel, len(wanted))
        async with self.writing(
            channel=channel,
            messages=tuple(self._standing),
            posting_at=None,
            delivered_version=self.announcement.desired_version,  # not more: what was ordered meanwhile is still open
            attempts=0,
            failure=None,
        ) as transaction:
            await self._record_first(transaction)

    async def count(self, *, anew: str | None = None, failure: str | None = None) -> None:
        """Note a try that did not work, and why if Slack refused it for now.

        `anew` is the key of an announcement that has to be posted again first.
        """
        refused = {} if failure is None else {"failure": failure}
        attempts = self.announcement.attempts + 1
        async with self.writing(attempts=attempts, posting_at=self._posting_at, **refused) as transaction:
            if anew is not None:
                await transaction.outbox.update(anew, messages=(), posting_at=None)
                await transaction.outbox.refresh(anew)

    async def note_refused_post(self) -> None:
        """Note that a post that was begun surely is not there, so that nobody waits for it to appear."""
        if self._posting_at != self._noted[1]:
            async with self.writing(posting_at=self._posting_at):
                pass

    async def _find_lost(self, channel: str, thread_ts: str | None) -> None:
        """Look for the message whose post had no answer, the one after those that surely stand, before anything else."""
        if self._posting_at is None:
            return
        number = len(self._standing)
        found = await self._poster.find(
            channel, self._key(number), thread_ts=thread_ts, oldest=(self._posting_at - _LOOK_BACK).timestamp()
        )
        if found is None and (left := self._may_still_appear(number)):
            raise WaitError(left)
        self._posting_at = None
        if found is not None:
            self._standing.append(Posted(ts=found.ts, hash=_OUTDATED, thread_ts=thread_ts))
            self._first = found if number == 0 else self._first
            await self._note(channel)

    def _may_still_appear(self, number: int) -> float:
        """Return for how many seconds a post that another process began may still arrive, by this one's own clock."""
        over = self._window.seconds + self._longest_call
        return max(0.0, over - self._window.seen_for((self._key(number), self._posting_at)))

    async def _leave_other_threads(self, channel: str, thread_ts: str | None) -> None:
        """Delete what stands in another thread than the one of now: its head was posted anew."""
        if any(each.thread_ts not in {None, thread_ts} for each in self._standing):
            await self._cut_to(channel, 0)

    async def _mark_replaced(self, old: Place, number: int, thread_ts: str | None) -> None:
        """Take away a message that may be edited no more, or say beneath it where it goes on, if Slack lets us."""
        new = Place(old.channel, self._standing[number].ts)
        try:
            if thread_ts is not None:
                await self._poster.delete(old)
                return
            link = await self._poster.permalink(new)
            where = f"<{link}|in a new message>" if link else "in a new message"
            await self._poster.reply(
                old.channel, old.ts, f"Slack no longer allows edits of the message above. It continues {where}."
            )
        except SlackError as error:
            self._log.info("a message that was replaced is not marked", key=self._key(number), words=error.words)

    async def _show_one(
        self, channel: str, number: int, message: Message, thread_ts: str | None, *, last: bool
    ) -> None:
        """Show one message; what came of the last one is noted together with the whole delivery."""
        if number < len(self._standing):
            if self._standing[number].hash == _mark(message):
                return
            standing = self._standing[number]
            try:
                await self._edit(Place(channel, standing.ts), number, message)
            except EditClosedError:
                if not (self._ended or _buttons(message) - set(standing.buttons)):
                    return
                await self._cut_to(channel, number, gone=1)
                await self._post_one(channel, number, message, thread_ts, last=False)
                await self._mark_replaced(Place(channel, standing.ts), number, thread_ts)
                return
            except GoneError:
                # a person deleted it, or it is not ours: show it anew, and what follows after it
                await self._cut_to(channel, number, gone=1)
            else:
                self._standing[number] = _posted(standing.ts, message, thread_ts)
                if not last:
                    await self._note(channel)
                return
        await self._post_one(channel, number, message, thread_ts, last=last)

    async def _post_one(
        self, channel: str, number: int, message: Message, thread_ts: str | None, *, last: bool
    ) -> None:
        posted = await self._post(channel, number, message, thread_ts)
        self._standing.append(_posted(posted.ts, message, thread_ts))
        self._first = posted if number == 0 else self._first
        if not last:
            await self._note(channel)

    async def _post(self, channel: str, number: int, message: Message, thread_ts: str | None) -> Place:
        self._wait_for_the_turn()
        if thread_ts is not None:
            await self._poster.check_head(Place(channel, thread_ts))
        self._posting_at = self._store.clock()
        async with self.writing(channel=channel, messages=tuple(self._standing), posting_at=self._posting_at):
            pass  # from the commit on the message may be there
        self._check_window()
        try:
            return await self._poster.post(channel, message, key=self._key(number), thread_ts=thread_ts)
        except UnknownOutcomeError:
            self._window.ended((self._key(number), self._posting_at))
            raise
        except SlackError:
            self._posting_at = None  # surely not there
            raise

    async def _edit(self, place: Place, number: int, message: Message) -> None:
        self._wait_for_the_turn()
        self._check_window()
        await self._poster.edit(place, message, key=self._key(number))

    async def _cut_to(self, channel: str, length: int, *, gone: int = 0) -> None:
        """Delete what stands beyond a length; the first `gone` of that are not there any more."""
        for left_over in self._standing[length + gone :]:
            self._check_window()
            await self._poster.delete(Place(channel, left_over.ts))
        if len(self._standing) > length:
            del self._standing[length:]
            await self._note(channel)

    async def _note(self, channel: str) -> None:
        """Write down what stands in Slack now; nothing is under way."""
        self._posting_at = None
        async with self.writing(channel=channel, messages=tuple(self._standing), posting_at=None) as transaction:
            await self._record_first(transaction)

    async def _record_first(self, transaction: Transaction) -> None:
        """Record where an announcement was posted, once it is; what stood in a thread before it follows to the new one."""
        if self._first is not None and self._is_anew:
            await transaction.outbox.refresh_thread(self.announcement.key, but_not=announcements.NOTE)
        if self._first is not None and self.announcement.request_id is not None:
            transaction.audit.record(
                "announced",
                SYSTEM,
                self.announcement.request_id,
                announcement=self.announcement.kind,
                channel=self._first.channel,
                ts=self._first.ts,
            )
        self._first = None

    def _key(self, number: int) -> str:
        return f"{self.announcement.key}#{number}"

    def _wait_for_the_turn(self) -> None:
        if wait := self._throttle.take(self.announcement.conversation):
            raise WaitError(wait)

    def _check_window(self) -> None:
        """Say nothing when this process stood still for so long that another one may have gone on meanwhile."""
        if not self._opened.open:
            raise WaitError(_TAKEN_OVER)


def _posted(ts: str, message: Message, thread_ts: str | None) -> Posted:
    return Posted(ts=ts, hash=_mark(message), thread_ts=thread_ts, buttons=tuple(sorted(_buttons(message))))


def _buttons(message: Message) -> set[str]:
    """Return the marks of what can be clicked in a message, each with what it is about."""
    elements = [each for block in message.blocks if block.get("type") == "actions" for each in block["elements"]]
    return {
        hashlib.sha256(f"{each.get('action_id')} {each.get('value')}".encode()).hexdigest()[:8]
        for each in elements
        if each.get("value")
    }


def _is_short(message: Message) -> bool:
    """Whether a text is as short as it gets: one piece of one."""
    return len(plain_only(message)) == 1


def _mark(message: Message) -> str:
    return hashlib.sha256(pack([message.text, message.blocks]).encode()).hexdigest()[:16]
