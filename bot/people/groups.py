"""Who is in which user group: one question to Slack for all groups, shared by everybody who clicks.

`usergroups.list` tells the members of every group at once, so that forty people who use twenty-five routes with a
group each cost one call a minute. Where Slack refuses it, or asks for a pause, `usergroups.users.list` tells the
members of one group: slower, and with a limit of its own.

A group that is disabled, unknown to Slack, or not readable by the bot is no empty group. Whom it would exclude nobody
can tell, so it is told apart, and the operator reads of it in the log.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.people.asking import RefusedError, read
from bot.people.memory import Memory
from bot.slack_errors import NoGroupError
from handlers.models import Frozen
from handlers.people import PeopleUnavailableError

_ALL: Final = ""  # the only key of the listing
_MOST_GROUPS: Final = 1_000
_LISTING_REFUSED_FOR: Final = 600.0  # seconds without trying the listing again after it was refused
_CROWD: Final = 15  # listings within a minute; Slack allows about 20
_CROWD_AGE: Final = 4.0  # seconds; so that a crowd asks 15 times a minute
_MOST_SINGLE: Final = 5  # groups that are asked for one by one while the listing is not answered
_SAID_EVERY: Final = 3600.0  # seconds between two log lines about the same group


class Members(Frozen):
    """The members of a group; None when it has none that anybody could tell: it is disabled, or unknown."""

    users: frozenset[str] | None


class _Group(Frozen):
    """A group of `usergroups.list` (https://docs.slack.dev/reference/methods/usergroups.list)."""

    id: str
    date_delete: int = 0  # when it was disabled
    users: frozenset[str] | None = None


class _Listing(Frozen):
    usergroups: tuple[_Group, ...]


class _GroupAnswer(Frozen):
    users: frozenset[str]


class Groups:
    """The members of user groups, by the group's id."""

    def __init__(
        self,
        client: AsyncWebClient,
        *,
        clock: Callable[[], float],
        ttl: float,
        refresh_after: float,
        stale_for: float,
        longest: float,
    ) -> None:
        self._client = client
        self._clock = clock
        self._longest = longest
        self._log = structlog.get_logger(__name__)
        self._listing: Memory[Mapping[str, Members]] = Memory(
            self._ask_listing,
            clock=clock,
            ttl=ttl,
            refresh_after=refresh_after,
            stale_for=stale_for,
            most=1,
            crowd=_CROWD,
            crowd_age=_CROWD_AGE,
        )
        self._single = Memory(self._ask_group, clock=clock, ttl=ttl, stale_for=stale_for, most=_MOST_GROUPS)
        self._listing_refused_until = float("-inf")
        self._said_at: dict[str, float] = {}

    def known(self, group: str) -> Members | None:
        """Return a good answer without asking anybody, or None."""
        listing = self._listing.known(_ALL)
        return (listing or {}).get(group) or self._single.known(group)

    async def get(self, group: str, *, fresh: bool) -> Members:
        """Return the members of a group; with `fresh`, as they were after this call. Raises `PeopleUnavailableError`."""
        listing = await self._listed(1, fresh=fresh)
        return listing[group] if group in listing else await self._single.get(group, fresh=fresh)

    async def get_all(self, groups: frozenset[str], *, fresh: bool) -> dict[str, Members]:
        """Return the members of some groups; of one that Slack refuses to tell of, that nobody can tell them.

        Raises `PeopleUnavailableError`.
        """
        if not groups:
            return {}
        listing = await self._listed(len(groups), fresh=fresh)
        found = {group: listing[group] for group in groups & listing.keys()}
        missing = sorted(groups - listing.keys())
        found |= zip(missing, await asyncio.gather(*(self._told(group, fresh=fresh) for group in missing)), strict=True)
        return found

    async def _told(self, group: str, *, fresh: bool) -> Members:
        try:
            return await self._single.get(group, fresh=fresh)
        except RefusedError as refusal:
            self.tell_of(group, refusal.found.words)
            return Members(users=None)

    async def _listed(self, wanted: int, *, fresh: bool) -> Mapping[str, Members]:
        """Return every group that the listing tells of; none where it is refused.

        Neither where it is not answered, if the other method may be asked for as many as are `wanted`: its limit is
        another one. Raises `PeopleUnavailableError`.
        """
        if self._clock() < self._listing_refused_until:
            return {}
        try:
            return await self._listing.get(_ALL, fresh=fresh)
        except RefusedError as refusal:
            self._listing_refused_until = self._clock() + _LISTING_REFUSED_FOR
            self._log.warning("user groups are read one by one", method="usergroups.list", error=refusal.found.words)
        except PeopleUnavailableError:
            if wanted > _MOST_SINGLE:
                raise
        return {}

    def tell_of(self, group: str, why: str) -> None:
        """Tell the operator of a group whose members nobody can tell, not more often than once in a while."""
        now = self._clock()
        if now - self._said_at.get(group, float("-inf")) >= _SAID_EVERY:
            self._said_at[group] = now
            self._log.warning(
                "a user group cannot be read: it allows nobody, and a route that denies it refuses everybody",
                group=group,
                reason=why,
            )

    async def _ask_listing(self, _: str) -> Mapping[str, Members]:
        call = self._client.usergroups_list(include_users=True, include_disabled=True)
        groups = (await read(call, _Listing, self._longest)).usergroups
        return {
            group.id: Members(users=None if group.date_delete else group.users)
            for group in groups
            if group.date_delete or group.users is not None  # without its members it is asked for by itself
        }

    async def _ask_group(self, group: str) -> Members:
        try:
            call = self._client.usergroups_users_list(usergroup=group)
            return Members(users=(await read(call, _GroupAnswer, self._longest)).users)
        except RefusedError as refusal:
            if not isinstance(refusal.found, NoGroupError):
                raise
            return Members(users=None)
