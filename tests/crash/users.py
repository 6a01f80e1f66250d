"""The people: they ask, decide and call off, and try again when Slack tells them that the app did not answer.

They do only what stands on their screens. What the app told them it has taken is written down here, and must be true
in the end whatever happened to the process meanwhile.
"""

import asyncio
import json
import random
import re
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from bot.playground.actor import Actor, NotOnScreenError
from bot.playground.launch import APPROVALS, GENERAL
from bot.playground.slack import Json, NotThereError, SlackClientError
from handlers.models import State
from handlers.store import tables as t
from handlers.store.database import open_engine, parse_url

from .harness import STORIES, TEAMS, CrashHarness

_PAUSE: Final = 0.25  # seconds until somebody tries again or looks again
_MOST_WAITING: Final = 12  # requests that wait for a decision, before nobody asks for more
_REST: Final = 1.0  # seconds between two requests of one person
_LOOKS: Final = 6  # at so many of the oldest waiting messages
_TRIES: Final = 4  # of a submit, before a person closes the form and begins anew
_TAKEN: Final = re.compile(r"(TS-[0-9A-Z]{8}) is waiting for approval|Checking")
_ID: Final = re.compile(r"TS-[0-9A-Z]{8}")
_TROUBLE: Final = (SlackClientError, NotOnScreenError, NotThereError)


class UndoneError(AssertionError):
    """Something was not done in time; the text says what."""


OFFERS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "add_stories": "Add stories…",
        "remove_stories": "Remove stories…",
        "sync": "Sync again…",
        "set_mode": "Change mode…",
        "rotate_key": "Rotate key…",
        "delete": "Delete…",
    }
)
"""The buttons of the operations on a sync destination."""


class PlannedDecision(StrEnum):
    """What the people do with a request; written in its reason."""

    APPROVE = "please approve"
    REJECT = "please reject"
    CANCEL = "will be cancelled"


ENDINGS: Final = {
    PlannedDecision.APPROVE: State.SUCCEEDED,
    PlannedDecision.REJECT: State.REJECTED,
    PlannedDecision.CANCEL: State.CANCELLED,
}
"""How a request of each decision must end."""


@dataclass(frozen=True, slots=True)
class PlannedRequest:
    """One request that somebody wants to make. The stories tell it from every other one."""

    number: int
    source: int
    target: int
    stories: frozenset[int]
    decision: PlannedDecision
    operation: str = "create"  # any other one works on a sync destination of its own

    @property
    def reason(self) -> str:
        """What is typed as the reason."""
        return f"PlannedRequest {self.number:05}, {self.decision}"

    @property
    def already(self) -> frozenset[int]:
        """The stories that are in the sync destination that the request is about: all that it asks for, or one other."""
        other = next(story for story in range(STORIES) if story not in self.stories)
        return frozenset({other}) if self.adds else self.stories

    @property
    def adds(self) -> bool:
        """Whether it adds its stories to what is there."""
        return self.operation == "add_stories"


OPERATIONS: Final = ("create", *OFFERS)
"""All that can be asked for."""


def planned_requests(
    chance: random.Random, amount: int, operations: Sequence[str] = ("create",)
) -> Iterator[PlannedRequest]:
    """Yield requests, no two of them with the same teams and the same stories; half of them create where others do not."""
    taken: set[tuple[int, int, frozenset[int]]] = set()
    number = 0
    while number < amount:
        source, target = chance.randrange(TEAMS), chance.randrange(TEAMS)
        stories = frozenset(chance.sample(range(STORIES), chance.randint(1, 3)))
        if (source, target, stories) in taken:
            continue
        taken.add((source, target, stories))
        number += 1
        decision = chance.choices(list(PlannedDecision), weights=(8, 1, 1))[0]
        others = operations[1:]
        operation = chance.choice(others) if others and number % 2 == 0 else operations[0]
        yield PlannedRequest(number, source, target, stories, decision, operation)


