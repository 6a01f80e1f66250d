"""What a person reads of others' requests where they did not ask for one: the same as a command that names it shows."""

from datetime import timedelta
from typing import Any, Final

import pytest

from handlers.models import Request, State
from handlers.people import PeopleUnavailableError, Person
from handlers.requests import (
    DestinationPage,
    Done,
    NotNow,
    SeenDestination,
    Services,
    Submission,
    able,
    approve,
    cancel,
    list_destinations,
    read_destination,
    standing_of,
    submit,
)
from handlers.requests.destinations import RequestLine
from handlers.routes import OperationPolicy, Route

from .conftest import OpenHarness
from .harness import ADA, BEN, CLEO, LEADS, OPS, RINA, ROUTE, TOM, RequestHarness

OTHER_ROUTE: Final = "dev-to-prod-too"
NOBODY: Final = "U0NOBODY"
POLICY: Final[dict[str, Any]] = {
    "requesters": (NOBODY,),
    "approvers": (CLEO,),
    "operations": {
        "create": OperationPolicy(requesters=(RINA,), approvals=0),
        "sync": OperationPolicy(requesters=(TOM,)),
        "rotate_key": OperationPolicy(requesters=(LEADS,)),
        "delete": OperationPolicy(requesters=(RINA,)),
    },
}
"""A different person asks for each operation; the approver has to do with all of them."""


async def _asks(harness: RequestHarness, who: str, operation: str, destination: int, **asked: Any) -> Request:  # noqa: ANN401 - of a form
    form = Submission(
        operation=operation,
        route=ROUTE,
        asked={"destination_id": destination, **asked},
        reason="Incident 42",
        draft_id=f"{operation} of {who}",
    )
    answer = await submit(harness.services, who, form, budget=None)
    assert isinstance(answer, Done), answer
    return answer.request


async def _staged(open_harness: OpenHarness) -> tuple[RequestHarness, int, list[Request]]:
    """Return a harness, a destination, and its requests: of a creation, a sync and a rotation, each by another person."""
    harness = await open_harness(**POLICY)
    made = await harness.finishes((await harness.asks()).id)
    assert made.state is State.SUCCEEDED
    assert made.destination_id is not None
    synced = await _asks(harness, TOM, "sync", made.destination_id, which="all")
    rotated = await _asks(harness, ADA, "rotate_key", made.destination_id, everywhere=False)
    return harness, made.destination_id, [made, synced, rotated]


def _shown(seen: SeenDestination) -> set[str]:
    lines: tuple[RequestLine | None, ...] = (seen.created, *seen.under_way, *seen.latest)
    return {each.id for each in lines if each is not None}


async def _by_command(services: Services, who: str, requests: list[Request]) -> set[str]:
    answers = {each.id: await able(services, who, each.id, lambda can: can.read, what="status") for each in requests}
    return {each for each, answer in answers.items() if isinstance(answer, tuple)}


@pytest.mark.parametrize(
    ("who", "operations"),
    [
        (TOM, {"sync"}),
        (ADA, {"rotate_key"}),  # through a group
        (RINA, {"create"}),
        (CLEO, {"create", "sync", "rotate_key"}),
    ],
)
async def test_a_destination_tells_only_of_requests_that_a_command_shows(
    open_harness: OpenHarness, who: str, operations: set[str]
) -> None:
    """Who uses a destination for one operation reads nothing of what others asked for by another one."""
    harness, destination, requests = await _staged(open_harness)
    mine = {each.id for each in requests if each.operation in operations}
    one = await read_destination(harness.services, who, destination)
    listed = await list_destinations(harness.services, who)
    assert isinstance(one, SeenDestination)
    assert isinstance(listed, DestinationPage)
    assert mine == await _by_command(harness.services, who, requests)
    assert _shown(one) == mine
    assert _shown(listed.items[0]) == mine
    assert (one.created is not None) == ("create" in operations)
    assert one.key is not None
    assert one.key.sent_at is not None  # which key it has is a fact of the destination, whoever sent it


async def test_a_destination_tells_nothing_of_another_route_between_the_same_tenants(
    open_harness: OpenHarness,
) -> None:
    """Of two routes between the same tenants, a person who uses one reads nothing of what was asked on the other."""
    harness, destination, requests = await _staged(open_harness)
    topology = harness.services.topology
    mine = Route(
        name=OTHER_ROUTE,
        source="dev",
        destination="prod",
        requesters=(OPS,),
        approvers=(NOBODY,),
        approval_channel="C0OTHER",
    )
    routes = {**topology.routes, OTHER_ROUTE: mine}
    services = _with(harness.services, topology=topology.model_copy(update={"routes": routes}))
    seen = await read_destination(services, BEN, destination, OTHER_ROUTE)
    assert isinstance(seen, SeenDestination)
    # Ben is a lead as well, who may rotate keys on the first route
    assert _shown(seen) == await _by_command(services, BEN, requests) == {requests[2].id}


