"""A refusal that passes: one 401, 403, 404, 423 or 425 of a proxy, or while a tenant is deployed anew, ends nothing.

Only one that stays is believed, and then people read what it means.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import pytest

from bot.playground.tines.faults import Fault, Kind
from bot.playground.tines.syncing import delete_destination
from handlers.models import Request, State
from handlers.operations.destination import DestinationResult
from tests.unit.requests.harness import MONDAY, STORIES

from .conftest import OpenExecution
from .harness import DESTINATIONS, ExecutionHarness, no_answer

OTHER: Final = "Isolate host with CrowdStrike"
STRAY: Final = (401, 403, 404, 423, 425)


@dataclass(frozen=True)
class Case:
    """An operation, what its form asks for, and the call that it makes."""

    operation: str
    asked: dict[str, Any]
    method: str
    path: str = ""

    def __str__(self) -> str:
        """Return the operation's name."""
        return self.operation


CASES: Final = (
    Case("add_stories", {"story_ids": [OTHER]}, "PATCH"),
    Case("remove_stories", {"story_ids": [STORIES[1]]}, "PATCH"),
    Case("sync", {"which": "all"}, "POST", "/manual_sync"),
    Case("set_mode", {"mode": "manual"}, "PATCH"),
    Case("rotate_key", {}, "PATCH"),
    Case("delete", {"keep_stories": True}, "DELETE"),
)
every = pytest.mark.parametrize("case", CASES, ids=str)


def _refuses(execution: ExecutionHarness, method: str, path: str, status: int, times: int | None = 1) -> None:
    execution.harness.dev.faults.add(Fault(Kind.ANSWER, method, path, status=status, message="Stray", times=times))


def _next_run(request: Request) -> datetime:
    assert request.next_run_at is not None
    return request.next_run_at


@every
async def test_a_stray_refusal_of_the_look_ends_nothing(open_execution: OpenExecution, case: Case) -> None:
    """Refused once while it is looked at after the approval, the request is done when that has passed."""
    execution = await open_execution()
    there = execution.somebody_creates(*STORIES)
    request = await execution.approved_on(there, case.operation, case.asked)
    for status in STRAY:
        _refuses(execution, "GET", f"{DESTINATIONS}/{there.id}", status)
        waiting = await execution.harness.works(request.id, rounds=1)
        assert waiting.problem is not None
        assert (waiting.state, waiting.problem.status) == (State.APPROVED, status)
        execution.harness.clock.now = _next_run(waiting)
    assert execution.line.tries(case.method, f"{DESTINATIONS}/{there.id}{case.path}") == 0
    assert (await execution.harness.finishes(request.id)).state is State.SUCCEEDED
    assert execution.line.tries(case.method, f"{DESTINATIONS}/{there.id}{case.path}") == 1


@every
async def test_a_stray_refusal_of_the_call_ends_nothing(open_execution: OpenExecution, case: Case) -> None:
    """Refused once when it is sent, the call was not applied: everything is checked again, and it is sent again."""
    execution = await open_execution()
    there = execution.somebody_creates(*STORIES)
    path = f"{DESTINATIONS}/{there.id}{case.path}"
    request = await execution.approved_on(there, case.operation, case.asked)
    for number, status in enumerate(STRAY):
        _refuses(execution, case.method, path, status)
        waiting = await execution.harness.works(request.id, rounds=1)
        assert waiting.problem is not None
        assert (waiting.state, waiting.problem.status) == (State.APPROVED, status)
        assert execution.line.tries(case.method, path) == number + 1
        execution.harness.clock.now = _next_run(waiting)
    assert (await execution.harness.finishes(request.id)).state is State.SUCCEEDED


async def test_a_create_that_is_refused_once(open_execution: OpenExecution) -> None:
    """The same holds for a create: refused once it made nothing, and is sent again."""
    execution = await open_execution()
    request = await execution.approved()
    _refuses(execution, "POST", DESTINATIONS, 403)
    assert (await execution.harness.works(request.id, rounds=1)).state is State.APPROVED
    assert (await execution.harness.finishes(request.id)).state is State.SUCCEEDED
    assert execution.harness.creates() == 1


@every
@pytest.mark.parametrize("status", [403, 404])
async def test_a_refusal_of_the_call_that_stays(open_execution: OpenExecution, case: Case, status: int) -> None:
    """A refusal that stays is told in Tines's words after some minutes; nothing is tried for ever."""
    execution = await open_execution()
    there = execution.somebody_creates(*STORIES)
    path = f"{DESTINATIONS}/{there.id}{case.path}"
    request = await execution.approved_on(there, case.operation, case.asked)
    _refuses(execution, case.method, path, status, times=None)
    ended = await execution.harness.finishes(request.id)
    assert ended.state is State.FAILED
    assert ended.problem is not None
    assert (ended.problem.words, ended.problem.status) == ("Stray", status)
    assert 80 < (execution.harness.clock() - MONDAY).total_seconds() < 300
    assert execution.line.tries(case.method, path) < 15


@every
async def test_a_stray_not_found_after_a_lost_answer(open_execution: OpenExecution, case: Case) -> None:
    """Not found once, when nobody knows what came of the call: nothing is concluded from that alone."""
    execution = await open_execution()
    there = execution.somebody_creates(*STORIES)
    path = f"{DESTINATIONS}/{there.id}"
    request = await execution.approved_on(there, case.operation, case.asked)
    execution.line.before(case.method, f"{path}{case.path}", no_answer)  # it never arrived
    assert (await execution.harness.works(request.id)).state is State.RUNNING
    _refuses(execution, "GET", path, 404)
    execution.harness.clock.passes(seconds=5)
    assert (await execution.harness.works(request.id, rounds=1)).state is State.RUNNING
    assert (await execution.harness.finishes(request.id)).state is State.SUCCEEDED
    assert execution.line.tries(case.method, f"{path}{case.path}") == 2
    assert (there.id in execution.harness.dev.destinations) is (case.operation != "delete")


@every
@pytest.mark.parametrize("moment", ["before the look", "after a lost answer", "after two lost answers"])
async def test_a_destination_that_somebody_deleted(open_execution: OpenExecution, case: Case, moment: str) -> None:
    """Deleted by hand, it is named as such once that is sure, and what is said of the call is true; it always ends."""
    execution = await open_execution()
    there = execution.somebody_creates(*STORIES)
    path = f"{DESTINATIONS}/{there.id}"
    request = await execution.approved_on(there, case.operation, case.asked)
    lost = {"before the look": 0, "after a lost answer": 1}.get(moment, 2)
    for number in range(lost):
        execution.line.before(case.method, f"{path}{case.path}", no_answer)
        for _ in range(60):
            await execution.harness.works(request.id)
            if execution.line.tries(case.method, f"{path}{case.path}") > number:
                break
            execution.harness.clock.passes(seconds=5)
    delete_destination(execution.harness.dev, there.id, {"keep_stories": True})
    ended = await execution.harness.finishes(request.id)
    harmless = case.operation == "delete" or (case.operation == "remove_stories" and lost)
    assert ended.state is (State.SUCCEEDED if harmless else State.FAILED)
    if ended.state is State.FAILED:
        assert ended.problem is not None
        assert ended.problem.what == f"Sync destination {there.id} no longer exists"
        assert ("Nothing was sent" in ended.problem.advice) is (lost == 0)
    else:
        assert isinstance(ended.result, DestinationResult)
        assert "gone" in ended.result.text or "no longer exists" in ended.result.text
