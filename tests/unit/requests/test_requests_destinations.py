"""Which sync destinations a person sees, and what they may ask for on each: the pure part."""

from typing import Any

import pytest
from pydantic import SecretStr

from handlers.models import State, StoryStatus, Team
from handlers.operations.belonging import Leads, leads_to
from handlers.operations.destination import DestinationDetail, DestinationRef
from handlers.operations.following import SyncResult
from handlers.operations.registry import all_operations, on_destinations
from handlers.people import Person
from handlers.policy import Ruling
from handlers.requests.destinations import UsableRoute, assigned, creation, matches, usable
from handlers.routes import OperationPolicy, Route, Tenant, Topology
from handlers.tines import SyncDestination
from tests.unit.views.harness import synced

ADA = Person(id="U0ADA")
DETAIL = DestinationDetail(
    ref=DestinationRef(
        id=24, source_team=Team(id=7, name="SecOps"), destination_team=Team(id=42, name="Straße copies")
    ),
    route="r",
    statuses=(StoryStatus(story_id=9981, name="High-Priority Alerts", status="synced"),),
)


def topology(*routes: Route) -> Topology:
    """Return three tenants with routes between them."""
    tenants = {
        alias: Tenant(alias=alias, url=f"https://{alias}.example", api_key=SecretStr("k" * 12))
        for alias in ("dev", "prod", "other")
    }
    return Topology(tenants=tenants, routes={route.name: route for route in routes})


def a_route(name: str = "r", **differs: Any) -> Route:  # noqa: ANN401 - the fields of a route
    """Return a route on which everybody may ask."""
    fields = {"source": "dev", "destination": "prod", "requesters": ("*",), "approvers": ("U0BEN",)}
    return Route(**{"name": name, "approval_channel": "C0", **fields, **differs})


def found(number: int, url: str) -> SyncDestination:
    """Return a sync destination as a listing has it."""
    return SyncDestination.model_validate(
        {"id": number, "destination_tenant_url": url, "destination_team_id": 42, "origin_team_id": 7}
    )


@pytest.mark.parametrize(
    ("differs", "may"),
    [
        ({}, set(on_destinations(all_operations()))),
        (
            {"operations": {"delete": OperationPolicy(enabled=False)}},
            set(on_destinations(all_operations())) - {"delete"},
        ),
        ({"requesters": ("U0BEN",), "operations": {"sync": OperationPolicy(requesters=("U0ADA",))}}, {"sync"}),
        ({"requesters": ("U0BEN",), "approvers": ("U0ADA",)}, set()),
    ],
)
def test_what_a_person_may_ask_for_is_what_each_policy_says(differs: dict[str, Any], may: set[str]) -> None:
    """Whoever has to do with a route sees its destinations, and may ask for what each operation's policy lets them."""
    answer = usable(a_route(**differs), ADA, all_operations())
    assert isinstance(answer, UsableRoute)
    assert set(answer.may) == may


@pytest.mark.parametrize(
    ("differs", "person"),
    [
        ({"requesters": ("U0BEN",)}, ADA),
        ({"denied": ("U0ADA",)}, ADA),
        ({}, Person(id="U0ADA", guest=True)),
        ({"denied": ("U0ADA",), "operations": {"sync": OperationPolicy(requesters=("U0ADA",))}}, ADA),
    ],
)
def test_strangers_denied_people_and_guests_use_no_route(differs: dict[str, Any], person: Person) -> None:
    """Who has nothing to do with a route, is denied on it, or is a guest, sees nothing of its destinations."""
    assert isinstance(usable(a_route(**differs), person, all_operations()), Ruling)


def test_a_destination_belongs_to_the_route_that_leads_where_it_leads() -> None:
    """Source tenant and URL decide, however the URL is written; what leads elsewhere, or who knows where, is left out."""
    routes = (a_route("poor"), a_route("rich"), a_route("elsewhere", destination="other", source="prod"))
    usables = tuple(UsableRoute(route=route, may=("sync",) if route.name == "rich" else ()) for route in routes)
    listed = [found(1, "HTTPS://PROD.example:443/"), found(2, "https://other.example"), found(3, "")]
    seen = list(assigned(topology(*routes), usables, "dev", listed, {"dev": {7: Team(id=7, name="SecOps")}}))
    assert [(each.detail.ref.id, each.detail.route, each.may) for each in seen] == [(1, "rich", ("sync",))]
    assert seen[0].detail.ref.source_team.name == "SecOps"
    assert seen[0].detail.ref.destination_team.name == "team 42"


@pytest.mark.parametrize(
    ("query", "there"),
    [
        ("", True),
        ("secops", True),
        ("STRASSE alerts", True),
        ("24", True),
        ("#9981", True),
        ("42", True),
        ("2", False),
        ("secops nothing", False),
    ],
)
def test_a_search_finds_by_story_team_and_id(query: str, there: bool) -> None:  # noqa: FBT001 - of the table
    """Every word must be part of a team's or story's name, in whatever case, or be a whole id."""
    assert matches(DETAIL, query) is there


def test_only_a_create_between_the_same_tenants_counts_as_created_here() -> None:
    """A request that added stories to a destination, or went to other tenants, did not create it."""
    made = synced(State.SUCCEEDED)
    added = made.model_copy(update={"result": SyncResult(destination_id=24, how="added")})
    line = creation([added, made], "dev", topology())
    assert line is not None
    assert line.requester == made.requester
    assert creation([added], "dev", topology()) is None
    assert creation([made], "prod", topology()) is None
    moved = made.model_copy(update={"origins": ("https://dev.example", "https://elsewhere.example")})
    assert creation([moved], "dev", topology()) is None


@pytest.mark.parametrize("written", ["", "https://another-name.example", "not a URL"])
@pytest.mark.parametrize(
    ("teams", "made", "tenant"),
    [
        ({"prod": {42}, "other": {1}}, False, "prod"),  # only one of the tenants has the team
        ({"prod": {1}, "other": {42}}, False, "other"),
        ({"prod": {42}, "other": {42}}, False, None),  # both have it: nobody can tell
        ({}, False, None),  # the tenants do not tell their teams
        ({"dev": {42}}, False, None),  # no route leads there
        ({"prod": {1}, "other": {42}}, True, "prod"),  # created here
    ],
)
def test_an_address_that_tells_nothing_is_made_up_for_by_what_cannot_be_rewritten(
    written: str,
    teams: dict[str, set[int]],
    made: bool,  # noqa: FBT001 - of the table
    tenant: str | None,
) -> None:
    """A destination without a known address leads where we created it to, else where the only such team is."""
    tenants = topology(a_route(), a_route("s", destination="other"))
    ours = synced(State.SUCCEEDED)
    requests = (ours.model_copy(update={"destination_id": 24}),) if made else ()
    leads = leads_to(found(24, written), "dev", tenants, teams, requests)
    assert leads == (None if tenant is None else Leads(tenant=tenant, written=None if made else written))
    assert leads_to(found(24, "https://other.example"), "dev", tenants, teams, requests) == Leads(tenant="other")
