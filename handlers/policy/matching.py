"""The largest number of pairs, each side used once: how many listed entries a set of people can stand for.

Counting the distinct entries behind the approvals would let one person in two groups stand for both, so that a rule
meant to need two groups is passed by one of them and a stranger. This is maximum bipartite matching, solved exactly
with augmenting paths (Berge 1957): small enough here that a graph library would be the larger risk.
"""

from collections import deque
from collections.abc import Collection, Mapping


def most_pairs(choices: Mapping[str, Collection[str]]) -> int:
    """Return how many keys can be given one of their choices each, such that no choice is given twice."""
    holder: dict[str, str] = {}  # choice → the key that has it
    return sum(_make_room(key, choices, holder) for key in choices)


def _make_room(newcomer: str, choices: Mapping[str, Collection[str]], holder: dict[str, str]) -> bool:
    """Give the newcomer a choice, moving others to their further choices where needed; False when nothing helps."""
    wanted_by: dict[str, str] = {}  # choice → the key that reached it, to walk the path back
    queue = deque([newcomer])
    while queue:
        key = queue.popleft()
        for choice in choices[key]:
            if choice in wanted_by:
                continue
            wanted_by[choice] = key
            if choice in holder:
                queue.append(holder[choice])
            else:
                _hand_over(choice, newcomer, wanted_by, holder)
                return True
    return False


def _hand_over(free: str, newcomer: str, wanted_by: Mapping[str, str], holder: dict[str, str]) -> None:
    """Walk from the free choice back to the newcomer; each key on the way takes the choice it reached."""
    had = {key: choice for choice, key in holder.items()}
    choice = free
    while True:
        key = wanted_by[choice]
        holder[choice] = key
        if key == newcomer:
            return
        choice = had[key]
