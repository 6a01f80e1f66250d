"""The questions about people that are put to Slack, and what its answers mean for the rules.

Prevents a guess where Slack gave no answer: everything that is not a readable answer becomes
`PeopleUnavailableError`, with a sentence for the person who clicked, and nothing is decided.

Methods used: `users.info` (scope `users:read`), `usergroups.users.list` (`usergroups:read`) and, once, `auth.test`;
see https://docs.slack.dev/reference/methods.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, TypeVar

import aiohttp
import structlog
from pydantic import BaseModel, ValidationError
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from bot.people.memory import BusyError, Memory
from handlers.models import Frozen
from handlers.people import PeopleUnavailableError, Person

_SLACKBOT: Final = "USLACKBOT"  # Slack's own bot, whose `is_bot` is false
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500
_OUTAGE: Final = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout"})
_UNKNOWN_USER: Final = frozenset({"user_not_found", "user_not_visible"})
_NO_GROUP: Final = frozenset({"no_such_subteam", "subteam_disabled"})  # deleted, or deactivated
_DEFAULT_PAUSE: Final = 30.0  # seconds, where a 429 does not say for how long
_LONGEST_PAUSE: Final = 600.0  # seconds; a senseless header must not silence us for good
_MOST_USERS: Final = 10_000
_MOST_GROUPS: Final = 1_000
_NO_ANSWER: Final = "Slack did not say who may do this, so nothing was done. Try again in a moment."

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)


class _RefusedError(PeopleUnavailableError):
    """Slack answered, and said no. `code` is Slack's word for it."""

    def __init__(self, code: str) -> None:
        super().__init__(
            f"Slack refused to say who may do this ({code}), so nothing was done. Tell whoever runs tines-sync."
        )
        self.code = code


class _Home(Frozen):
    """Whose people are no guests: the workspace of the token, and its organisation."""

    team_id: str
    enterprise_id: str | None = None


class _EnterpriseUser(Frozen):
    enterprise_id: str = ""


class _User(Frozen):
    """A user object, as https://docs.slack.dev/reference/objects/user-object describes it."""

    id: str
    team_id: str = ""
    deleted: bool = False
    is_bot: bool = False
    is_restricted: bool = False  # multi-channel guest
    is_ultra_restricted: bool = False  # single-channel guest
    is_stranger: bool = False  # of another workspace, and in no channel shared with this app
    enterprise_user: _EnterpriseUser | None = None

    def is_foreign(self, home: _Home) -> bool:
        """Whether the user belongs to another workspace: `is_stranger` is false for those in a shared channel."""
        if self.is_stranger:
            return True
        if self.team_id in {"", home.team_id, home.enterprise_id}:
            return False
        own_enterprise = self.enterprise_user.enterprise_id if self.enterprise_user else ""
        return not own_enterprise or own_enterprise != home.enterprise_id


class _UserAnswer(Frozen):
    user: _User


class _GroupAnswer(Frozen):
    users: frozenset[str]


