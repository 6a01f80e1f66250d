"""The people of the playground at work: what several flows do before they come to their point.

A flow test reads as a story (Rina asks, Ada approves, the thread shows …). These are its verbs, each done as a person
does it: through what stands on the screen.
"""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Final, TypeVar

from bot.app import Overrides
from bot.delivery.throttle import RateLimit
from bot.playground.actor import Actor
from bot.playground.launch import ADA, APPROVALS, BEN, GENERAL, RINA, TOM, Playground, Setup, launched
from bot.playground.slack import Json, Parcel, ParcelKind
from bot.playground.tines import create_destination
from bot.playground.tines.seed import PROD_KEY
from handlers.execution.call_journal import CALLED
from handlers.models import Request, State
from handlers.operations.create import CreateParams
from handlers.operations.following import SyncResult
from handlers.operations.schedule import Schedule
from handlers.store import Event
from handlers.tines import RetryPolicy, Timeouts

T = TypeVar("T")

QUICK: Final = Schedule(
    look_first=timedelta(milliseconds=40),
    look_most=timedelta(milliseconds=100),
    confirm_refusal=timedelta(milliseconds=200),
    send_again_after=timedelta(milliseconds=900),
    retry_most=timedelta(milliseconds=100),
    follow_first=timedelta(milliseconds=40),
    follow_most=timedelta(milliseconds=100),
    follow_manual_for=timedelta(milliseconds=200),
)
"""Waits in tenths of what they are: the same decisions, taken sooner."""

TIMEOUTS: Final = Timeouts(connect=5, read=5, write=5, pool=5, whole=8)
SHORT: Final = Timeouts(connect=1, read=0.5, write=1, pool=1, whole=0.8)
"""For a test in which a tenant does not answer. In any other, a machine that stands still must not look like that."""

RETRY_POLICY: Final = RetryPolicy(attempts=2, total=2, wait_initial=0.01, wait_max=0.05, wait_jitter=0.01)
RATE_LIMIT: Final = RateLimit(burst=100, per_second=100, first_wait=0.1, longest_wait=0.4, token_wait=0.3)
SHORT_TIMES: Final = Overrides(
    schedule=QUICK,
    timeouts=TIMEOUTS,
    retry_policy=RETRY_POLICY,
    sweep_seconds=0.05,
    rate_limit=RATE_LIMIT,
    home_pause=0.1,
)
IMPATIENT: Final = replace(SHORT_TIMES, timeouts=SHORT)

_PAUSE: Final = 0.02  # seconds between two looks into the database
_LONGEST: Final = 30.0  # seconds until something that must happen counts as missing

STORY: Final = "High-Priority Alerts"
OTHER_STORY: Final = "Shift handover notes"
FAILING: Final = "Enrich indicators with VirusTotal"


