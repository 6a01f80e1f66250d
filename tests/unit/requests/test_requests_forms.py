"""What a form offers a person and its search fields list, on a real database against local Tines tenants."""

import pytest

from handlers.people import Person
from handlers.requests import (
    FormRights,
    NotNow,
    Refused,
    Searches,
    form_rights,
    freeze,
    known_form_rights,
    offered_routes,
)
from handlers.routes import Route

from .conftest import OpenHarness
from .harness import ADA, CLEO, OPS, RINA, ROUTE, TOM, RequestHarness, reasons


async def _rights(harness: RequestHarness, actor: str) -> FormRights:
    return await form_rights(harness.services, actor, "create")


async def test_no_form_is_refused_by_an_old_answer(open_harness: OpenHarness) -> None:
    """Who joined the requesters a moment ago is asked about afresh before a form offers them nothing."""
    harness = await open_harness(requesters=(OPS,))
    harness.staff.remembered[TOM] = Person(id=TOM)
    harness.staff.groups[OPS].add(TOM)
    assert known_form_rights(harness.services, TOM, "create") is None
    assert (await _rights(harness, TOM)).allowed == (ROUTE,)


async def test_what_is_known_opens_a_form_at_once(open_harness: OpenHarness) -> None:
    """Somebody of whom it is known that they may request needs no look-up, and nobody is guessed at."""
    harness = await open_harness(requesters=(RINA,))
    assert known_form_rights(harness.services, RINA, "create") is None
    harness.staff.remembered[RINA] = Person(id=RINA, ids=frozenset({RINA}))
    known = known_form_rights(harness.services, RINA, "create")
    assert known is not None
    assert known.allowed == (ROUTE,)


@pytest.mark.parametrize(("actor", "can"), [(CLEO, True), (RINA, False)])
async def test_only_those_listed_are_offered_to_run_without_approval(
    open_harness: OpenHarness, actor: str, *, can: bool
) -> None:
    """Whether a form offers to run at once is the policy's to say, not whether one may request."""
    harness = await open_harness(break_glass=(CLEO,))
    assert (await _rights(harness, actor)).can_break_glass(ROUTE) is can


async def test_a_form_offers_routes_with_their_freezes(open_harness: OpenHarness) -> None:
    """A frozen route is offered, and says who froze it; a request that is edited keeps its route."""
    harness = await open_harness()
    await freeze(harness.services, ADA, ROUTE, "Audit week")
    rights = await _rights(harness, RINA)
    offered = await offered_routes(harness.services, RINA, rights, kept=None)
    assert not isinstance(offered, Refused)
    assert {name: found and found.by for name, found in offered.items()} == {ROUTE: ADA}
    assert await offered_routes(harness.services, RINA, rights, kept=ROUTE) == offered
    gone = await offered_routes(harness.services, RINA, rights, kept="dev-to-test")
    assert isinstance(gone, Refused)
    assert "no longer configured" in reasons(gone)


async def test_who_is_offered_no_route_reads_why(open_harness: OpenHarness) -> None:
    """A form that offers nothing says each reason once."""
    harness = await open_harness(requesters=(ADA,))
    none = await offered_routes(harness.services, RINA, await _rights(harness, RINA), kept=None)
    assert isinstance(none, Refused)
    assert len(none.reasons) == 1
    assert "You cannot request syncs on dev-to-prod" in reasons(none)


async def test_search_fields_list_only_for_those_who_may_request(open_harness: OpenHarness) -> None:
    """Names of teams and stories are told to nobody who may not request on the route."""
    harness = await open_harness(requesters=(ADA,))
    searches = Searches(harness.services)
    assert isinstance(await searches.route(ADA, ROUTE, "create"), Route)
    refused = await searches.route(RINA, ROUTE, "create")
    assert not isinstance(refused, Route | NotNow)
    assert refused.reasons == ("You cannot request syncs on this route.",)