async def test_older_requests_are_told_where_the_latest_may_not_be_read(open_harness: OpenHarness) -> None:
    """However many others asked for since, a person finds the latest of those that they may read."""
    harness, destination, requests = await _staged(open_harness)
    async with harness.store.transaction() as transaction:
        for number, like in enumerate((requests[1], *[requests[2]] * 9)):
            fields: dict[str, Any] = {"id": f"TS-{number:08}", "draft_id": f"copy {number}"}
            fields |= {"destination_id": destination, "created_at": harness.clock() + timedelta(seconds=number)}
            await transaction.requests.add(like.model_copy(update=fields))
    seen = await read_destination(harness.services, TOM, destination)
    assert isinstance(seen, SeenDestination)
    assert [each.id for each in seen.latest] == ["TS-00000000"]
    every = await read_destination(harness.services, CLEO, destination)
    assert isinstance(every, SeenDestination)
    assert len(every.latest) == 5


async def test_the_person_is_looked_up_once_for_all_policies(
    open_harness: OpenHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One look-up tells of all requests; where Slack does not answer it, nothing is shown."""
    harness, destination, _ = await _staged(open_harness)
    person, asked = harness.staff.person, list[frozenset[str]]()

    async def counting(user_id: str, groups: frozenset[str], *, fresh: bool = False) -> Person:
        asked.append(groups)
        return await person(user_id, groups, fresh=fresh)

    monkeypatch.setattr(harness.staff, "person", counting)
    await read_destination(harness.services, TOM, destination)
    assert asked == [frozenset({LEADS}), frozenset({LEADS})]  # for the routes, and for the requests

    async def failing(user_id: str, groups: frozenset[str], *, fresh: bool = False) -> Person:
        asked.append(groups)
        if len(asked) > 3:
            raise PeopleUnavailableError
        return await person(user_id, groups, fresh=fresh)

    monkeypatch.setattr(harness.staff, "person", failing)
    assert isinstance(await read_destination(harness.services, TOM, destination), NotNow)


@pytest.mark.parametrize(("who", "named"), [(TOM, False), (CLEO, True)])
async def test_what_a_request_waits_for_is_named_to_who_may_read_that(
    open_harness: OpenHarness,
    who: str,
    named: bool,  # noqa: FBT001 - of the table
) -> None:
    """A request waits for another one on the same in Tines; who may not read that one learns no id of it."""
    harness, _, (made, synced, _) = await _staged(open_harness)
    synced = await _waits_for(harness, synced, made)
    standing = await standing_of(harness.services, who, synced, harness.route)
    other = made.id if named else "another request"
    assert standing.request.note == f"Waiting for {other}, which works on the same in Tines."


async def test_nothing_is_named_that_nobody_can_rule_on(
    open_harness: OpenHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where Slack does not say who somebody is, no other request is named."""
    harness, _, (made, synced, _) = await _staged(open_harness)
    synced = await _waits_for(harness, synced, made)

    async def failing(*_: object, **__: object) -> Person:
        raise PeopleUnavailableError

    monkeypatch.setattr(harness.staff, "person", failing)
    assert made.id not in (await standing_of(harness.services, CLEO, synced, harness.route)).request.note


async def test_a_cancelled_request_waits_for_nothing(open_harness: OpenHarness) -> None:
    """What a request waited for is not told to its requester after it was called off."""
    harness, _, (made, synced, _) = await _staged(open_harness)
    await _waits_for(harness, synced, made)
    await cancel(harness.services, CLEO, synced.id, "Not now")
    assert (await harness.now(synced.id)).note == ""


async def _waits_for(harness: RequestHarness, request: Request, other: Request) -> Request:
    """Approve a request, and let it wait for another one as the engine would."""
    await approve(harness.services, CLEO, await harness.shown(request.id), budget=None)
    async with harness.store.transaction() as transaction:
        current = await transaction.requests.locked(request.id)
        assert current is not None
        assert current.state is State.APPROVED
        return await transaction.requests.change(
            current, note=f"Waiting for {other.id}, which works on the same in Tines."
        )


def _with(services: Services, **differs: Any) -> Services:  # noqa: ANN401 - parts of the services
    parts = {name: getattr(services, name) for name in ("store", "topology", "people", "catalogue", "executor")}
    return Services(**{**parts, **differs})
