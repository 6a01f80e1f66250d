"""The job that publishes App Homes: drawn when the person opens theirs, and again while they may be looking at it.

A home is looked at anew when the record has grown, at most once in five seconds, and less and less often while nothing
of it changes for this person. It is published only where it differs from what Slack shows.
"""

import hashlib
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

import structlog

from bot.operations import Presentation, presentation_of
from bot.slack_client import SlackClient
from bot.slack_errors import SLACK_ERRORS, RefusedForGoodError, SlackError, TransientError, read_error
from bot.views.home import home_unavailable_view, home_view
from bot.views.text import Block
from handlers.models import Request
from handlers.people import PeopleUnavailableError
from handlers.requests import Services, overview
from handlers.store import OpenHome
from handlers.store.tables import pack

_LONGEST_PAUSE: Final = timedelta(seconds=60)
_REFUSED_PAUSE: Final = timedelta(minutes=10)  # after a refusal that may pass
_UNAVAILABLE: Final = "Your requests cannot be loaded right now. tines-sync tries again by itself."


class HomePublisher:
    """Publishes App Homes; between two looks at one lies at least a `pause`."""

    def __init__(
        self,
        services: Services,
        client: SlackClient,
        presentations: Mapping[str, Presentation],
        *,
        pause: timedelta = timedelta(seconds=5),
    ) -> None:
        self._pause = pause
        self._services = services
        self._client = client
        self._presentations = presentations
        self._log = structlog.get_logger(__name__)

    async def publish(self, person: str) -> None:
        """Look at a person's home, and publish it if it says something else than before."""
        async with self._services.store.reading() as reader:
            home = await reader.homes.get(person)
        if home is None:
            return
        try:
            found, mark = await overview(self._services, person, home.pages)
        except PeopleUnavailableError as error:
            self._log.warning("an App Home is not known: Slack does not say who somebody is", words=str(error))
            await self._show(home, "", home_unavailable_view(_UNAVAILABLE))
            return
        await self._show(home, mark, home_view(found, self._presentation))

    def _presentation(self, request: Request) -> Presentation:
        return presentation_of(self._presentations, request)

    async def _show(self, home: OpenHome, mark: str, view: Block, least: timedelta = timedelta()) -> None:
        """Publish a view if it is new, and note it with when to look again; without a mark, it is looked at anyway."""
        shown = hashlib.sha256(pack(view).encode()).hexdigest()[:16]
        unchanged, failed = 0, None
        if shown == home.shown:
            unchanged = home.unchanged + 1
        else:
            failed = await self._published(home.person, view)
        if failed is not None:
            mark, shown, least = "", "", failed
        pause = max(least, min(self._pause * 2 ** min(unchanged, 8), _LONGEST_PAUSE))
        async with self._services.store.transaction() as transaction:
            again_at = transaction.now + pause
            await transaction.homes.drawn(home, mark=mark, shown=shown, unchanged=unchanged, again_at=again_at)

    async def _published(self, person: str, view: Block) -> timedelta | None:
        """Publish a view. Returns when to try again where Slack did not take it."""
        try:
            await self._client.views_publish(user_id=person, view=view)
        except SLACK_ERRORS as error:
            found = read_error(error)
            self._log.warning("an App Home was not shown", words=found.words)
            return max(self._pause, _wait_after(found))
        return None


def _wait_after(error: SlackError) -> timedelta:
    if isinstance(error, TransientError):
        return timedelta(seconds=error.seconds or 0)
    return timedelta(days=1) if isinstance(error, RefusedForGoodError) else _REFUSED_PAUSE
