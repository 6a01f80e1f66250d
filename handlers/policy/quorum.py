"""Whether the approvals given are enough, and what is still missing.

The message, the review and the decision to go ahead all read the same `Quorum`: were each of them to count by itself,
Slack could show "2 of 2" while nothing happens, or worse the other way round.
"""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from handlers.models import Decision, Frozen, Verdict
from handlers.people import Person
from handlers.policy.matching import most_pairs
from handlers.routes import EVERYBODY, Route

_NOBODY_KNOWN: Final[Mapping[str, Person]] = MappingProxyType({})


class Quorum(Frozen):
    """How far the approvals of a request have come."""

    needed: int  # distinct people
    have: int
    separate_needed: int  # different approver entries of the policy that the people must stand for, one each
    separate_have: int
    reached: bool

    @property
    def missing(self) -> str:
        """What is still missing, to be read after "needs": "1 more approval"; empty when the quorum is reached."""
        people = max(0, self.needed - self.have)
        separate = max(0, self.separate_needed - self.separate_have)
        if separate and self.separate_needed > 1:
            groups = f"{separate} more {'group' if separate == 1 else 'groups'} of approvers"
            more = max(people, separate)
            approvals = _approvals(more)
            return (
                f"{approvals}, from {groups}" if more == separate else f"{approvals}, {separate} of them from {groups}"
            )
        return _approvals(people) if people else ""


def quorum(route: Route, approvals: Sequence[Decision], people: Mapping[str, Person] = _NOBODY_KNOWN) -> Quorum:
    """Count the approvals of one revision of a request against the policy of the route, in any order.

    Each person counts once, however often they appear. An approval counts while an entry that made the person an
    approver when they gave it (`Decision.groups`) is still in the policy, and the person is not denied by name: a
    policy that became stricter is not passed with what an older one let through. Rejections and withdrawn approvals
    in `approvals` are passed over. `people` tells who is behind the stored ids, where that was looked up: two ids of
    one person are then one approval, and a person denied by another id of theirs does not count.

    Where the policy asks for no approvals, the quorum is reached without any.
    """
    entries = _counting(route, approvals, people)
    have, separate_have = len(entries), most_pairs(entries)
    separate_needed = route.separate_groups if route.approvals else 0
    # As many people are needed as entries must be stood for, since nobody stands for two.
    needed = max(route.approvals, separate_needed)
    return Quorum(
        needed=needed,
        have=have,
        separate_needed=separate_needed,
        separate_have=separate_have,
        reached=have >= needed and separate_have >= separate_needed,
    )


def _counting(route: Route, approvals: Iterable[Decision], people: Mapping[str, Person]) -> dict[str, frozenset[str]]:
    """Return the people whose approval counts, with the entries of the present policy that each can stand for."""
    counting: dict[str, frozenset[str]] = {}
    for each in approvals:
        person = people.get(each.actor) or Person(id=each.actor)
        entries = frozenset(each.groups).intersection(route.approvers)
        given = each.verdict is Verdict.APPROVE and each.withdrawn_at is None
        if given and entries and not {*person.ids, EVERYBODY} & set(route.denied):
            counting[person.id] = counting.get(person.id, frozenset()) | entries
    return counting


def _approvals(number: int) -> str:
    return f"{number} more {'approval' if number == 1 else 'approvals'}"