@dataclass(slots=True)
class SimulatedUsers:
    """Everybody at once. `closing` makes the requesters stop after the request they are at; then `asked` is set."""

    harness: CrashHarness
    work: Iterator[PlannedRequest]
    closing: bool = False
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    taken: dict[str, PlannedRequest] = field(default_factory=dict)  # by reason, taken as the app said
    decided: set[str] = field(default_factory=set)  # requests of which the app said that a decision counts
    _busy: dict[str, asyncio.Lock] = field(default_factory=dict)  # a person does one thing at a time
    _made: dict[str, Actor] = field(default_factory=dict)  # reason → who asks
    _asking: int = 0

    async def run(self) -> None:
        """Live: make the requests, and decide whatever waits, for ever."""
        async with asyncio.TaskGroup() as group:
            for actor in self.harness.requesters:
                self._busy[actor.user] = asyncio.Lock()
            for actor in self.harness.approvers:
                self._busy[actor.user] = asyncio.Lock()
            for actor in self.harness.requesters:
                group.create_task(self._requester(actor))
            for actor in self.harness.approvers:
                group.create_task(self._approver(actor))

    async def done(self, seconds: float = 180.0) -> None:
        """Wait until everybody has asked and nothing is left to be done. Raises `UndoneError`."""
        left: list[str] = ["planned_requests"]
        engine = open_engine(parse_url(self.harness.database_url), pool_size=1)
        try:
            async with asyncio.timeout(seconds):
                await self.asked.wait()
                while left:
                    left = await unsettled(engine)
                    await asyncio.sleep(_PAUSE)
        except TimeoutError:
            message = f"still to be done after {seconds} s: {left}"
            raise UndoneError(message) from None
        finally:
            await engine.dispose()

    # ---- asking

    async def _requester(self, actor: Actor) -> None:
        self._asking += 1
        while not self.closing and (planned := next(self.work, None)) is not None:
            self._made[planned.reason] = actor
            while planned.reason not in self.taken:
                async with self._busy[actor.user]:
                    try:
                        await self._ask(actor, planned)
                    except _TROUBLE:
                        await self._closes_everything(actor)
                await asyncio.sleep(_PAUSE)
            await asyncio.sleep(_REST)
            while len(self._all_waiting()) > _MOST_WAITING and not self.closing:  # noqa: ASYNC110 - a person looks again
                await asyncio.sleep(_REST)
        self._asking -= 1
        if not self._asking:
            self.asked.set()

    async def _ask(self, actor: Actor, planned: PlannedRequest) -> None:
        if planned.operation != "create":
            await self._ask_on_destination(actor, planned)
            return
        await actor.opens_form(GENERAL)
        await actor.fills_in(
            *(f"Story {planned.source}-{story}" for story in sorted(planned.stories)),
            source=f"Source {planned.source}",
            destination=f"Target {planned.target}",
            reason=planned.reason,
        )
        await self._submits(actor)
        if _TAKEN.search(actor.reads()):
            self.taken[planned.reason] = planned
        await self._closes_everything(actor)

    async def _ask_on_destination(self, actor: Actor, planned: PlannedRequest) -> None:
        number = self.harness.destination_for(planned.number, planned.source, planned.already)
        await actor.types(GENERAL, f"destination {number}")
        await actor.sees_view(lambda view: OFFERS[planned.operation] in json.dumps(view, ensure_ascii=False))
        await actor.presses(OFFERS[planned.operation])
        await actor.sees_view(_can_submit)
        names = [f"Story {planned.source}-{story}" for story in sorted(planned.stories)]
        if planned.adds:
            await actor.picks("Stories to add", *names, query="")
        elif planned.operation == "remove_stories":
            await actor.picks("Stories to remove", *names, query="")
        await actor.writes("Reason", planned.reason)
        await self._submits(actor)
        if _TAKEN.search(actor.reads()):
            self.taken[planned.reason] = planned
        await self._closes_everything(actor)

    async def _submits(self, actor: Actor) -> None:
        """Press submit, again when Slack says that it did not work; give up after a while."""
        for left in reversed(range(_TRIES)):
            try:
                await actor.submits()
            except SlackClientError:
                if not left:
                    raise
                await asyncio.sleep(_PAUSE)
            else:
                return

    # ---- deciding

    async def _approver(self, actor: Actor) -> None:
        while True:
            message = self._waiting()
            if message is None:
                await asyncio.sleep(_PAUSE)
                continue
            decision = _decision(message)
            doer = self._requester_of(message) if decision is PlannedDecision.CANCEL else actor
            async with self._busy[doer.user]:
                try:
                    await self._decide(doer, message, decision)
                except _TROUBLE:
                    await asyncio.sleep(_PAUSE)
                await self._closes_everything(doer)

    def _waiting(self) -> Json | None:
        """Return some message that waits for a decision, the oldest ones first but not always the same."""
        found = self._all_waiting()
        return random.SystemRandom().choice(found[:_LOOKS]) if found else None

    def _all_waiting(self) -> list[Json]:
        return [message for message in self.harness.slack.messages(APPROVALS) if _offers(message, "Review")]

    def _requester_of(self, message: Json) -> Actor:
        shown = json.dumps(message["blocks"])
        return next(actor for reason, actor in self._made.items() if reason in shown)

    async def _decide(self, actor: Actor, message: Json, decision: PlannedDecision) -> None:
        request_id = request_of(message)
        if decision is PlannedDecision.CANCEL:
            await actor.types(GENERAL, f"cancel {request_id}")
            await actor.sees_view(_can_submit)
        else:
            await actor.clicks("Review", message, APPROVALS)
            view = await actor.sees_view(_can_be_decided)
            if not _can_submit(view):  # its destination was deleted meanwhile: rejecting is what is left
                decision = PlannedDecision.REJECT
        if decision is PlannedDecision.REJECT:
            await actor.presses("Reject…")
            await actor.sees_view(lambda view: "Why?" in json.dumps(view))
            await actor.writes("Why?", "No need for it")
        await self._submits(actor)
        if not self.harness.slack.views(actor.user) or re.search("cancelled", actor.reads()):
            self.decided.add(request_id)

    async def _closes_everything(self, actor: Actor) -> None:
        while views := self.harness.slack.views(actor.user):
            await self.harness.slack.close(actor.user, views[-1]["id"], everything=True)


