"""All operations on one sync destination, in any order, while Tines fails and somebody else changes it.

After every piece of work the destination is compared with how it was before: a request changes only what it asks for,
and that once, whatever was lost in between.
"""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from datetime import timedelta
from functools import partial
from itertools import count
from typing import Final, NamedTuple

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test
from pydantic import JsonValue

from bot.playground.tines.faults import Fault, Kind
from bot.playground.tines.seed import PROD_KEY
from bot.playground.tines.syncing import create_destination, delete_destination, update_destination
from handlers.audit import Verified
from handlers.models import Request, State
from handlers.operations.add_stories import AddParams
from handlers.operations.delete import DeleteParams
from handlers.operations.registry import all_operations, on_destinations
from handlers.operations.remove_stories import RemoveParams
from handlers.operations.set_mode import ModeParams
from handlers.requests import Done, Submission, advance, freeze, submit, unfreeze
from handlers.routes import OperationPolicy

from .harness import ADA, MONDAY, RINA, ROUTE, Clock, RequestHarness, Staff, local_tenants, opened
from .test_requests_machine import FUZZ, LENGTH

_FAULTS: Final = (
    Fault(Kind.ANSWER, status=502, times=1),  # nobody knows, and it was not applied
    Fault(Kind.APPLIED_THEN_ANSWER, status=502, times=1),  # nobody knows, and it was
    Fault(Kind.ANSWER, status=422, times=1, message="No"),
    Fault(Kind.ANSWER, status=429, times=1, retry_after=1),
)
_DONE: Final = frozenset({State.FOLLOWING, State.SUCCEEDED, State.PARTIAL})
_names = partial(next, count(1))


class Looks(NamedTuple):
    """How the destination looks on Tines; gone: no stories, no mode."""

    stories: frozenset[int] = frozenset()
    manual: bool | None = None


