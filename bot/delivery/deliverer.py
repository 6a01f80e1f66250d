"""The job that delivers a conversation: takes what is open, in order, and knows what to do when something does not go through.

A conversation is a channel, or one person's direct messages. The engine runs one job for it at a time, so that two processes
do not write into one channel, and a conversation that must wait holds up nobody else. A process that was stopped for long
may find that another one has gone on meanwhile: then the rows have changed or the send window has closed, and it says nothing.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import structlog

from bot.delivery.posting import Place, SlackPoster
from bot.delivery.rendering import Scene, render
from bot.delivery.showing import Showing, WaitError
from bot.delivery.throttle import Throttle
from bot.operations import Presentation
from bot.slack_errors import (
    NoThreadError,
    RefusedForNowError,
    ScopeError,
    SlackError,
    TokenError,
    TransientError,
)
from handlers import announcements
from handlers.execution.send_window import SendWindow
from handlers.jobs import LEFT_FOR, NewerVersionError
from handlers.models import Request, State
from handlers.routes import Route, Topology, retired_route
from handlers.store import SYSTEM, Announcement, ConversationState, Reader, Store
from handlers.tracing import traced

_GIVEN_UP_AFTER: Final = timedelta(days=30)  # for a refusal that can pass
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
_NOW: Final = timedelta()
_BATCH: Final = 20
_MOST_THREADS: Final = 3  # new beginnings of a thread that keeps being refused


class Deliverer:
    """Delivers conversations. `longest_call`: seconds after which no call to Slack is under way any more."""

    def __init__(
        self,
        store: Store,
        topology: Topology,
        poster: SlackPoster,
        throttle: Throttle,
        presentations: Mapping[str, Presentation],
        window: SendWindow,
        approvers: Callable[[Route, tuple[str, ...]], Awaitable[tuple[str, ...]]],
        *,
        longest_call: float,
    ) -> None:
        self._store = store
        self._topology = topology
        self._poster = poster
        self._throttle = throttle
        self._presentations = presentations
        self._window = window
        self._approvers = approvers
        self._longest_call = longest_call
        self._resting: dict[str, datetime] = {}  # conversations that must wait, as their rows say
        self._log = structlog.get_logger(__name__)

    async def deliver(self, conversation: str) -> None:
        """Deliver everything that a conversation has open, or as much as Slack takes now."""
        if self._store.clock() < self._resting.get(conversation, _LONG_AGO):
            return  # the sweep comes back when the conversation may speak again
        self._resting.pop(conversation, None)
        async with self._store.reading() as reader:
            state = await reader.conversations.get(conversation)
            if state.wait:
                self._resting[conversation] = self._store.clock() + state.wait
                return
            if not await self._open(reader, conversation):
                return
        self._throttle.learn(conversation, state.debt.total_seconds())
        wait = _NOW
        try:
            while batch := await self._opened(conversation):
                for announcement in batch:
                    if announcement.kind not in announcements.KINDS:  # what comes after it waits as well: in order
                        message = f"{announcement.key} is a {announcement.kind}"
                        raise NewerVersionError(message)
                    await self._deliver(announcement)
        except WaitError as waiting:
            wait = timedelta(seconds=waiting.seconds)
            self._resting[conversation] = self._store.clock() + wait
        finally:
            async with self._store.transaction() as transaction:
                debt = timedelta(seconds=self._throttle.debt(conversation))
                await transaction.conversations.note(conversation, ConversationState(wait, debt))

    async def _opened(self, conversation: str) -> Sequence[Announcement]:
        async with self._store.reading() as reader:
            return await self._open(reader, conversation)

    async def _open(self, reader: Reader, conversation: str) -> Sequence[Announcement]:
        """Return what a conversation has open, in order, without what was left to a newer version that never came for it."""
        most = _BATCH
        while True:
            found = await reader.outbox.undelivered(conversation, limit=most)
            batch = [
                each for each in found if each.kind in announcements.KINDS or reader.now - each.created_at < LEFT_FOR
            ]
            if batch or len(found) < most:
                return batch
            most *= 2

    async def _deliver(self, announcement: Announcement) -> None:
        showing = Showing(
            self._store, self._poster, self._throttle, self._window, announcement, longest_call=self._longest_call
        )
        try:
            scene, root = await self._scene(announcement)
            if announcement.thread_key is not None and root is None:
                await self._give_up(showing, "the message that starts its thread could not be posted")
                return
            trace = scene.request.trace if scene.request else None
            with traced(trace, announcement=announcement.key):
                thread_ts = root.ts if announcement.thread_key is not None and root is not None else None
                await showing.show(
                    render(scene, self._presentations, self._topology), thread_ts, ended=_is_over(scene.request)
                )
        except SlackError as error:
            await self._after(showing, error)

    async def _scene(self, announcement: Announcement) -> tuple[Scene, Place | None]:
        root_key = announcement.thread_key or announcement.data.get("root")
        if root_key is None and announcement.kind == announcements.DIRECT and announcement.request_id:
            root_key = announcements.approval_key(announcement.request_id)
        async with self._store.reading() as reader:
            request = await reader.requests.get(announcement.request_id) if announcement.request_id else None
            root = await reader.outbox.get(root_key) if root_key else None
            # a route that is gone, or leads elsewhere by now, is shown as it was when the request was made
            route = (self._topology.route_for(request) or retired_route(request)) if request else None
            freeze = await reader.freezes.get(route.name) if route else None
        posted = Place(root.channel, root.messages[0].ts) if root and root.channel and root.messages else None
        needs_link = announcement.kind in {announcements.NOTIFY, announcements.DIRECT}
        permalink = await self._poster.permalink(posted) if posted and needs_link else None
        return Scene(announcement, request, route, freeze, permalink), posted

    # ---- when something does not go through

    async def _after(self, showing: Showing, error: SlackError) -> None:
        announcement, rate_limit = showing.announcement, self._throttle.rate_limit
        match error:
            case TransientError():
                await showing.count()
                self._log.warning(
                    "an announcement waits",
                    announcement=announcement.key,
                    words=error.words,
                    attempts=announcement.attempts,
                )
                raise WaitError(error.seconds or rate_limit.wait_after(announcement.attempts)) from error
            case TokenError():
                self._log.error("Slack did not accept the bot token; everything waits", words=error.words)
                await showing.note_refused_post()
                raise WaitError(rate_limit.token_wait) from error
            case NoThreadError() if announcement.thread_key is not None and announcement.attempts < _MOST_THREADS:
                # a person deleted the beginning of the thread: it is shown anew, and comes first
                await showing.count(anew=announcement.thread_key)
                raise WaitError(rate_limit.first_wait) from error
            case RefusedForNowError() | ScopeError() if self._may_pass(announcement):
                await self._put_off(showing, error)
                raise WaitError(rate_limit.wait_after_refusal(announcement.attempts)) from error
            case _:
                await self._give_up(showing, error.words)

    def _may_pass(self, announcement: Announcement) -> bool:
        return self._store.clock() - announcement.ordered_at < _GIVEN_UP_AFTER

    async def _put_off(self, showing: Showing, error: RefusedForNowError | ScopeError) -> None:
        """Note that Slack refuses a message for now; the first time, tell operators and the requester."""
        announcement = showing.announcement
        await showing.count(failure=error.words)
        if announcement.failure == error.words:
            return
        advice = error.advice if isinstance(error, ScopeError) else "It is tried again, less and less often."
        self._log.error(
            "Slack refuses an announcement for now; its conversation waits",
            announcement=announcement.key,
            conversation=announcement.conversation,
            words=error.words,
            advice=advice,
        )
        await self._tell_undelivered(showing, error.words)

    async def _give_up(self, showing: Showing, words: str) -> None:
        """Leave a message that Slack will never take, tell the requester, and go on with the others."""
        announcement = showing.announcement
        self._log.error("an announcement cannot be delivered", announcement=announcement.key, words=words)
        await self._tell_undelivered(
            showing, words, failure=words, posting_at=None, delivered_version=announcement.desired_version
        )

    async def _tell_undelivered(self, showing: Showing, words: str, **columns: Any) -> None:  # noqa: ANN401 - columns of announcements
        """Record that a message is not delivered, and tell the requester, once for each conversation."""
        announcement = showing.announcement
        waiting = await self._waiting_for(announcement)
        async with showing.writing(**columns) as transaction:
            transaction.audit.record(
                "undelivered", SYSTEM, announcement.request_id, announcement=announcement.key, words=words
            )
            request = await transaction.requests.get(announcement.request_id) if announcement.request_id else None
            if request is not None and announcement.kind != announcements.DIRECT:
                await announcements.direct(
                    transaction,
                    request,
                    request.requester,
                    "channel_unreachable",
                    about=announcement.conversation,
                    channel=announcement.conversation,
                    why=words,
                    approvers=len(waiting),
                )
                for approver in waiting if request.state is State.PENDING else ():
                    await announcements.wanted(transaction, request, approver)

    async def _waiting_for(self, announcement: Announcement) -> tuple[str, ...]:
        """Return who can approve the request that an announcement would have shown them; nobody for any other."""
        if announcement.kind != announcements.APPROVAL or not announcement.request_id:
            return ()
        async with self._store.reading() as reader:
            request = await reader.requests.get(announcement.request_id)
        route = self._topology.route_for(request) if request is not None else None
        if request is None or route is None or request.state is not State.PENDING:
            return ()
        return await self._approvers(route, (request.requester, request.editor))


def _is_over(request: Request | None) -> bool:
    """Whether a request will not change any more."""
    return request is None or request.state.final
