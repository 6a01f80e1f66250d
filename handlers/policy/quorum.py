"""Whether the approvals given are enough, and what is still missing.

The message, the review and the decision to go ahead all read the same `Quorum`: were each of them to count by itself,
Slack could show "2 of 2" while nothing happens, or worse the other way round.
"""

from collections.abc import Iterable, Sequence

from handlers.models import Decision, Frozen, Verdict
from handlers.policy.matching import most_pairs
from handlers.routes import EVERYBODY, Route


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


def quorum(route: Route, approvals: Sequence[Decision]) -> Quorum:
    """Count the approvals of one revision of a request against the policy of the route, in any order.

    Each person counts once, however often they appear. An approval counts while an entry that made the person an
    approver when they gave it (`Decision.groups`) is still in the policy, and the person is not denied by name: a
    policy that became stricter is not passed with what an older one let through. Rejections and withdrawn approvals
    in `approvals` are passed over.
    """
    entries = _standing(route, approvals)
    have, separate_have = len(entries), most_pairs(entries)
    # As many people are needed as entries must be stood for, since nobody stands for two.
    needed = max(route.approvals, route.separate_groups)
    return Quorum(
        needed=needed,
        have=have,
        separate_needed=route.separate_groups,
        separate_have=separate_have,
        reached=have >= needed and separate_have >= route.separate_groups,
    )


def _standing(route: Route, approvals: Iterable[Decision]) -> dict[str, frozenset[str]]:
    """Return the people whose approval counts, with the entries of the present policy that each can stand for."""
    people: dict[str, frozenset[str]] = {}
    for each in approvals:
        entries = frozenset(each.groups).intersection(route.approvers)
        given = each.verdict is Verdict.APPROVE and each.withdrawn_at is None
        if given and entries and not {each.actor, EVERYBODY} & set(route.denied):
            people[each.actor] = people.get(each.actor, frozenset()) | entries
    return people


def _approvals(number: int) -> str:
    return f"{number} more {'approval' if number == 1 else 'approvals'}"
