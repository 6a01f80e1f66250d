import asyncio
import os
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import timedelta
from functools import partial
from itertools import count
from typing import Final

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from handlers.audit import Verified
from handlers.models import State
from handlers.requests import ReviewedVersion, advance, approve, cancel, edit, freeze, reject, unfreeze, withdraw

from .harness import (
    ADA,
    BEN,
    CLEO,
    LEADS,
    MONDAY,
    RINA,
    ROUTE,
    TOM,
    Clock,
    RequestHarness,
    Staff,
    local_tenants,
    opened,
)
from .model import APPROVERS, DONE, REFUSED, WORKED, Click, Model, explanations

# Short and always the same where it runs with all other tests; as long, and as different, as one likes by FUZZ.
FUZZ: Final = int(os.environ.get("FUZZ", "0"))
LENGTH: Final = settings(
    max_examples=FUZZ or 12,
    stateful_step_count=14,
    derandomize=not FUZZ,
    database=None,
    phases=list(Phase) if FUZZ else [Phase.generate],  # making a failing example small takes minutes
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    print_blob=bool(FUZZ),
)

_PEOPLE: Final = st.sampled_from([ADA, BEN, CLEO, RINA, TOM])
_CLICKS: Final = st.tuples(
    st.sampled_from(
        ["approve", "approve", "approve", "reject", "withdraw", "cancel", "edit", "freeze", "unfreeze", "work"]
    ),
    _PEOPLE,
    st.integers(0, 3),  # which of the latest reviews is on the person's screen
)
_SENT: Final = frozenset({State.RUNNING, State.FOLLOWING, State.SUCCEEDED, State.PARTIAL})
_names = partial(next, count(1))


