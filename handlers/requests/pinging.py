"""Whom a request waits for, as the people that its route's policy lists: for writing to each of them."""

from typing import Final

import structlog

from handlers.people import People, PeopleUnavailableError
from handlers.policy.rulings import is_group
from handlers.routes import EVERYBODY, Route

MOST_TOLD: Final = 50  # people who are written to about one request


async def approvers_of(people: People, route: Route, own: tuple[str, ...]) -> tuple[str, ...]:
    """Return the user ids of the people who are listed as approvers of a request, at most `MOST_TOLD`.

    Left out are who is denied, and its requester and last editor (`own`) where they cannot approve it. `*` stands for nobody: a
    whole workspace is not written to. Where Slack does not tell, nobody is named who may be denied.
    """
    try:
        listed = await _listed(people, route.approvers)
        denied = await _listed(people, route.denied)
        concerned = [await people.identity(each) for each in dict.fromkeys(own) if not route.self_approval]
    except PeopleUnavailableError as error:
        structlog.get_logger(__name__).warning("approvers are not written to", route=route.name, why=str(error))
        return ()
    left_out = set(denied)
    for identity in concerned:
        left_out |= identity.ids
    return tuple(each for each in listed if each not in left_out)[:MOST_TOLD]


async def _listed(people: People, entries: tuple[str, ...]) -> tuple[str, ...]:
    found: dict[str, None] = {}
    for entry in entries:
        members = sorted(await people.members(entry)) if is_group(entry) else [entry]
        found |= dict.fromkeys(each for each in members if each != EVERYBODY)
    return tuple(found)