@dataclass(frozen=True, slots=True)
class FlowHarness:
    """A playground with its people."""

    playground: Playground
    rina: Actor  # asks
    ada: Actor  # approves
    ben: Actor  # approves as well
    tom: Actor  # looks on

    # ---- steps

    async def fills_in(self, *stories: str, who: Actor | None = None, **form: str) -> Actor:
        """Open the form and fill it in, ready to submit."""
        someone = who or self.rina
        await someone.opens_form(GENERAL)
        await someone.fills_in(*(stories or (STORY,)), **{"destination": "SecOps Production", **form})
        return someone

    async def asks(self, *stories: str, who: Actor | None = None, **form: str) -> Request:
        """Ask for a sync through the form, and return the request as it stands."""
        someone = await self.fills_in(*stories, who=who, **form)
        outcome = await someone.submits()
        assert not outcome.errors, outcome.errors
        said = await someone.reads_in_view(r"TS-\w+")
        await self.playground.slack.close(someone.user, someone.view()["id"], everything=True)
        found = re.search(r"TS-\w+", said)
        assert found is not None
        return await self.request(found[0])

    async def opens_review(self, request: Request, who: Actor | None = None) -> Actor:
        """Press Review on the approval message, and wait until it shows what can be decided."""
        someone = who or self.ada
        message = await self.approval_message(request, who=someone)
        await someone.clicks("Review", message, APPROVALS)
        await someone.sees_view(lambda view: view.get("submit") is not None)
        return someone

    async def approves(self, request: Request, who: Actor | None = None) -> None:
        """Review and approve."""
        someone = await self.opens_review(request, who)
        await someone.submits()

    async def asked_and_approved(self, *stories: str, **form: str) -> Request:
        """Ask for a sync and have it approved."""
        request = await self.asks(*stories, who=None, **form)
        await self.approves(request)
        return request

    # ---- what there is to see

    async def approval_message(self, request: Request, who: Actor | None = None, pattern: str = "") -> Json:
        """Wait for the request's message in the approval channel, and until it says something."""
        return await (who or self.ada).sees_message(APPROVALS, f"(?s)(?=.*{request.id}).*{pattern}")

    async def in_thread(self, request: Request, pattern: str, who: Actor | None = None) -> Json:
        """Wait until a message of the request's thread says something, and return the message."""
        head = await self.approval_message(request, who)
        return await (who or self.ada).sees_message(APPROVALS, pattern, thread_ts=head["ts"])

    def thread(self, request: Request) -> list[str]:
        """Return the texts of the request's thread, its head first."""
        slack = self.playground.slack
        heads = [each for each in slack.messages(APPROVALS) if request.id in slack.render(each)]
        return [slack.render(each) for each in slack.messages(APPROVALS, thread_ts=heads[-1]["ts"])] if heads else []

    def texts(self, channel: str) -> list[str]:
        """Return the texts of a channel's messages, oldest first."""
        return [self.playground.slack.render(each) for each in self.playground.slack.messages(channel)]

    async def told(self, someone: Actor, pattern: str) -> Json:
        """Wait until a person has a direct message that says something."""
        return await someone.sees_message(self.playground.slack.open_dm(someone.user), pattern)

    # ---- what there is

    async def request(self, request_id: str) -> Request:
        """Return a request as it stands."""
        async with self.playground.bot.store.reading() as reader:
            found = await reader.requests.get(request_id)
        assert found is not None
        return found

    async def comes_to(self, request: Request, *states: State) -> Request:
        """Wait until a request is in one of the states, and return it as it stands then."""

        async def there() -> Request | None:
            current = await self.request(request.id)
            return current if current.state in states else None

        return await until(there, f"{request.id} did not come to {' or '.join(states)}")

    async def rests(self, request: Request, *states: State) -> Request:
        """Wait until a request is in one of the states and everything about it is said."""
        await self.comes_to(request, *states)
        await self.all_said()
        return await self.request(request.id)

    async def all_said(self) -> None:
        """Wait until no announcement is open."""

        async def nothing_waits() -> bool:
            async with self.playground.bot.store.reading() as reader:
                return (await reader.oldest_waiting())[1] <= 0

        await until(nothing_waits, "an announcement stayed open")

    async def events(self, request: Request | None = None) -> Sequence[Event]:
        """Return what is recorded about a request, or all that is recorded, oldest first."""
        async with self.playground.bot.store.reading() as reader:
            return await (reader.audit.events(request.id) if request else reader.audit.events_after(0))

    async def kinds(self, request: Request | None = None) -> list[str]:
        """Return the kinds of the recorded events, oldest first.

        Without the posts, which come at Slack's own pace, and the calls to Tines.
        """
        return [event.kind for event in await self.events(request) if event.kind not in {"announced", CALLED}]

    async def sent_again(self, payload: Json) -> Json:
        """Send the bot an interaction once more, or one that no client of Slack would send; return its answer."""
        parcel = Parcel(ParcelKind.INTERACTIVE, str(payload.get("type")), payload)
        return (await self.playground.slack.deliver(parcel)).body

    def last_sent(self, kind: str) -> Json:
        """Return a copy of the latest payload of a kind (such as "view_submission") that the bot was sent."""
        copy: Json = json.loads(json.dumps(self.playground.slack.traffic.calls(kind)[-1].request))
        return copy

    def somebody_creates(self, *names: str) -> int:
        """Let somebody create a sync destination for the usual teams by hand, and return its number."""
        dev, prod = self.playground.dev, self.playground.prod
        body = {
            "destination_tenant_url": prod.url,
            "destination_tenant_api_key": PROD_KEY,
            "destination_team_id": next(team.id for team in prod.teams.values() if team.name == "SecOps Production"),
            "team_id": next(team.id for team in dev.teams.values() if team.name == "SecOps"),
            "story_ids": [story.id for story in dev.stories.values() if story.name in names],
        }
        return create_destination(dev, body).id

    def creates(self) -> list[object]:
        """Return the bodies of all create calls that reached the source tenant."""
        return [call.asked for call in self.playground.dev.calls.of("POST", "/admin/sync_destinations")]


@asynccontextmanager
async def opened(setup: Setup) -> AsyncIterator[FlowHarness]:
    """Start a playground and let the people come to work; syncs on it are done at once, unless a test says otherwise."""
    async with launched(setup) as playground:
        playground.dev.switches = replace(playground.dev.switches, sync_seconds=0, sync_spread=0)
        people = (Actor(playground.slack, user) for user in (RINA, ADA, BEN, TOM))
        yield FlowHarness(playground, *people)


async def until(condition: Callable[[], Awaitable[T | None]], otherwise: str) -> T:
    """Ask for something in the database until it is there; rows tell nobody that they change."""
    deadline = time.monotonic() + _LONGEST
    while time.monotonic() < deadline:
        if found := await condition():
            return found
        await asyncio.sleep(_PAUSE)
    raise AssertionError(otherwise)


def create_of(request: Request) -> CreateParams:
    """Return what a request asks `create` for."""
    assert isinstance(request.params, CreateParams)
    return request.params


def result_of(request: Request) -> SyncResult:
    """Return what a request came to."""
    assert isinstance(request.result, SyncResult)
    return request.result


def database(folder: Path) -> str:
    """Return the URL of a database in a folder."""
    return f"sqlite:///{folder}/flow.sqlite"
