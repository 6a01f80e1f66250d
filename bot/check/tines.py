"""Tries each Tines tenant: whether the key works, and whether it may do what the routes ask of it."""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace

from bot.check.findings import Finding
from handlers.models import Problem
from handlers.routes import Topology
from handlers.tines import RefusedError, TinesCalls, TinesError


async def check_tenants(
    topology: Topology, clients: Mapping[str, TinesCalls], publishing: Mapping[str, TinesCalls], ways: Mapping[str, str]
) -> list[Finding]:
    """Try every tenant of the topology.

    `clients` has one client for each alias; `publishing` has one that speaks with the publish key, for the aliases
    that have such a key; `ways` says how each is reached.
    """
    sources = {route.source for route in topology.routes.values()}
    destinations = {route.destination for route in topology.routes.values()}
    findings = []
    for alias in topology.tenants:
        first, *others = await _check_tenant(alias, clients[alias], sources=sources, destinations=destinations)
        findings += [replace(first, what=f"{first.what}; reached {ways[alias]}"), *others]
        if alias in publishing:
            findings.append(await _check_key(f"Tenant {alias}, publish key", publishing[alias]))
    return findings


async def _check_tenant(
    alias: str, client: TinesCalls, *, sources: AbstractSet[str], destinations: AbstractSet[str]
) -> list[Finding]:
    subject = f"Tenant {alias}"
    key = await _check_key(subject, client)
    if not key.ok:
        return [key]  # all else would fail for the same reason
    findings = [key, await _check_sync_right(f"{subject}, sync destinations", client, is_source=alias in sources)]
    if alias in sources | destinations:
        findings.append(await _check_teams(f"{subject}, teams", client))
    return findings


async def _check_key(subject: str, client: TinesCalls) -> Finding:
    try:
        info = await client.info()
    except TinesError as error:
        return _failed(subject, error.problem())
    return Finding(subject, ok=True, what=f"answers, and knows the key (stack {info.stack.name})")


async def _check_sync_right(subject: str, client: TinesCalls, *, is_source: bool) -> Finding:
    try:
        await client.probe_destinations()
    except RefusedError as error:
        if not is_source:
            return Finding(subject, ok=True, what="not for this key, which only a source of a route needs")
        return _failed(subject, error.problem())
    except TinesError as error:
        return _failed(subject, error.problem())
    return Finding(subject, ok=True, what="the key may manage them")


async def _check_teams(subject: str, client: TinesCalls) -> Finding:
    try:
        teams = await client.teams()
    except TinesError as error:
        return _failed(subject, error.problem())
    if not teams:
        return Finding(subject, ok=False, what="the key sees no team", advice="Give the key's owner a team there.")
    return Finding(subject, ok=True, what=f"the key sees {len(teams)}")


def _failed(subject: str, problem: Problem) -> Finding:
    words = f" ({problem.words})" if problem.words else ""
    return Finding(subject, ok=False, what=f"{problem.what}{words}", advice=problem.advice)
