import json
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

import httpx
import pytest

from bot.playground.tines.faults import Fault, Kind
from bot.playground.tines.seed import DEV_KEY, PROD_PUBLISH_KEY
from handlers.execution.call_journal import CALLED
from handlers.models import Request, State
from handlers.requests import Done, NotNow, Slow, advance, approve, cancel
from handlers.routes import Existing
from tests.unit.requests.harness import ADA, RINA, STORIES

from .conftest import OpenExecution
from .harness import DESTINATIONS, ExecutionHarness, no_answer, no_connection

Calls = list[Mapping[str, Any]]

WORDS: Final = f"Not with {DEV_KEY} today"  # as a tenant may echo a key
MASKED: Final = "Not with [secret] today"


async def too_slow() -> None:
    """Let the answer not come in time."""
    message = "timed out"
    raise httpx.ReadTimeout(message)


SILENCES: Final[Mapping[str, Callable[[], Awaitable[None]]]] = {
    "timeout": too_slow,
    "broken": no_answer,
    "unreachable": no_connection,
}


STATUS: Final[Mapping[str, int]] = {"refused": 422, "failed": 500}


@dataclass
class Watch:
    """An approved request, and every call to its source tenant since its approval was clicked."""

    execution: ExecutionHarness
    request: Request
    stories_before: int

    def made(self) -> Counter[tuple[str, str]]:
        """Return how often each call was made, as counted on the line and, for stories, by the tenant."""
        stories = len(self.execution.harness.dev.calls.of("GET", "/stories")) - self.stories_before
        return Counter(self.execution.line.tried) + Counter({("GET", "/stories"): stories})

    async def recorded(self) -> Calls:
        """Return the calls in the record."""
        return [event.data for event in await self.execution.harness.events(self.request.id) if event.kind == CALLED]

    async def counted(self) -> Counter[tuple[str, str]]:
        """Return how often each call was made, as the record and the row say."""
        kept = [call.model_dump() for call in (await self.execution.harness.now(self.request.id)).calls]
        counted: Counter[tuple[str, str]] = Counter()
        for call in (*await self.recorded(), *kept):
            counted[call["method"], call["path"]] += call.get("times", 1)
        return counted

    async def ends(self) -> Request:
        """Let time pass until nothing more happens by itself."""
        harness = self.execution.harness
        for _ in range(100):
            request = await harness.works(self.request.id)
            if request.next_run_at is None:
                return request
            harness.clock.passes(seconds=10)
        pytest.fail("it never came to rest")


async def _watched(execution: ExecutionHarness, *stories: str) -> Watch:
    """Ask for a sync and have it approved."""
    harness = execution.harness
    request = await harness.asks(story_ids=tuple(harness.story(name) for name in stories or STORIES))
    shown = await harness.shown(request.id)
    execution.line.tried.clear()
    before = len(harness.dev.calls.of("GET", "/stories"))
    assert isinstance(await approve(harness.services, ADA, shown, budget=None), Done)
    return Watch(execution, request, before)


async def _comes_to(watch: Watch, step: str) -> tuple[str, str]:
    """Let a request come to right before one of its calls, and return the method and path of that."""
    harness = watch.execution.harness
    if step in {"show", "list after"}:
        harness.dev.switches = replace(harness.dev.switches, sync_seconds=3)
        assert (await harness.works(watch.request.id)).state is State.FOLLOWING
    one = f"{DESTINATIONS}/{max(harness.dev.destinations, default=0)}"
    return {
        "list before": ("GET", DESTINATIONS),
        "list stories": ("GET", "/stories"),
        "create": ("POST", DESTINATIONS),
        "show": ("GET", one),
        "list after": ("GET", DESTINATIONS),
        "show before": ("GET", one),
        "update": ("PATCH", one),
    }[step]


STEPS: Final = ("list before", "list stories", "create", "show", "list after", "show before", "update")
ENDINGS: Final = ("ok", "refused", "failed", *SILENCES)
# the tenant's stories are asked for on a line of their own, which answers always
CASES: Final = [(step, end) for step in STEPS for end in ENDINGS if step != "list stories" or end not in SILENCES]


