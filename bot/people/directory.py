"""Who is behind an id, and what may be said of them: the questions about people that are put to Slack.

Methods used: `users.info` (scope `users:read`), `usergroups.list` and `usergroups.users.list` (`usergroups:read`),
and `auth.test`; see https://docs.slack.dev/reference/methods.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from slack_sdk.web.async_client import AsyncWebClient

from bot.people.asking import NO_ANSWER, RefusedError, UnavailableError, read
from bot.people.groups import Groups, Members
from bot.people.home import Home, User
from bot.people.memory import Memory
from bot.slack_errors import NoUserError
from handlers.models import Frozen
from handlers.people import Identity, PeopleUnavailableError, Person

_SLACKBOT: Final = "USLACKBOT"  # Slack's own bot, whose `is_bot` is false
_MOST_USERS: Final = 10_000
_HOME: Final = ""  # the only key of the home
_HOME_FOR: Final = 3600.0  # seconds
_DOUBTED_FOR: Final = 60.0  # seconds; somebody is called an outsider only by what was read within them
_LONGEST: Final = 5.0  # seconds of one question, which others than the first to ask may wait for

T = TypeVar("T")


class _UserAnswer(Frozen):
    user: User


class SlackPeople:
    """Looks people up in the workspace of the client's token; fulfils `handlers.people.People`.

    `clock` gives seconds that only grow. An answer is used for `ttl` seconds, and asked for again in the background
    shortly before. While Slack asks to be left alone (429), one up to `stale_for` seconds old still serves those who
    do not ask afresh. `timeout` bounds one look-up in seconds: a click must be answered within three, and a refusal
    takes two look-ups.
    """

    def __init__(
        self,
        client: AsyncWebClient,
        *,
        clock: Callable[[], float] = time.monotonic,
        ttl: float = 60.0,
        stale_for: float = 600.0,
        timeout: float = 1.2,
    ) -> None:
        self._client = client
        self._timeout = timeout
        self._longest = max(timeout, _LONGEST)
        self._home = Memory(self._ask_home, clock=clock, ttl=_HOME_FOR, stale_for=_HOME_FOR, most=1)
        again = 0.75 * ttl
        self._users = Memory(
            self._ask_user, clock=clock, ttl=ttl, refresh_after=again, stale_for=stale_for, most=_MOST_USERS
        )
        self._groups = Groups(
            client, clock=clock, ttl=ttl, refresh_after=again, stale_for=stale_for, longest=self._longest
        )
        self._ids: OrderedDict[str, frozenset[str]] = OrderedDict()  # what is stored of a person → all their ids

    async def identity(self, user_id: str) -> Identity:
        """Return whom an id means. Outside organisations nobody has a second id, and nobody is asked for.

        Raises `PeopleUnavailableError`.
        """
        return await self._in_time(self._identified(user_id))

    async def _identified(self, user_id: str) -> Identity:
        home = await self._home.get(_HOME, fresh=False)
        if not home.enterprise_id:
            return Identity(id=user_id)
        person = await self._users.get(user_id, fresh=False)
        return Identity(id=person.id, ids=self._ids.get(person.id, person.ids))

    async def person(self, user_id: str, groups: frozenset[str], *, fresh: bool = False) -> Person:
        """Return the person with those of `groups` (ids of user groups) they are a member of.

        With `fresh`, only answers to questions put to Slack after this call are used. Whoever is unknown to Slack, or
        not proven to be from here, is a guest. Raises `PeopleUnavailableError`.
        """
        person, members = await self._in_time(self._look_up(user_id, groups, fresh=fresh))
        return self._joined(person, members)

    async def members(self, group: str) -> frozenset[str]:
        """Return the user ids of a user group's members; none where it is disabled or unknown to Slack.

        Raises `PeopleUnavailableError`.
        """
        return self._users_of(group, await self._in_time(self._groups.get(group, fresh=False)))

    def cached_members(self, group: str) -> frozenset[str] | None:
        """Return what `members` would, without asking anybody; None when it is not known."""
        known = self._groups.known(group)
        return None if known is None else self._users_of(group, known)

    def cached_person(self, user_id: str, groups: frozenset[str]) -> Person | None:
        """Return what is known without asking anybody, or None when something of it is not known."""
        person = self._users.known(user_id)
        members = {group: known for group in groups if (known := self._groups.known(group)) is not None}
        if person is None or len(members) < len(groups):
            return None
        return self._joined(person, members)

    async def _look_up(self, user_id: str, groups: frozenset[str], *, fresh: bool) -> tuple[Person, dict[str, Members]]:
        try:
            async with asyncio.TaskGroup() as tasks:
                person = tasks.create_task(self._users.get(user_id, fresh=fresh))
                members = tasks.create_task(self._groups.get_all(groups, fresh=fresh))
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from errors  # one reason is enough for the person who clicked
        return person.result(), members.result()

    async def _in_time(self, look: Coroutine[Any, Any, T]) -> T:
        try:
            async with asyncio.timeout(self._timeout):
                return await look
        except TimeoutError as error:
            raise PeopleUnavailableError(NO_ANSWER) from error

    def _users_of(self, group: str, members: Members) -> frozenset[str]:
        if members.users is None:
            self._groups.tell_of(group, "disabled or unknown")
        return members.users or frozenset()

    def _joined(self, person: Person, members: dict[str, Members]) -> Person:
        ids = self._ids.get(person.id, person.ids)
        unreadable = frozenset(group for group, each in members.items() if each.users is None)
        for group in unreadable:
            self._groups.tell_of(group, "disabled or unknown")
        mine = frozenset(group for group, each in members.items() if each.users and not ids.isdisjoint(each.users))
        return person.model_copy(update={"ids": ids, "groups": mine, "unreadable": unreadable})

    async def _ask_home(self, _: str) -> Home:
        return await read(self._client.auth_test(), Home, self._longest)

    async def _ask_user(self, user_id: str) -> Person:
        try:
            user = (await read(self._client.users_info(user=user_id), _UserAnswer, self._longest)).user
            from_here = await self._is_from_here(user)
        except (RefusedError, UnavailableError) as error:
            if error.home_may_have_changed:
                self._home.forget(_HOME)
            if isinstance(error, RefusedError) and isinstance(error.found, NoUserError):
                return Person(id=user_id, guest=True)
            raise
        person = Person(
            id=user.enterprise_user.id or user.id,
            ids=frozenset({user_id, user.id, user.enterprise_user.id} - {""}),
            guest=user.is_guest or not from_here,
            deactivated=user.deleted,
            bot=user.is_bot or user.is_workflow_bot or user_id == _SLACKBOT,
        )
        self._remember_ids(person)
        return person

    async def _is_from_here(self, user: User) -> bool:
        """Whether the user is from here: a home that was read long ago makes nobody an outsider."""
        if user.is_from(await self._home.get(_HOME, fresh=False)):
            return True
        return user.is_from(await self._home.get(_HOME, fresh=False, ttl=_DOUBTED_FOR))

    def _remember_ids(self, person: Person) -> None:
        """Keep every id under which a person was met: Slack may tell one of them only where another was asked for."""
        self._ids[person.id] = self._ids.get(person.id, frozenset()) | person.ids
        self._ids.move_to_end(person.id)
        while len(self._ids) > _MOST_USERS:
            self._ids.popitem(last=False)
