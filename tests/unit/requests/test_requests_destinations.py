"""Which sync destinations a person sees, and what they may ask for on each: the pure part."""

from typing import Any

import pytest
from pydantic import SecretStr

from handlers.models import State, StoryStatus, Team
from handlers.operations.destination import DestinationDetail, DestinationRef
from handlers.operations.following import SyncResult
from handlers.people import Person
from handlers.policy import Ruling
from handlers.requests.destinations import ON_DESTINATIONS, UsableRoute, assigned, creation, matches, usable
from handlers.routes import OperationPolicy, Route, Tenant, Topology
from handlers.tines import SyncDestination
from tests.unit.views.harness import ORIGINS, synced

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
        ({}, set(ON_DESTINATIONS)),
        ({"operations": {"delete": OperationPolicy(enabled=False)}}, set(ON_DESTINATIONS) - {"delete"}),
        ({"requesters": ("U0BEN",), "operations": {"sync": OperationPolicy(requesters=("U0ADA",))}}, {"sync"}),
        ({"requesters": ("U0BEN",), "approvers": ("U0ADA",)}, set()),
    ],
)
def test_what_a_person_may_ask_for_is_what_each_policy_says(differs: dict[str, Any], may: set[str]) -> None:
    """Whoever has to do with a route sees its destinations, and may ask for what each operation's policy lets them."""
    answer = usable(topology(a_route(**differs)), "r", ADA)
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
    assert isinstance(usable(topology(a_route(**differs)), "r", person), Ruling)


def test_a_destination_belongs_to_the_route_that_leads_where_it_leads() -> None:
    """Source tenant and URL decide, however the URL is written; what leads elsewhere is left out."""
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
    line = creation([added, made], ORIGINS)
    assert line is not None
    assert line.requester == made.requester
    assert creation([added], ORIGINS) is None
    assert creation([made], ("https://dev.example", "https://elsewhere.example")) is None
