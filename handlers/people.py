"""Who somebody is: the facts about a person that policy decides on, and where they come from.

Rights are looked up at every click. The answers come through the `People` protocol, which `bot` fulfils with
Slack's user and user-group methods, so that policy itself stays pure.
"""

from typing import Protocol

from handlers.models import Frozen


class Person(Frozen):
    """A Slack user as policy needs to know them."""

    id: str
    groups: frozenset[str] = frozenset()  # those of the asked user groups that the person is a member of
    guest: bool = False  # single- or multi-channel guest, or from another workspace
    deactivated: bool = False
    bot: bool = False


class PeopleUnavailableError(Exception):
    """Slack did not answer who somebody is; nothing may be decided. The text says what to do, for the person."""


class People(Protocol):
    """Looks people up."""

    async def person(self, user_id: str, groups: frozenset[str], *, fresh: bool = False) -> Person:
        """Return the person with those of `groups` (ids of user groups) they are a member of.

        With `fresh`, no cached answer is used. Raises `PeopleUnavailableError`.
        """
        ...

    async def members(self, group: str) -> frozenset[str]:
        """Return the user ids of a user group's members. Raises `PeopleUnavailableError`."""
        ...

    def cached_person(self, user_id: str, groups: frozenset[str]) -> Person | None:
        """Return what is known without asking anybody, or None when something of it is not known."""
        ...
