"""What is wrong with a policy whatever anybody does: found by `check`, and said to whoever runs into it.

A quorum that can never be reached looks like approvers who never answer: the request waits, is reminded of and
expires, and nobody knows why. Only what is certain is called a fault. Where the members of a group were not looked
up, or everybody is listed, there may be enough people.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from types import MappingProxyType

from handlers.people import Person
from handlers.policy.matching import most_pairs
from handlers.policy.rulings import is_group
from handlers.routes import EVERYBODY, Route

_NOBODY_KNOWN: Mapping[str, Person] = MappingProxyType({})


def policy_faults(
    route: Route,
    members: Mapping[str, frozenset[str]],
    people: Mapping[str, Person] = _NOBODY_KNOWN,
    *,
    requester: str | None = None,
    unreadable: Collection[str] = (),
) -> tuple[str, ...]:
    """Return the faults of a route's policy as sentences for whoever can mend it; empty when there is none.

    `members` maps the ids of user groups to the user ids of their members; a group that is not in it was not looked
    up. `people` tells of the users known to be guests, deactivated or bots; a user who is not in it counts as fit.
    Without `requester` the faults are those that every request on the route meets; with one (a Slack user id), those
    that a request by this person would meet, where nobody approves their own. `unreadable` are the groups of which
    Slack does not tell the members: disabled, unknown to it, or not shown to the bot.

    The policies of single operations are looked at as well; what is wrong with the route already is said once.
    """
    if EVERYBODY in route.denied:
        return (f"denied of {route.name} lists everybody (*), so nobody can use the route. List only some people.",)
    closed = tuple(dict.fromkeys(entry for entry in route.denied if entry in unreadable))
    if closed:
        return tuple(
            f"denied of {route.name} lists the user group {group}, which is disabled, unknown or not readable in Slack: "
            "as nobody knows whom it excludes, everybody is refused on the route. Enable the group, or unlist it."
            for group in closed
        )
    faults = [*_faults_of(route, members, people, requester)]
    for name in route.operations:
        policy = route.for_operation(name)
        if policy.enabled:
            named = policy.model_copy(update={"name": f"{route.name} ({name})"})
            found = _faults_of(named, members, people, requester)
            faults += [fault for fault in found if fault.replace(named.name, route.name) not in faults]
    return tuple(faults)


def _faults_of(
    route: Route, members: Mapping[str, frozenset[str]], people: Mapping[str, Person], requester: str | None
) -> Iterator[str]:
    by_any_id = {any_id: person for key, person in people.items() for any_id in (key, *person.ids)}
    census = _Census(route, members, by_any_id)
    yield from _lists_without_anybody(route, census)
    if route.approvals:
        yield from _quorum_faults(route, census, requester)


class _Census:
    """Who stands behind the entries of a policy. An unbounded crowd is None: `*`, or a group not looked up."""

    def __init__(self, route: Route, members: Mapping[str, frozenset[str]], people: Mapping[str, Person]) -> None:
        self._members = members
        self._people = people
        self._fit: dict[str, frozenset[str] | None] = {}  # by entry, once it was asked for
        outsiders = frozenset(each.id for each in people.values() if each.guest or each.deactivated or each.bot)
        self._unfit = outsiders.union(*(self.listed(entry) or () for entry in route.denied))

    def listed(self, entry: str) -> frozenset[str] | None:
        if entry == EVERYBODY:
            return None
        listed = self._members.get(entry) if is_group(entry) else frozenset({entry})
        # a group may have thousands of members, and a form asks while somebody waits for it
        return listed if listed is None or not self._people else frozenset(self.stored(user) for user in listed)

    def stored(self, user: str) -> str:
        """Return the one id that stands for a person, however they are listed."""
        return self._people[user].id if user in self._people else user

    def fit(self, entry: str) -> frozenset[str] | None:
        """Those of the entry who are neither denied nor guests, deactivated or bots."""
        if entry not in self._fit:
            listed = self.listed(entry)
            self._fit[entry] = None if listed is None else listed - self._unfit
        return self._fit[entry]

    def fit_of(self, entries: Iterable[str]) -> frozenset[str] | None:
        crowds = [self.fit(entry) for entry in entries]
        known = [crowd for crowd in crowds if crowd is not None]
        return frozenset().union(*known) if len(known) == len(crowds) else None


def _lists_without_anybody(route: Route, census: _Census) -> Iterator[str]:
    """Yield a fault for each list and each approver group of a route in which nobody is able to act."""
    if census.fit_of(route.requesters) == frozenset():
        yield (
            f"Nobody can request syncs on {route.name}: all its requesters are denied, guests, deactivated, bots, or in groups "
            "without members. Add people to requesters, or take them off denied."
        )
    for entry in dict.fromkeys(route.approvers if route.approvals else ()):
        if not is_group(entry):
            continue
        if census.listed(entry) == frozenset():
            yield f"Nobody is in the approver group {entry} of {route.name}. Add members to it in Slack, or unlist it."
        elif census.fit(entry) == frozenset():
            yield (
                f"Nobody in the approver group {entry} of {route.name} can approve: all its members are denied, "
                "guests, deactivated or bots. Add members who can."
            )
    if route.break_glass and census.fit_of(route.break_glass) == frozenset():
        yield (
            f"Nobody can run requests without approval on {route.name}: everyone that break_glass lists is denied, guests, deactivated, "
            "bots, or groups without members. Add people who can, or leave break_glass empty."
        )


def _quorum_faults(route: Route, census: _Census, requester: str | None) -> Iterator[str]:
    """Tell of approvals that cannot be gathered, be it by all approvers together."""
    askers = census.fit_of(route.requesters) if requester is None else frozenset({census.stored(requester)})
    # Somebody who asks and cannot approve leaves all approvers: the best case, and the only one with self-approval.
    own = "" if route.self_approval or not askers else " without the requester, because self_approval is off"
    best = [frozenset({asker}) for asker in askers] if askers and not route.self_approval else [frozenset[str]()]
    everyone = census.fit_of(route.approvers)
    if everyone is not None:
        most = max(len(everyone) - len(everyone & out) for out in best)
        if most < route.approvals:
            because = own if most < len(everyone) else ""
            yield (
                f"{route.name} needs {_approvals(route.approvals)}, but at most {most} can be given{because}. "
                "Add approvers, or lower approvals."
            )
    if route.separate_groups == 1:
        return
    groups = max(_entries_to_stand_for(route, census, out) for out in best)
    if groups < route.separate_groups:
        yield (
            f"{route.name} needs approvals from {route.separate_groups} separate groups, but its approvers can stand "
            f"for {groups} at most, one each. List further groups or people, or lower separate_groups."
        )


def _entries_to_stand_for(route: Route, census: _Census, out: frozenset[str]) -> int:
    """Return how many approver entries can be stood for at once by different people, those in `out` left aside."""
    crowds = {entry: census.fit(entry) for entry in route.approvers}
    unbounded = sum(crowd is None for crowd in crowds.values())  # always somebody left to stand for these
    return unbounded + most_pairs({entry: crowd - out for entry, crowd in crowds.items() if crowd is not None})


def _approvals(number: int) -> str:
    return f"{number} {'approval' if number == 1 else 'approvals'}"