@pytest.mark.parametrize(("step", "ending"), CASES)
async def test_every_call_is_recorded_once(open_execution: OpenExecution, step: str, ending: str) -> None:
    """Whatever a call is for and however it ends, it is recorded once, with how it ended, and without a key."""
    adds = step in {"show before", "update"}
    execution = await open_execution(existing=Existing.ADD if adds else Existing.ASK)
    harness = execution.harness
    if adds:
        execution.somebody_creates(STORIES[0])
    watch = await _watched(execution, *((STORIES[1],) if adds else ()))
    method, path = await _comes_to(watch, step)
    if ending in SILENCES:
        execution.line.before(method, path, SILENCES[ending])
    elif ending != "ok":
        harness.dev.faults.add(Fault(Kind.ANSWER, method, path, times=1, status=STATUS[ending], message=WORDS))
    assert (await watch.ends()).calls == ()
    assert await watch.counted() == watch.made()
    calls = await watch.recorded()
    mine = [call for call in calls if (call["method"], call["path"]) == (method, path)]
    if ending in SILENCES:
        (told,) = [call for call in mine if call.get("why") == ending]
        assert (told["outcome"], "status" in told, told.get("times", 1)) == ("unanswered", False, 1)
    elif ending != "ok":
        (told,) = [call for call in mine if call["outcome"] == ending]
        assert (told["status"], told["words"]) == (STATUS[ending], MASKED)
        assert told.get("unapplied", False) is (method != "GET" and ending == "refused")
    else:
        assert {call["outcome"] for call in calls} == {"ok"}
        assert all(call["status"] in {200, 201} and call["back"] for call in mine)
    assert all((call["tenant"], call["ms"] >= 0) == ("dev", True) for call in mine)
    record = json.dumps([event.data for event in await harness.events(watch.request.id)])
    assert DEV_KEY not in record
    assert PROD_PUBLISH_KEY not in record


async def test_a_call_stands_before_what_it_led_to(open_execution: OpenExecution) -> None:
    """The record reads in the order of things: looked, about to create, created, and each with when and what came back."""
    execution = await open_execution()
    watch = await _watched(execution)
    began = execution.harness.clock()
    done = await watch.ends()
    events = await execution.harness.events(watch.request.id)
    steps = [(each.data["method"], each.data["path"]) if each.kind == CALLED else each.kind for each in events]
    look = [("GET", DESTINATIONS), ("GET", "/stories")]
    after = steps.index("approved")
    assert sorted(map(str, steps[1:after])) == sorted(map(str, look))
    assert {each.actor for each in events[1:after]} == {ADA}
    assert sorted(map(str, steps[after + 1 : after + 3])) == sorted(map(str, look))
    assert steps[after + 3 :] == [
        "create_begun",
        ("POST", DESTINATIONS),
        "created",
        "status",
        "status",
        ("GET", DESTINATIONS),
        "succeeded",
    ]
    (create,) = [each.data for each in events if each.kind == CALLED and each.data["method"] == "POST"]
    assert create["back"] == {"sync_destination": done.destination_id, "statuses": {"synced": 2}}
    assert (create["status"], create["outcome"]) == (201, "ok")
    assert datetime.fromisoformat(create["began"]) == began


async def test_looks_that_bring_nothing_new_are_summed(open_execution: OpenExecution) -> None:
    """Ten minutes of the same answer are one row with their number and their times, kept on the request until then."""
    execution = await open_execution()
    harness = execution.harness
    harness.dev.switches = replace(harness.dev.switches, sync_seconds=10_000)
    watch = await _watched(execution)
    following = await harness.works(watch.request.id)
    began = harness.clock()
    rows = len(await harness.events(following.id))
    for _ in range(10):
        harness.clock.passes(seconds=15)
        following = await harness.works(following.id)
    assert following.state is State.FOLLOWING
    (kept,) = following.calls
    assert (kept.method, kept.times, kept.latest - kept.began) == ("GET", 10, timedelta(seconds=135))
    assert kept.began > began
    assert len(await harness.events(following.id)) == rows
    assert await watch.counted() == watch.made()
    ended = await watch.ends()
    (shown,) = [call for call in await watch.recorded() if call["path"] == f"{DESTINATIONS}/{ended.destination_id}"]
    assert shown["times"] == execution.line.tries("GET", f"{DESTINATIONS}/{ended.destination_id}") > 20
    assert shown["back"]["statuses"] == {"requires_sync": 2}
    assert await watch.counted() == watch.made()


