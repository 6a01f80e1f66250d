"""Where a sync destination leads: to which of the configured tenants. Pure, so that rights can rest on it.

Tines writes the address of the destination tenant in many ways: another host name of the same tenant, or nothing at
all. An address that is surely a configured tenant's decides. Else what cannot be rewritten does: the id, when the bot
itself created the destination; then the destination team, when just one of the tenants in question has it. What stays
unclear leads nowhere, and is shown to nobody.
"""

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType

from handlers.models import Frozen, Request
from handlers.operations.following import SyncResult
from handlers.operations.matching import same_origin
from handlers.routes import Topology
from handlers.tines import SyncDestination


class Leads(Frozen):
    """Which tenant a sync destination leads to, and how sure that is."""

    tenant: str  # alias
    written: str | None = None  # the address as Tines writes it, where only the team tells; None when it is sure


def leads_to(
    found: SyncDestination,
    source: str,
    topology: Topology,
    teams: Mapping[str, Collection[int]] = MappingProxyType({}),
    made: Iterable[Request] = (),
) -> Leads | None:
    """Return where a destination of a source tenant leads, None where nobody can tell.

    `teams` are the ids of the teams of each tenant, as far as they are known; `made` are requests about the destination.
    """
    for alias, tenant in topology.tenants.items():
        if same_origin(found.destination_tenant_url, tenant.url):
            return Leads(tenant=alias)
    for request in made:
        if request.destination_id == found.id and created_by(request, source, topology):
            return Leads(tenant=request.destination)
    having = [alias for alias in reached_from(source, topology) if found.destination_team_id in teams.get(alias, ())]
    if len(having) != 1:
        return None
    return Leads(tenant=having[0], written=found.destination_tenant_url)


def reached_from(source: str, topology: Topology) -> tuple[str, ...]:
    """Return the tenants that routes from a source tenant lead to."""
    return tuple(sorted({route.destination for route in topology.routes.values() if route.source == source}))


def created_by(request: Request, source: str, topology: Topology) -> bool:
    """Whether a request created its destination, on this source tenant and between the tenants as they are configured."""
    result = request.result
    if not isinstance(result, SyncResult) or result.how not in {"created", "adopted"}:
        return False
    ends = tuple(topology.tenants.get(alias) for alias in (request.source, request.destination))
    return request.source == source and request.origins == tuple(end.url if end is not None else "" for end in ends)