class Operations(RuleBasedStateMachine):
    """Requests for one sync destination, and others who work on it."""

    def __init__(self, database_url: str) -> None:
        super().__init__()
        self.url = database_url
        self.runner = asyncio.Runner()
        self.clock, self.staff = Clock(MONDAY + timedelta(days=364 * _names())), Staff()
        self.tenants = local_tenants(self.clock)
        self.stack = AsyncExitStack()
        self.harness: RequestHarness
        self.requests: list[str] = []
        self.effects: Counter[str] = Counter()
        self.number = 0
        self.stories: list[int] = []

    # ---- what happens

    @initialize()
    def a_destination_is_there(self) -> None:
        """Begin with two stories in it, three that are not, of which the last one is only touched by others."""
        dev, prod = self.tenants
        team = next(team.id for team in dev.teams.values() if team.name == "SecOps")
        self.stories = [each.id for each in dev.stories.values() if each.team_id == team and each.change_control][:5]
        body = {
            "destination_tenant_url": "http://127.0.0.1:2",
            "destination_tenant_api_key": PROD_KEY,
            "destination_team_id": next(iter(prod.teams)),
            "team_id": team,
            "story_ids": self.stories[:2],
        }
        self.number = create_destination(dev, body).id
        self.runner.run(self._open())

    @rule(
        name=st.sampled_from(on_destinations(all_operations())),
        which=st.sets(st.integers(0, 3), min_size=1),
        yes=st.booleans(),
    )
    def somebody_asks(self, name: str, which: set[int], *, yes: bool) -> None:
        """Ask for an operation; what cannot be is not taken."""
        asked: dict[str, dict[str, JsonValue]] = {
            "add_stories": {"story_ids": [self.stories[each] for each in sorted(which)]},
            "remove_stories": {"story_ids": [self.stories[each] for each in sorted(which)]},
            "sync": {"which": "all" if yes else "failed"},
            "set_mode": {"mode": "manual" if yes else "automatic"},
            "rotate_key": {"everywhere": yes},
            "delete": {"keep_stories": yes, "team_name": "SecOps"},
        }
        self.runner.run(self._ask(name, asked[name]))

    @rule(which=st.integers(0, 5), fault=st.sampled_from((None, None, *_FAULTS)))
    def a_request_is_worked_on(self, which: int, fault: Fault | None) -> None:
        """Do a piece of work for one of the requests that are under way; the call that changes something may fail."""
        self.clock.passes(seconds=6)  # else it waits for the one before
        self.runner.run(self._work_on_some(which, fault))

    @rule(seconds=st.sampled_from([1, 10, 120]))
    def time_passes(self, seconds: int) -> None:
        """Let time pass."""
        self.clock.passes(seconds=seconds)

    @rule()
    def somebody_else_adds_or_removes_a_story(self) -> None:
        """Let somebody change the set of stories on Tines."""
        dev, story = self.tenants[0], self.stories[4]
        if self._looks().manual is not None:
            update_destination(dev, self.number, {"story_ids": sorted(self._looks().stories ^ {story})})

    @rule(sure=st.integers(0, 9))
    def somebody_else_deletes_it(self, sure: int) -> None:
        """Let somebody delete the destination on Tines, now and then."""
        if sure == 0 and self._looks().manual is not None:
            delete_destination(self.tenants[0], self.number, {"keep_stories": True})

    @rule(frozen=st.sampled_from([True, False, False, False]))
    def the_route_is_frozen_or_goes_on(self, *, frozen: bool) -> None:
        """Freeze the route, or unfreeze it."""
        services = self.harness.services
        self.runner.run(freeze(services, ADA, ROUTE, "Hold on") if frozen else unfreeze(services, ADA, ROUTE))

    @rule()
    def a_restart(self) -> None:
        """End the process, and let another one go on."""
        self.runner.run(self._restart())

    def teardown(self) -> None:
        """Unfreeze, let everything end, and look at how it ended."""
        try:
            if hasattr(self, "harness"):
                self.runner.run(self._end())
        finally:
            self.runner.run(self.stack.aclose())
            self.runner.close()

    # ---- how

    async def _open(self) -> None:
        operations = {name: OperationPolicy(approvals=0) for name in on_destinations(all_operations())}
        opening = opened(self.url, clock=self.clock, staff=self.staff, tenants=self.tenants, operations=operations)
        self.harness = await self.stack.enter_async_context(opening)

    async def _restart(self) -> None:
        await self.stack.aclose()
        await self._open()

    async def _ask(self, name: str, asked: dict[str, JsonValue]) -> None:
        submission = Submission(
            operation=name,
            route=ROUTE,
            asked={"destination_id": self.number, **asked},
            reason="Now",
            draft_id=f"operations-{_names()}",
        )
        answer = await submit(self.harness.services, RINA, submission, budget=None)
        if isinstance(answer, Done):
            self.requests.append(answer.request.id)

    async def _work_on_some(self, which: int, fault: Fault | None) -> None:
        left = [each for each in self.requests if not (await self.harness.now(each)).state.final]
        if left:
            await self._work(left[which % len(left)], fault)

    async def _work(self, request_id: str, fault: Fault | None = None) -> None:
        faults, before, request = self.tenants[0].faults, self._looks(), await self.harness.now(request_id)
        numbers = []
        if fault is not None:
            path = f"/admin/sync_destinations/{self.number}*"
            methods = ("PATCH", "DELETE", "POST")
            numbers = [faults.add(Fault(**{**vars(fault), "method": each, "path": path})) for each in methods]
        await advance(self.harness.services, request_id)
        for number in numbers:
            faults.remove(number)
        after, ended = self._looks(), await self.harness.now(request_id)
        if after != before:
            self.effects[request_id] += 1
            assert request.state in {State.APPROVED, State.RUNNING}, (request, before, after)
            assert _may_become(request, before, after), (request, before, after)
        if ended.state in _DONE and request.state not in _DONE:
            assert _is_done(ended, after), (ended, after)

    def _looks(self) -> Looks:
        there = self.tenants[0].destinations.get(self.number)
        return Looks() if there is None else Looks(frozenset(there.subscriptions), bool(there.manual_only))

    async def _end(self) -> None:
        await unfreeze(self.harness.services, ADA, ROUTE)
        for _ in range(60):
            left = [each for each in self.requests if not (await self.harness.now(each)).state.final]
            for request_id in left:
                await self._work(request_id)
            self.clock.passes(seconds=20)
        for request_id in self.requests:
            ended = await self.harness.now(request_id)
            assert ended.state.final or ended.state is State.UNCERTAIN, ended
            assert self.effects[request_id] <= 1, ended
            assert ended.state is not State.CANCELLED or not self.effects[request_id], ended
        for call in self.tenants[0].calls.of("DELETE", f"/admin/sync_destinations/{self.number}"):
            assert isinstance(call.asked, dict)
            assert "keep_stories" in call.asked
        assert isinstance(await self.harness.record(), Verified)


def _may_become(request: Request, before: Looks, after: Looks) -> bool:
    """Whether a request may change the destination from one to the other: only as it asks, and nothing besides."""
    match request.params:
        case AddParams(stories=stories):
            asked = {story.id for story in stories}
            return before.stories < after.stories <= before.stories | asked and before.manual == after.manual
        case RemoveParams(stories=stories):
            asked = {story.id for story in stories}
            return before.stories > after.stories >= before.stories - asked and before.manual == after.manual
        case ModeParams():
            return before.stories == after.stories and after.manual is not None
        case DeleteParams():
            return after == Looks()
        case _:
            return False


def _is_done(request: Request, now: Looks) -> bool:
    """Whether what a request asked for is so."""
    match request.params:
        case AddParams(stories=stories):
            return {story.id for story in stories} <= now.stories
        case RemoveParams(stories=stories):
            return not {story.id for story in stories} & now.stories
        case ModeParams(mode=mode):
            return now.manual is (mode.value == "manual")
        case DeleteParams():
            return now == Looks()
        case _:
            return True


def test_operations_in_any_order(prepared_sqlite: str) -> None:
    """In whatever order things happen, each request changes what it asks for, once, and nothing that others did."""
    length = settings(LENGTH, max_examples=FUZZ or 5, stateful_step_count=20)
    # a class is asked for, anything that makes a machine is taken
    run_state_machine_as_test(partial(Operations, prepared_sqlite), settings=length)  # type: ignore[arg-type]
