"""Tenants that answer everything, but take long for it: what is asked for gets done, once, and ends."""

from dataclasses import dataclass
from typing import Any, Final

import pytest

from handlers.models import State
from handlers.routes import Existing
from tests.unit.requests.harness import STORIES

from .conftest import OpenExecution
from .harness import DESTINATIONS, ExecutionHarness

OTHER: Final = "Isolate host with CrowdStrike"
SECONDS: Final = 12  # for each answer: longer than the send window


@dataclass(frozen=True)
class Case:
    """An operation that makes several calls, what its form asks for, and the calls that change something."""

    operation: str
    asked: dict[str, Any]
    method: str
    paths: tuple[str, ...]  # with the numbers of the first two destinations and of the stories in the first
    left: frozenset[str]  # stories in the first destination afterwards

    def __str__(self) -> str:
        """Return the operation's name."""
        return self.operation


BOTH: Final = frozenset(STORIES)
FIRST: Final = "/admin/sync_destinations/{0}"
CASES: Final = (
    Case("add_stories", {"story_ids": [OTHER]}, "PATCH", (FIRST,), BOTH | {OTHER}),
    Case("remove_stories", {"story_ids": [STORIES[1]]}, "PATCH", (FIRST,), frozenset(STORIES[:1])),
    Case(
        "sync",
        {"which": "chosen", "story_ids": list(STORIES)},
        "POST",
        tuple(f"{FIRST}/story/{{{number}}}/sync" for number in (2, 3)),
        BOTH,
    ),
    Case("rotate_key", {"everywhere": True}, "PATCH", (FIRST, "/admin/sync_destinations/{1}"), BOTH),
)


def _slow(execution: ExecutionHarness, seconds: float) -> None:
    """Let the source tenant take so long for each answer, counted by every clock of the harness."""

    async def time_passes() -> None:
        execution.harness.clock.passes(seconds=seconds)

    execution.line.always(time_passes)


@pytest.mark.parametrize("case", CASES, ids=str)
async def test_a_slow_tenant_gets_every_call_once(open_execution: OpenExecution, case: Case) -> None:
    """However long the calls before took, each call has its own time to leave: nothing begins again from the first."""
    execution = await open_execution()
    first = execution.somebody_creates(*STORIES)
    second = execution.somebody_creates(OTHER)
    request = await execution.approved_on(first, case.operation, case.asked)
    _slow(execution, SECONDS)
    numbers = (first.id, second.id, *(execution.harness.story(name) for name in STORIES))
    ended = await execution.harness.finishes(request.id)
    assert ended.state is State.SUCCEEDED, ended.problem
    assert ended.attempts == 1
    assert [execution.line.tries(case.method, path.format(*numbers)) for path in case.paths] == [1] * len(case.paths)
    assert execution.synced()[0] == set(case.left)
    assert "not_reached" not in await execution.harness.kinds(request.id)


async def test_adding_on_a_route_that_adds(open_execution: OpenExecution) -> None:
    """A create that adds to the destination that is there gets through to a slow tenant as well."""
    execution = await open_execution(existing=Existing.ADD)
    there = execution.somebody_creates(STORIES[0])
    request = await execution.approved(story_ids=(execution.harness.story(STORIES[1]),))
    _slow(execution, SECONDS)
    assert (await execution.harness.finishes(request.id)).state is State.SUCCEEDED
    assert execution.line.tries("PATCH", f"{DESTINATIONS}/{there.id}") == 1
    assert execution.synced() == [set(STORIES)]


@pytest.mark.parametrize("case", CASES[:2], ids=str)
async def test_somebody_who_took_over_is_not_overtaken(open_execution: OpenExecution, case: Case) -> None:
    """A process that comes back from its looks when another one has gone on with the request sends nothing more."""
    execution = await open_execution()
    first = execution.somebody_creates(*STORIES)
    request = await execution.approved_on(first, case.operation, case.asked)
    path = f"{DESTINATIONS}/{first.id}"
    async with execution.beside() as other:

        async def the_other_goes_on() -> None:
            execution.harness.clock.passes(minutes=2)  # longer than the call that was written down can take
            await other.works(request.id)  # sees it for the first time
            execution.harness.clock.passes(minutes=4)
            await other.works(request.id)

        async def nothing() -> None:
            """Look at what Tines says for the first time."""

        execution.line.after("GET", path, nothing, nothing, the_other_goes_on)
        ended = await execution.harness.finishes(request.id)
    assert ended.state is State.SUCCEEDED
    assert execution.line.tries("PATCH", path) == 0  # it was the other one's to send
    assert execution.synced()[0] == set(case.left)
