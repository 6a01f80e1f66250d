"""Who may do what on each route, operation by operation, as the configuration says it: for whoever reviews it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

from handlers.routes import EVERYBODY, OperationRoute, Topology

NO_APPROVAL: Final = "no approval needed"


@dataclass(frozen=True, slots=True)
class Right:
    """One row: the operations of a route that follow the same policy."""

    route: str
    operations: tuple[str, ...]
    requesters: str
    approvers: str
    more: str  # what else holds


def rights(topology: Topology, operations: Collection[str]) -> list[Right]:
    """Return the rights on every route, in the order of the configuration; operations with the same rights share a row."""
    found = []
    for route in topology.routes.values():
        rows: dict[tuple[str, str, str], list[str]] = {}
        for name in operations:
            rows.setdefault(_said(route.for_operation(name)), []).append(name)
        found += [Right(route.name, tuple(names), *said) for said, names in rows.items()]
    return found


def _said(policy: OperationRoute) -> tuple[str, str, str]:
    """Return who may request, who may approve, and what else holds, in words."""
    if not policy.enabled:
        return "nobody: switched off", "", ""
    more = []
    if policy.denied:
        more.append(f"never {_people(policy.denied)}")
    if policy.break_glass and policy.approvals:
        more.append(f"at once, alone: {_people(policy.break_glass)}")
    if not policy.approvals:
        return _people(policy.requesters), NO_APPROVAL, "; ".join(more)
    if policy.self_approval:
        more.append("requesters may approve their own")
    if policy.separate_groups > 1:
        more.append(f"from {policy.separate_groups} different entries")
    return _people(policy.requesters), f"{policy.approvals} of {_people(policy.approvers)}", "; ".join(more)


def _people(entries: Sequence[str]) -> str:
    return ", ".join("everybody" if entry == EVERYBODY else entry for entry in entries)