class SlackPeople:
    """Looks people up in the workspace of the client's token; fulfils `handlers.people.People`.

    `clock` gives seconds that only grow. An answer is used for `ttl` seconds. While Slack asks to be left alone (429),
    one up to `stale_for` seconds old still serves those who do not ask afresh. `patience` bounds one look-up in
    seconds: a click must be answered within three, and a refusal takes two look-ups.
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
        self._log = structlog.get_logger(__name__)
        self._home = Memory(self._ask_home, clock=clock, ttl=math.inf, stale_for=math.inf, most=1)
        self._users = Memory(self._ask_user, clock=clock, ttl=ttl, stale_for=stale_for, most=_MOST_USERS)
        self._groups = Memory(self._ask_group, clock=clock, ttl=ttl, stale_for=stale_for, most=_MOST_GROUPS)

    async def person(self, user_id: str, groups: frozenset[str], *, fresh: bool = False) -> Person:
        """Return the person with those of `groups` (ids of user groups) they are a member of.

        With `fresh`, only answers to questions put to Slack after this call are used. Whoever is unknown to Slack, or
        from another workspace, is a guest. Raises `PeopleUnavailableError`.
        """
        person, members = await self._in_time(self._look_up(user_id, groups, fresh=fresh))
        return _joined(person, members)

    async def members(self, group: str) -> frozenset[str]:
        """Return the user ids of a user group's members; none where it is deactivated or unknown to Slack.

        Raises `PeopleUnavailableError`.
        """
        return await self._in_time(self._groups.get(group, fresh=False))

    def cached_person(self, user_id: str, groups: frozenset[str]) -> Person | None:
        """Return what is known without asking anybody, or None when something of it is not known."""
        person = self._users.known(user_id)
        members = {group: known for group in groups if (known := self._groups.known(group)) is not None}
        if person is None or len(members) < len(groups):
            return None
        return _joined(person, members)

    async def _look_up(
        self, user_id: str, groups: frozenset[str], *, fresh: bool
    ) -> tuple[Person, dict[str, frozenset[str]]]:
        try:
            async with asyncio.TaskGroup() as tasks:
                person = tasks.create_task(self._users.get(user_id, fresh=fresh))
                members = {group: tasks.create_task(self._groups.get(group, fresh=fresh)) for group in sorted(groups)}
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from errors  # one reason is enough for the person who clicked
        return person.result(), {group: task.result() for group, task in members.items()}

    async def _in_time(self, look: Coroutine[Any, Any, T]) -> T:
        try:
            async with asyncio.timeout(self._timeout):
                return await look
        except TimeoutError as error:
            raise PeopleUnavailableError(_NO_ANSWER) from error

    async def _ask_home(self, _: str) -> _Home:
        return await _read(self._client.auth_test(), _Home)

    async def _ask_user(self, user_id: str) -> Person:
        home = await self._home.get("", fresh=False)
        try:
            user = (await _read(self._client.users_info(user=user_id), _UserAnswer)).user
        except _RefusedError as refusal:
            if refusal.code in _UNKNOWN_USER:
                return Person(id=user_id, guest=True)
            raise
        return Person(
            id=user_id,
            guest=user.is_restricted or user.is_ultra_restricted or user.is_foreign(home),
            deactivated=user.deleted,
            bot=user.is_bot or user_id == _SLACKBOT,
        )

    async def _ask_group(self, group: str) -> frozenset[str]:
        try:
            return (await _read(self._client.usergroups_users_list(usergroup=group), _GroupAnswer)).users
        except _RefusedError as refusal:
            if refusal.code not in _NO_GROUP:
                raise
            self._log.warning("a user group is deactivated or unknown and counts as empty", group=group)
            return frozenset()


def _joined(person: Person, members: dict[str, frozenset[str]]) -> Person:
    mine = frozenset(group for group, users in members.items() if person.id in users)
    return person.model_copy(update={"groups": mine})


async def _read(call: Awaitable[AsyncSlackResponse], shape: type[M]) -> M:
    """Await a call and read its answer; every way in which there is none becomes `PeopleUnavailableError`."""
    try:
        return shape.model_validate((await call).data)
    except SlackApiError as error:
        raise _meaning(error) from error
    # AttributeError: the SDK takes an answer of type text/plain for a mapping.
    except (SlackClientError, aiohttp.ClientError, OSError, TimeoutError, AttributeError, ValidationError) as error:
        raise PeopleUnavailableError(_NO_ANSWER) from error


def _meaning(error: SlackApiError) -> PeopleUnavailableError:
    response = error.response
    if not isinstance(response, AsyncSlackResponse):
        return PeopleUnavailableError(_NO_ANSWER)  # a body that is not JSON
    if response.status_code == _TOO_MANY:
        return BusyError(_pause(response.headers.get("Retry-After")))
    code = response.data.get("error") if isinstance(response.data, dict) else None
    if code == "ratelimited":
        return BusyError(_DEFAULT_PAUSE)
    if not isinstance(code, str) or code in _OUTAGE or response.status_code >= _SERVER_ERROR:
        return PeopleUnavailableError(_NO_ANSWER)
    return _RefusedError(code)


def _pause(header: str | None) -> float:
    try:
        return min(max(0.0, float(header or _DEFAULT_PAUSE)), _LONGEST_PAUSE)
    except ValueError:
        return _DEFAULT_PAUSE