async def test_a_tenant_that_goes_away_while_followed_is_in_the_record(open_execution: OpenExecution) -> None:
    """Looks that fail are recorded with why when they begin to, summed while it lasts, and the good one after them."""
    execution = await open_execution()
    harness = execution.harness
    harness.dev.switches = replace(harness.dev.switches, sync_seconds=200)
    watch = await _watched(execution)
    following = await harness.works(watch.request.id)
    path = f"{DESTINATIONS}/{following.destination_id}"
    fault = harness.dev.faults.add(Fault(Kind.ANSWER, "GET", path, status=503, message="Maintenance"))
    for _ in range(6):
        harness.clock.passes(seconds=15)
        away = await harness.works(following.id)
    assert "look_failed" in await harness.kinds(following.id)
    assert [(call.outcome, call.times) for call in away.calls] == [("failed", 10)]
    harness.dev.faults.remove(fault)
    assert (await watch.ends()).state is State.SUCCEEDED
    shows = [call for call in await watch.recorded() if call["path"] == path]
    assert [(call["outcome"], call.get("times", 1)) for call in shows][:2] == [("failed", 2), ("failed", 10)]
    assert shows[0]["words"] == "Maintenance"
    assert shows[-1]["back"]["statuses"] == {"synced": 2}
    assert await watch.counted() == watch.made()


async def test_looks_of_a_request_that_is_called_off_are_not_lost(open_execution: OpenExecution) -> None:
    """A request that waits for its tenant and is cancelled leaves every look in the record."""
    execution = await open_execution()
    harness = execution.harness
    watch = await _watched(execution)
    harness.dev.faults.add(Fault(Kind.ANSWER, "GET", DESTINATIONS, status=503, message="Maintenance"))
    for _ in range(4):
        await harness.works(watch.request.id)
        harness.clock.passes(minutes=2)
    assert (await harness.now(watch.request.id)).calls
    assert isinstance(await cancel(harness.services, RINA, watch.request.id, ""), Done)
    assert (await harness.now(watch.request.id)).calls == ()
    assert await watch.counted() == watch.made()
    assert (await harness.kinds(watch.request.id))[-1] == "cancelled"


async def test_a_look_of_a_process_that_lost_its_request_is_recorded(open_execution: OpenExecution) -> None:
    """A call that was made is recorded even if the request has moved on elsewhere when the answer comes."""
    execution = await open_execution()
    harness = execution.harness
    watch = await _watched(execution)
    async with execution.beside() as other:

        async def taken_over() -> None:
            assert isinstance(await cancel(other.services, RINA, watch.request.id, ""), Done)

        execution.line.after("GET", DESTINATIONS, taken_over)
        await advance(harness.services, watch.request.id)
    assert (await harness.now(watch.request.id)).state is State.CANCELLED
    assert await watch.counted() == watch.made()
    assert execution.line.tries("GET") == 1 + 1  # at the approval, and this one


async def test_calls_of_an_approval_that_is_not_taken_are_recorded(open_execution: OpenExecution) -> None:
    """When Tines says no, or is given up because a click cannot wait, the approver's calls are recorded all the same."""
    execution = await open_execution()
    harness = execution.harness
    request = await harness.asks()
    shown = await harness.shown(request.id)
    execution.line.tried.clear()
    watch = Watch(execution, request, len(harness.dev.calls.of("GET", "/stories")))
    harness.dev.faults.add(Fault(Kind.ANSWER, "GET", DESTINATIONS, times=1, status=403, message="Owners only"))
    assert isinstance(await approve(harness.services, ADA, shown, budget=None), NotNow)
    harness.dev.faults.add(Fault(Kind.SLOW, "GET", DESTINATIONS, times=1, seconds=30))
    assert isinstance(await approve(harness.services, ADA, shown, budget=0.2), Slow)
    assert await watch.counted() == watch.made()
    calls = await watch.recorded()
    assert [call["words"] for call in calls if call["outcome"] == "refused"] == ["Owners only"]
    assert {call["path"] for call in calls if call.get("why") == "given up"} >= {DESTINATIONS}
    assert {event.actor for event in await harness.events(request.id) if event.kind == CALLED} == {ADA}