class Approvals(RuleBasedStateMachine):
    """One request, on which people click what they like, one after the other and at the same time."""

    def __init__(self, database_url: str) -> None:
        super().__init__()
        self.url = database_url
        self.runner = asyncio.Runner()
        # each request has a year of its own, so that none is held up by an earlier one for the same teams
        self.clock, self.staff = Clock(MONDAY + timedelta(days=364 * _names())), Staff()
        self.tenants = local_tenants(self.clock)
        self.stack = AsyncExitStack()
        self.reviews: list[ReviewedVersion] = []
        self.harness: RequestHarness
        self.model: Model
        self.id = ""

    # ---- what happens

    @initialize()
    def asked(self) -> None:
        """Somebody asks."""
        self.runner.run(self._ask())

    @rule()
    def somebody_reviews(self) -> None:
        """Open a review: what it shows is what may be decided later."""
        self.runner.run(self._review())

    @rule(clicks=st.lists(_CLICKS, min_size=1, max_size=3))
    def people_click(self, clicks: list[tuple[str, str, int]]) -> None:
        """People click at the same time."""
        self.runner.run(self._at_once([self._click(*each) for each in clicks]))

    @rule(who=st.sampled_from(sorted(APPROVERS)), which=st.integers(0, 3))
    def somebody_clicks_twice(self, who: str, which: int) -> None:
        """Click twice, or let Slack send the same again."""
        self.runner.run(self._at_once([self._click("approve", who, which)] * 2))

    @rule(
        pair=st.sampled_from([("approve", "reject"), ("approve", "cancel"), ("approve", "edit"), ("approve", "work")])
    )
    def the_decision_and_something_else(self, pair: tuple[str, str]) -> None:
        """Give all approvals that are missing, of what is there now, and do something else at the same moment."""
        self.runner.run(self._review())
        other = RINA if pair[1] in {"cancel", "edit"} else CLEO
        clicks = [self._click("approve", who, 0) for who in (ADA, BEN)]
        self.runner.run(self._at_once([*clicks, self._click(pair[1], other, 0)]))

    @rule()
    def a_story_is_edited(self) -> None:
        """Somebody works on a story in Tines."""
        self.clock.passes(seconds=1)
        self.harness.dev.edit_action(self.harness.story("High-Priority Alerts"), edited=str(self.harness.clock()))
        self.runner.run(self._look())

    @rule()
    def its_time_is_over(self) -> None:
        """Let the request's time pass."""
        self.clock.passes(days=4)
        self.model = replace(self.model, late=self.model.state == "pending")

    @rule()
    def a_restart(self) -> None:
        """End the process, and let another one go on."""
        self.runner.run(self._restart())

    def teardown(self) -> None:
        """Thaw, let it end, and count what was created."""
        try:
            if hasattr(self, "harness"):
                self.runner.run(self._end())
        finally:
            self.runner.run(self.stack.aclose())
            self.runner.close()

    # ---- how

    def _click(self, what: str, who: str, which: int) -> Click:
        shown = self.reviews[-1 - which % len(self.reviews)]
        return Click(what, who, shown.revision, shown.digest)

    async def _ask(self) -> None:
        await self._open()
        request = await self.harness.asks(draft_id=f"machine-{_names()}")
        self.id = request.id
        self.model = Model(there=request.digest, digest=request.digest)
        await self._review()
        await self._look()

    async def _open(self) -> None:
        opening = opened(
            self.url,
            clock=self.clock,
            staff=self.staff,
            tenants=self.tenants,
            approvals=2,
            approvers=(LEADS, CLEO),
        )
        self.harness = await self.stack.enter_async_context(opening)

    async def _restart(self) -> None:
        await self.stack.aclose()
        await self._open()
        await self._compare(self.model)

    async def _review(self) -> None:
        self.reviews.append(await self.harness.shown(self.id))

    async def _look(self) -> None:
        self.model = replace(self.model, there=(await self.harness.shown(self.id)).digest)

    async def _at_once(self, clicks: list[Click]) -> None:
        works = [click for click in clicks if click.what == "work"]
        for spare in works[1:]:  # one process never looks at one request twice at the same time
            clicks.remove(spare)
        answers = await asyncio.gather(*(self._do(click) for click in clicks))
        possible = list(explanations(self.model, clicks, answers))
        now = await self.harness.now(self.id)
        for model in possible:
            if await self._matches(model):
                self.model = model
                break
        else:
            message = (
                f"no order of {clicks} explains the answers {answers} and {now.state} in revision {now.revision} "
                f"with {[each.actor for each in now.approvals()]}, from {self.model}; explained: {possible}"
            )
            raise AssertionError(message)
        await self._everybody_is_told()

    async def _do(self, click: Click) -> str:
        services, who = self.harness.services, click.who
        match click.what:
            case "approve":
                return type(await approve(services, who, self._shown(click), budget=None)).__name__
            case "reject":
                return type(await reject(services, who, self._shown(click), "No")).__name__
            case "withdraw":
                return type(await withdraw(services, who, self.id)).__name__
            case "cancel":
                return type(await cancel(services, who, self.id, "No need")).__name__
            case "edit":
                form = self.harness.form(reason="Better", draft_id=f"machine-{_names()}")
                return type(await edit(services, who, self.id, click.revision, form, budget=None)).__name__
            case "freeze":
                frozen = await freeze(services, who, ROUTE, "Hold on")
                return REFUSED if type(frozen).__name__ == REFUSED else DONE
            case "unfreeze":
                unfrozen = await unfreeze(services, who, ROUTE)
                return REFUSED if type(unfrozen).__name__ == REFUSED else DONE
            case _:
                await advance(services, self.id)
                return WORKED

    def _shown(self, click: Click) -> ReviewedVersion:
        return ReviewedVersion(request_id=self.id, revision=click.revision, digest=click.digest)

    async def _matches(self, model: Model) -> bool:
        now = await self.harness.now(self.id)
        async with self.harness.store.reading() as reader:
            frozen = await reader.freezes.get(ROUTE) is not None
        state = "done" if now.state in _SENT else now.state.value
        approvals = frozenset(each.actor for each in now.approvals())
        return (state, now.revision, approvals, frozen) == (
            model.state,
            model.revision,
            model.counting(),
            model.frozen,
        )

    async def _compare(self, model: Model) -> None:
        assert await self._matches(model), (model, await self.harness.now(self.id))

    async def _everybody_is_told(self) -> None:
        """Check that the requester is told once how it ended."""
        if self.model.state in {"rejected", "cancelled", "expired"}:
            told = [each["kind"] for each in await self.harness.told(f"@{RINA}") if each["of"] == self.id]
            assert told == [self.model.state]
            kinds = await self.harness.kinds(self.id)
            assert kinds.count(self.model.state) == 1

    async def _end(self) -> None:
        if self.model.frozen:
            await unfreeze(self.harness.services, ADA, ROUTE)
        ended = await self.harness.finishes(self.id)
        as_approved = self.model.there == self.model.digest
        sent = self.model.state == "done" or (self.model.state == "approved" and as_approved)
        assert (ended.state is State.SUCCEEDED) is sent, ended
        assert self.harness.creates() == (1 if sent else 0)
        assert isinstance(await self.harness.record(), Verified)


def test_approvals_on_any_database(prepared_database: str) -> None:
    """Whatever people click at the same time, there is one outcome, as if they had clicked one after the other."""
    machine = partial(Approvals, prepared_database)
    # a class is asked for, anything that makes a machine is taken
    run_state_machine_as_test(machine, settings=LENGTH)  # type: ignore[arg-type]
