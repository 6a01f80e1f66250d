"""The protocol of an operation: one kind of work on Tines, such as creating a sync destination.

An operation decides (pure functions) and calls Tines; it writes nothing. What it decides, finds and does are values:
typed parameters, facts and work, and outcomes (`handlers.operations.outcomes`). The executor does the rest, in the same
way for all of them: when to look, whether it may be sent, what is written down, who is told.

    check    what a form asks for → parameters, or what is wrong at which field
    look     what is there now, for the review, at an approval, and right before every send → facts
    decide   what was approved, what is there now → send it, or ask again (pure)
    send     the only effect
    recover  after a send of which nobody knows the outcome: is it there?
    follow   until what Tines does by itself has settled
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar

from pydantic import JsonValue

from handlers.catalogue import Catalogue
from handlers.models import DestinationChange, Facts, Frozen, Params, Problem, Request, State
from handlers.operations.outcomes import Finished, Followed, Happening, Recovered, Sent, Step
from handlers.operations.schedule import Schedule
from handlers.preflight import Preflight, Report, Subject
from handlers.routes import Route, Tenant, Topology
from handlers.tines import TinesCalls, TinesClient, TinesError

P = TypeVar("P", bound=Params)
F = TypeVar("F", bound=Facts)
W = TypeVar("W", bound=Frozen)
R = TypeVar("R", bound=Frozen)


@dataclass(frozen=True, slots=True)
class Access:
    """What an operation reaches Tines with, for one route. Every call made through it is recorded."""

    source: TinesCalls
    destination: TinesCalls
    catalogue: Catalogue
    preflight: Preflight
    topology: Topology
    route: Route
    schedule: Schedule
    recorded: Callable[[TinesCalls], TinesCalls]  # for calls made elsewhere, such as in the catalogue
    requests_about: Callable[[int], Awaitable[Collection[Request]]]  # a sync destination of the source tenant
    ask_again: "Callable[[], Awaitable[Access | None]] | None" = None  # see `next_call`; None outside of a send

    def for_one_call(
        self,
        client: TinesClient,
        may_leave: Callable[[], bool],
        ask_again: "Callable[[], Awaitable[Access | None]]",
    ) -> "Access":
        """Return the same, with each call to the source tenant made once and ended within the longest call.

        While such a call can be under way, nobody sends another. Of one that changes something no byte leaves once
        `may_leave` says no.
        """
        calls = client.with_deadline(client.longest_call).while_allowed(may_leave)
        return replace(self, source=self.recorded(calls), ask_again=ask_again)

    async def next_call(self) -> "Access | None":
        """Return the way to Tines for a call that is not the first of a send; None when nothing may be sent now.

        A send that made other calls before asks again: a freeze may have come, and the time that those calls took must
        not count against this one. When it is None, the send ends as `HeldUp`; what holds it up is on the request's row.
        """
        return self if self.ask_again is None else await self.ask_again()

    @property
    def source_tenant(self) -> Tenant:
        """The tenant that the stories come from."""
        return self.topology.tenants[self.route.source]

    @property
    def destination_tenant(self) -> Tenant:
        """The tenant that the copies go to."""
        return self.topology.tenants[self.route.destination]


class Wrong(Frozen):
    """What a form asks for that cannot be, by the field that it belongs to."""

    fields: Mapping[str, str]


class Preview(Frozen):
    """What was looked up for a request just now: facts, or why they could not be looked up."""

    facts: Facts | None = None
    problem: Problem | None = None
    report: Report | None = None  # the stories compared with their copies, once that is done


class Operation(ABC, Generic[P, F, W, R]):
    """One kind of work on Tines. It keeps nothing between calls: everything it needs is on the request's row."""

    name: ClassVar[str]  # on the row, in policy, routes and events
    on_destination: ClassVar[bool] = False  # True: it works on a sync destination that is there, and is offered there
    destination_changes: ClassVar[frozenset[DestinationChange]] = frozenset()  # what it may do to a sync destination
    harmless_to_repeat: ClassVar[bool] = False  # True: sent twice, it comes to the same, so nobody waits before that
    params: type[P]
    facts: type[F]
    work: type[W]
    result: type[R]

    def params_of(self, request: Request) -> P:
        """Return the request's parameters. Raises `TypeError` for a request of another operation."""
        return _typed(request.params, self.params)

    def facts_of(self, facts: Frozen | None) -> F | None:
        """Return facts as this operation's."""
        return None if facts is None else _typed(facts, self.facts)

    def work_of(self, request: Request) -> W:
        """Return what was written down right before the latest send."""
        return _typed(request.work, self.work) if request.work is not None else self.work()

    def result_of(self, request: Request) -> R | None:
        """Return what is known of what it came to."""
        return None if request.result is None else _typed(request.result, self.result)

    def changes(self, params: P, before: F | None, now: F) -> tuple[str, ...]:  # noqa: ARG002 - for those that say more
        """Say in sentences what is different from what was shown before, or where that is not known, asked for. Pure."""
        return (
            () if before is None or before.essence() == now.essence() else ("What would be done in Tines has changed.",)
        )

    def covers(self, params: P, approved: F, now: F) -> bool:  # noqa: ARG002 - for those that allow some change
        """Whether what was approved covers what would be done now; asked before every send. Pure."""
        return approved.essence() == now.essence()

    def edited(self, before: P, after: P) -> tuple[str, ...]:  # noqa: ARG002 - for those that say more
        """Say in sentences what an edit changed of what is asked for; where they say nothing, only that it did. Pure."""
        return ()

    def can_be_done(self, facts: F) -> bool:  # noqa: ARG002 - for those that can become impossible
        """Whether everything that was asked for can be done, so that it may be approved. Pure."""
        return True

    def subject(self, params: P, facts: F | None) -> Subject | None:  # noqa: ARG002 - for those that sync stories
        """Return which stories are synced to which team, given what was looked up; None for one that syncs none. Pure."""
        return None

    def already_there(self, facts: F) -> str:  # noqa: ARG002 - for those that may find something
        """Say in sentences what approvers should know is on Tines already; "" for nothing. Pure."""
        return ""

    def synced_by_hand(self, request: Request) -> bool:  # noqa: ARG002 - for those that sync stories
        """Whether its stories are synced again only when somebody asks for it. Pure."""
        return False

    def verb(self, work: W) -> str:  # noqa: ARG002 - for those that do one thing or another
        """Return what it does to Tines, as the kind of the event that says that a call is about to be sent."""
        return f"{self.name}_begun"

    def destination_of(self, request: Request) -> int | None:
        """Return the id of the sync destination that the request is about, None while there is none."""
        return getattr(request.result, "destination_id", None)

    def left_over(self, result: R, current: Request) -> Happening | None:  # noqa: ARG002 - for those that leave something
        """Return what to tell of a result whose answer came too late to be written down; None when nothing is left."""
        return None

    def unseen(self, request: Request, error: TinesError) -> Finished:  # noqa: ARG002 - for those that say more
        """Return how a request ends whose effect can no longer be followed."""
        return Finished(state=State.PARTIAL, problem=error.problem())

    @abstractmethod
    def resource(self, params: P, topology: Topology, route: Route) -> str:
        """Return the name of what only one request at a time may change."""

    @abstractmethod
    async def check(self, asked: Mapping[str, JsonValue], access: Access) -> P | Wrong:
        """Return the parameters of what a form asks for, every id looked up, or what is wrong. Raises `TinesError`."""

    @abstractmethod
    async def look(self, params: P, access: Access) -> F:
        """Return what is there now. Raises `TinesError`."""

    @abstractmethod
    def decide(self, request: Request, approved: F | None, now: F, schedule: Schedule) -> Step:
        """Decide what to do, given the facts that were approved and those of now.

        `approved` is None for a request that nobody had to approve: then what is there now is answered for by whoever
        made it. Pure.
        """

    @abstractmethod
    async def send(self, request: Request, access: Access) -> Sent:
        """Do it, once. The request's row says that it is about to be sent. Raises nothing for what Tines answers."""

    @abstractmethod
    async def recover(self, request: Request, access: Access) -> Recovered:
        """Look whether the latest send was applied. Raises `TinesError` when that cannot be seen."""

    @abstractmethod
    async def follow(self, request: Request, access: Access, *, over: bool) -> Followed:
        """Look how far it is; `over` when the time for it has passed. Raises `TinesError` when that cannot be seen."""


AnyOperation: TypeAlias = Operation[Any, Any, Any, Any]

_T = TypeVar("_T", bound=Frozen)


def _typed(value: Frozen, kind: type[_T]) -> _T:
    if not isinstance(value, kind):
        message = f"expected {kind.__name__}, not {type(value).__name__}"
        raise TypeError(message)
    return value
