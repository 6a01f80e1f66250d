"""What is checked before every send: the first, a second after nothing came of the first, and a later call of one send.

Whatever changed since the approval, nothing more is sent, and people read what it was.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final

import pytest

from handlers.models import Request, State
from handlers.operations.sync import SyncWork
from handlers.requests import Done, Submission, cancel, history_of, submit
from handlers.routes import OperationPolicy, Route
from tests.unit.requests.harness import ADA, LEADS, OPS, RINA, ROUTE, STORIES, TOM

from .conftest import OpenExecution
from .harness import DESTINATIONS, ExecutionHarness, no_answer

ASKERS, DENIED, EMERGENCY = "S0ASKERS", "S0DENIED", "S0EMERGENCY"
OTHER: Final = "Isolate host with CrowdStrike"
SLOW: Final = 12  # seconds of an answer: longer than a check before holds
FIRST, SECOND, LATER = "first", "second", "later"


@dataclass(frozen=True)
class Case:
    """What changes between approval and send, what the route is like, and what becomes of the request."""

    what: str
    change: Callable[[ExecutionHarness], None]
    says: str
    ends: State = State.PENDING
    route: dict[str, Any] = field(default_factory=dict)
    emergency: bool = False
    sends: tuple[str, ...] = (FIRST, SECOND, LATER)


def leaves(group: str, who: str) -> Callable[[ExecutionHarness], None]:
    """Return what takes somebody out of a group."""
    return lambda execution: execution.harness.staff.groups[group].discard(who)


def configured(**changes: Any) -> Callable[[ExecutionHarness], None]:  # noqa: ANN401 - fields of the route
    """Return what starts a process whose route is configured in another way."""

    def change(execution: ExecutionHarness) -> None:
        topology = execution.harness.services.topology
        route: Route = topology.routes[ROUTE].model_copy(update=changes)
        execution.starts(topology.model_copy(update={"routes": {ROUTE: route}}))

    return change


def moves(execution: ExecutionHarness) -> None:
    """Let the destination tenant have another address."""
    topology = execution.harness.services.topology
    prod = topology.tenants["prod"].model_copy(update={"url": "http://127.0.0.1:3"})
    execution.starts(topology.model_copy(update={"tenants": {**topology.tenants, "prod": prod}}))


def edits(execution: ExecutionHarness) -> None:
    """Let somebody edit a story."""
    execution.harness.dev.edit_action(execution.harness.story(STORIES[1]), mode="extract")


def deletes(execution: ExecutionHarness) -> None:
    """Let somebody delete a story."""
    execution.harness.dev.delete_story(execution.harness.story(STORIES[1]))


AGAIN: Final = (FIRST, SECOND)  # what only another process can know
CASES: Final = (
    Case("approvals raised", configured(approvals=2), "now requires more approvals", sends=AGAIN),
    Case("approvals raised for the operation", configured(operations={"sync": OperationPolicy(approvals=2)}), "now requires more approvals", sends=AGAIN),
    Case("approver denied", lambda each: each.harness.staff.groups[DENIED].add(ADA), "excluded by the policy", route={"denied": (DENIED,)}),
    Case("approver delisted", configured(approvers=(OPS,)), "no longer among the people who approve", sends=AGAIN),
    Case("approver out of the group", leaves(LEADS, ADA), "no longer among the people who approve"),
    Case("approver deactivated", lambda each: each.harness.staff.deactivated.add(ADA), "deactivated"),
    Case("approver a guest", lambda each: each.harness.staff.guests.add(ADA), "guest"),
    Case("requester no longer allowed", leaves(ASKERS, RINA), "no longer among the people who can request", State.FAILED, {"requesters": (ASKERS,)}),
    Case("emergency person delisted", leaves(EMERGENCY, TOM), "without approval", State.PENDING, {"break_glass": (EMERGENCY,)}, emergency=True),
    Case("approval too old", lambda each: each.harness.clock.passes(hours=2), "more than 1 hour ago", route={"approval_valid_for": "PT1H"}),
    Case("story edited", edits, "was edited in Tines since"),
    Case("story deleted", deletes, "was deleted, or was moved"),
    Case("tenant moved", moves, "A tenant's address changed", sends=AGAIN),
)  # fmt: skip
WHEN: Final = [(case, send) for case in CASES for send in case.sends]


@pytest.mark.parametrize(("case", "send"), WHEN, ids=[f"{case.what}, {send}" for case, send in WHEN])
async def test_nothing_is_sent_that_is_not_approved_now(open_execution: OpenExecution, case: Case, send: str) -> None:
    """The request goes back to its approvers, or ends, and says why, and whether anything was sent before."""
    execution = await open_execution(**case.route)
    execution.harness.staff.groups |= {ASKERS: {RINA, TOM}, DENIED: set(), EMERGENCY: {TOM}}
    harness = execution.harness
    there = execution.somebody_creates(*STORIES)
    paths = [f"{DESTINATIONS}/{there.id}/story/{harness.story(name)}/sync" for name in STORIES]
    request = await _ready(execution, there.id, emergency=case.emergency)
    match send:
        case "first":
            case.change(execution)
        case "second":
            execution.line.before("POST", paths[0], no_answer)
            assert (await harness.works(request.id, rounds=1)).state is State.RUNNING
            case.change(execution)
            harness.clock.passes(minutes=5)
        case _:
            execution.line.after("POST", paths[0], _slowly(execution, case.change))
    ended = await harness.finishes(request.id)
    assert (ended.state, [execution.line.tries("POST", path) for path in paths]) == (case.ends, [send != FIRST, 0])
    notes = [each for each in await harness.told() if each["of"] == request.id and "kind" in each]
    assert case.says in f"{ended.problem.what if ended.problem else ''} {notes}"
    sent = 0 if ended.problem is None else "1 call to Tines may have been applied" in ended.problem.advice
    assert max([sent, *(note.get("sent", 0) for note in notes)]) == (send != FIRST)


async def test_a_row_that_says_approved_is_not_believed(open_execution: OpenExecution) -> None:
    """A request that something but a quorum moved on goes back to its approvers."""
    execution = await open_execution()
    harness = execution.harness
    request = await harness.asks()
    async with harness.store.transaction() as transaction:
        await transaction.requests.change(request, state=State.APPROVED, next_run_at=transaction.now)
    assert (await harness.finishes(request.id)).state is State.PENDING
    assert execution.line.tries("POST") == 0
    assert await execution.notes(request) == ["needs_approval_again"]


@pytest.mark.parametrize("send", AGAIN)
async def test_a_destination_that_appeared_is_shown_first(open_execution: OpenExecution, send: str) -> None:
    """A create goes back to its approvers when somebody made a sync destination for the same teams since.

    When its own first call may have made that one, a person decides.
    """
    execution = await open_execution()
    request = await execution.approved()
    if send == SECOND:
        execution.line.before("POST", DESTINATIONS, no_answer)
        assert (await execution.harness.works(request.id, rounds=1)).state is State.RUNNING
    execution.somebody_creates(OTHER)
    execution.harness.clock.passes(minutes=5)
    ended = await execution.harness.finishes(request.id)
    assert ended.state is (State.UNCERTAIN if send == SECOND else State.PENDING)
    assert execution.line.tries("POST") == (send == SECOND)


@pytest.mark.parametrize("made", [0, 1])
async def test_who_cancels_reads_what_was_sent(open_execution: OpenExecution, made: int) -> None:
    """A request that a freeze stopped on its way can be cancelled, and nobody says then that nothing was sent."""
    execution = await open_execution()
    harness = execution.harness
    there = execution.somebody_creates(*STORIES)
    request = await _ready(execution, there.id, emergency=False)
    first = f"{DESTINATIONS}/{there.id}/story/{harness.story(STORIES[0])}/sync"
    if made:
        execution.line.after("POST", first, execution.freezes)
    else:
        await execution.freezes()
    assert (await harness.works(request.id)).state is State.APPROVED
    answer = await cancel(harness.services, RINA, request.id, "")
    assert isinstance(answer, Done)
    said = ["Nothing was sent.", "1 call to Tines may have been applied before that. See the history."]
    assert answer.text == f"{request.id} is cancelled. {said[made]}"
    assert execution.line.tries("POST", first) == made


async def test_a_call_that_nobody_recorded_is_not_denied(open_execution: OpenExecution) -> None:
    """A process that dies right after a call leaves no word of it: nobody says then that nothing was sent."""
    execution = await open_execution()
    harness = execution.harness
    there = execution.somebody_creates(*STORIES)
    request = await _ready(execution, there.id, emergency=False)
    async with harness.store.transaction() as transaction:  # what it wrote before the call
        changes = {"attempts": 1, "attempted_at": transaction.now, "next_run_at": transaction.now}
        await transaction.requests.change(request, state=State.RUNNING, work=SyncWork(), **changes)
    harness.staff.deactivated.add(ADA)
    assert (await harness.finishes(request.id)).state is State.PENDING
    (note,) = [each for each in await harness.told() if each["of"] == request.id and "reasons" in each]
    assert note["sent"] == 1
    answer = await cancel(harness.services, RINA, request.id, "")
    assert isinstance(answer, Done)
    assert answer.text.endswith("1 call to Tines may have been applied before that. See the history.")
    events = [event.kind for event in (await history_of(harness.services, request.id))[1]]
    assert events.count("call_unrecorded") == 1


async def _ready(execution: ExecutionHarness, destination: int, *, emergency: bool) -> Request:
    """Return a request to sync both stories again, approved by Ada or, in an emergency, run by Tom alone."""
    there = execution.harness.dev.destinations[destination]
    if not emergency:
        return await execution.approved_on(there, "sync", {"which": "chosen", "story_ids": list(STORIES)})
    asked = {"destination_id": destination, "which": "chosen", "story_ids": [*map(execution.harness.story, STORIES)]}
    form = Submission(operation="sync", route=ROUTE, asked=asked, reason="Now", emergency=True, draft_id="now")
    answer = await submit(execution.harness.services, TOM, form, budget=None)
    assert isinstance(answer, Done), answer
    return answer.request


def _slowly(execution: ExecutionHarness, change: Callable[[ExecutionHarness], None]) -> Callable[[], Awaitable[None]]:
    async def happens() -> None:
        change(execution)
        execution.harness.clock.passes(seconds=SLOW)

    return happens