@asynccontextmanager
async def at_work(harness: CrashHarness, work: Iterator[PlannedRequest]) -> AsyncIterator[SimulatedUsers]:
    """Let people work while the block runs."""
    users = SimulatedUsers(harness, work)
    async with asyncio.TaskGroup() as group:
        people = group.create_task(users.run())
        yield users
        people.cancel()


async def unsettled(engine: AsyncEngine) -> list[str]:
    """Return what is still to be done: requests without an end, announcements without a reader, kept forms."""
    final = [state.value for state in ENDINGS.values()]
    async with engine.connect() as connection:
        requests = await connection.execute(sa.select(t.requests.c.id).where(t.requests.c.state.not_in(final)))
        said = await connection.execute(
            sa.select(t.announcements.c.key).where(
                t.announcements.c.desired_version > t.announcements.c.delivered_version
            )
        )
        deferred = await connection.execute(
            sa.select(t.deferred_commands.c.id).where(t.deferred_commands.c.next_run_at.is_not(None))
        )
        return [*requests.scalars(), *said.scalars(), *deferred.scalars()]


def request_of(message: Json) -> str:
    """Return the id that stands on a message."""
    found = _ID.search(json.dumps(message["blocks"]))
    assert found is not None, "a message without an id"
    return found.group()


def _decision(message: Json) -> PlannedDecision:
    shown = json.dumps(message["blocks"])
    return next(decision for decision in PlannedDecision if decision in shown)


def _offers(message: Json, text: str) -> bool:
    return any(
        element.get("text", {}).get("text") == text
        for block in message.get("blocks", ())
        for element in block.get("elements", ())
        if element.get("type") == "button"
    )


def _can_be_decided(view: Json) -> bool:
    shown = json.dumps(view, ensure_ascii=False)
    return "Reject…" in shown and (_can_submit(view) or "no longer exists" in shown)


def _can_submit(view: Json) -> bool:
    return view.get("submit") is not None
