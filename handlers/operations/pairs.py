"""What only one request at a time may work on: a pair of teams, one on each tenant of a route."""

from handlers.routes import Route, Topology


def pair(topology: Topology, route: Route, source_team: int, destination_team: int) -> str:
    """Return the name of a pair of teams on a route's tenants, by the tenants' origins: aliases can change."""
    source, destination = topology.tenants[route.source], topology.tenants[route.destination]
    return f"{source.url} {source_team} > {destination.url} {destination_team}"
