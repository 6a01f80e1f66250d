"""Who somebody is: the facts about a person that policy decides on, and where they come from.

Rights are looked up at every click. The answers come through the `People` protocol, which `bot` fulfils with
Slack's user and user-group methods, so that policy itself stays pure.

In an organisation (Enterprise Grid) Slack knows one person by several ids. Two people are therefore never compared by
their ids as text: a `Person` carries all ids, and `Person.is_` says whether a stored id means them. What is stored is
`Person.id`, the same one whichever id a click came with.
"""

from typing import Protocol

from pydantic import Field, ValidationInfo, field_validator

from handlers.models import Frozen


class Identity(Frozen):
    """The ids that mean one person: enough to tell people apart, and nothing about their rights."""

    id: str  # the one to store: of the organisation where there is one, else of the workspace
    ids: frozenset[str] = Field(default=frozenset(), validate_default=True)  # all that mean this person, with `id`

    @field_validator("ids")
    @classmethod
    def _with_id(cls, ids: frozenset[str], info: ValidationInfo) -> frozenset[str]:
        return ids | {info.data["id"]} if "id" in info.data else ids

    def is_(self, stored_id: str) -> bool:
        """Whether an id that is stored or listed somewhere means this person."""
        return stored_id in self.ids


class Person(Identity):
    """A Slack user as policy needs to know them."""

    groups: frozenset[str] = frozenset()  # those of the asked user groups that the person is a member of
    unreadable: frozenset[str] = frozenset()  # those of the asked user groups whose members Slack does not tell
    guest: bool = False  # single- or multi-channel guest, or not proven to be from here
    deactivated: bool = False
    bot: bool = False


class PeopleUnavailableError(Exception):
    """Slack did not answer who somebody is; nothing may be decided. The text says what to do, for the person."""


class People(Protocol):
    """Looks people up."""

    async def identity(self, user_id: str) -> Identity:
        """Return whom an id means, whichever id of a person it is. Raises `PeopleUnavailableError`."""
        ...

    async def person(self, user_id: str, groups: frozenset[str], *, fresh: bool = False) -> Person:
        """Return the person with those of `groups` (ids of user groups) they are a member of.

        `user_id` is any id of the person. With `fresh`, no cached answer is used. Raises `PeopleUnavailableError`.
        """
        ...

    async def members(self, group: str) -> frozenset[str]:
        """Return the user ids of a user group's members. Raises `PeopleUnavailableError`."""
        ...

    def cached_members(self, group: str) -> frozenset[str] | None:
        """Return what `members` would, without asking anybody; None when it is not known."""
        ...

    def cached_person(self, user_id: str, groups: frozenset[str]) -> Person | None:
        """Return what is known without asking anybody, or None when something of it is not known."""
        ...
