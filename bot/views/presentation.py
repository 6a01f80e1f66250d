"""How an operation is presented: one class an operation, all of it pure, from data to Block Kit and back.

Everything that surrounds it is the same for every operation and knows none of them: the message in the approval
channel, the review, the status list, lists, notices and the App Home (`bot.views`), and what listens (`bot.listeners`).
Those ask the presentation for the words and blocks that only it can know.

    form, parse      what can be asked for, and what was typed
    summary, details what is asked for, in a line and in full
    review, call     what an approver decides about, and what will be called
    headline, rows   what it came to
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from pydantic import JsonValue

from bot.views import kit
from bot.views.carried import FormMeta
from bot.views.text import Block
from handlers.models import Request, State, StoryStatus
from handlers.operations import Preview
from handlers.operations.destination import DestinationDetail
from handlers.requests import SeenDestination
from handlers.routes import Route


@dataclass(frozen=True)
class RouteChoice:
    """A route on which the person may ask for the operation."""

    name: str  # up to 75 characters: it is the value of an option
    source: str  # tenant alias
    destination: str  # tenant alias
    frozen_by: str | None = None  # Slack user id; None: not frozen
    frozen_reason: str = ""
    faults: tuple[str, ...] = ()  # why nothing can come of a request, in sentences
    change_control: bool = True  # whether the source tenant offers only stories with change control


@dataclass(frozen=True, kw_only=True)
class FormState:
    """What decides how a form looks, for any operation; each adds its own fields in a subclass."""

    operation: ClassVar[str] = ""
    routes: tuple[RouteChoice, ...] = ()
    route: str | None = None  # the chosen one; None: not chosen yet (a single one counts as chosen)
    reason: str = ""
    request_id: str | None = None  # the request that is edited, or asked for again
    revision: int | None = None  # the revision that is edited; None for a new request
    draft_id: str = ""  # the same for every submission of one form, so that a repeated one is recognized
    can_break_glass: bool = False
    existing: tuple[int, ...] = ()  # sync destinations that lead from one chosen team to the other, as last seen

    @property
    def keeps_route(self) -> bool:
        """Whether the route cannot be chosen: a request that is edited keeps it."""
        return self.revision is not None

    @property
    def chosen(self) -> RouteChoice | None:
        """The route that the form is about: the chosen one, or the only one."""
        return self.chosen_of(self.routes)

    def chosen_of(self, routes: Sequence[RouteChoice]) -> RouteChoice | None:
        """Return what `chosen` would be among these routes."""
        if len(routes) == 1:
            return routes[0]
        return next((choice for choice in routes if choice.name == self.route), None)

    @property
    def meta(self) -> FormMeta:
        """What the view carries besides its fields."""
        return FormMeta(
            operation=self.operation,
            route=self.chosen.name if self.chosen else "",
            request=self.request_id,
            revision=self.revision,
            draft=self.draft_id,
        )


@dataclass(frozen=True)
class FormInput:
    """What was typed. Everything in it comes from a browser: names are labels, ids are claims still to be checked."""

    state: FormState  # the form filled in with it, to show it again
    asked: Mapping[str, JsonValue]  # what the operation's check takes
    kept: bool = False  # whether the stories of the request that the form began from are meant as well
    errors: Mapping[str, str] = field(default_factory=dict)  # block id → what to mend, for `response_action: errors`


@dataclass(frozen=True)
class DestinationAction:
    """A button of a sync destination that opens the operation's form about it."""

    text: str
    option: str = ""  # what narrows the form, see `Presentation.on_destination`
    style: str = ""  # "primary"; "danger" stands last
    on_stories: bool = False  # whether it is about the stories, not the sync destination itself
    about: str = ""  # what it is about, for screen readers; "" for the one sync destination


class Presentation(ABC):
    """The words and blocks of one operation. What has a default here suits an operation without stories."""

    name: ClassVar[str]  # the operation's
    label: ClassVar[str]  # what a list of requests calls it: "add stories"
    command: ClassVar[str | None] = (
        None  # the word after `/tines-sync` that opens its form; "" for none but the command
    )
    help: ClassVar[str] = ""  # what the word does, for `/tines-sync help`
    narrowed_by: ClassVar[tuple[str, ...] | None] = (
        None  # its word takes the number of a sync destination, its route and one of these; None: `empty` reads what follows
    )
    chooses_stories: ClassVar[bool] = False  # whether its form offers stories of the source tenant
    repairs_stories: ClassVar[bool] = False  # whether its form is offered where stories failed, or still lack a sync
    action: ClassVar[DestinationAction | None] = None  # its button on a sync destination, for those that work on one

    # ---- the form

    @abstractmethod
    def empty(self, argument: str = "") -> FormState | None:
        """Return an empty form; `argument` is what was typed after the word. None when that names nothing."""

    def on_destination(self, detail: DestinationDetail, option: str = "") -> FormState | None:  # noqa: ARG002 - for those that work on one
        """Return the form for a sync destination, None for an operation that works on none.

        `option` narrows what is meant, such as "failed".
        """
        return None

    def actions(self, seen: SeenDestination) -> Sequence[DestinationAction]:  # noqa: ARG002 - for those with several
        """Return its buttons on a sync destination, for somebody who may ask for the operation."""
        return () if self.action is None else (self.action,)

    @abstractmethod
    def filled(self, request: Request, *, editing: bool) -> FormState:
        """Return the form filled in with a request: to edit it, or to ask for the same again."""

    @abstractmethod
    def form(self, state: FormState, errors: Mapping[str, str] | None = None) -> Block:
        """Return the form as a view; `errors` (block id or "" → text) are shown above their fields."""

    @abstractmethod
    def parse(self, view: Mapping[str, object]) -> FormInput:
        """Return what was typed, with an error at each field that needs one. Never raises."""

    @abstractmethod
    def places(self, state: FormState) -> Mapping[str, str]:
        """Return the block id of each of the operation's own fields, by the name that its check uses."""

    def teams(self, state: FormState) -> tuple[int, int] | None:  # noqa: ARG002 - for those that choose both
        """Return the ids of both chosen teams, where it matters which sync destinations they have already."""
        return None

    # ---- what is asked for

    @abstractmethod
    def summary(self, request: Request) -> tuple[kit.Part, ...]:
        """Return what is asked for, in a line: "12 stories: dev / SecOps → prod / SecOps"."""

    @abstractmethod
    def line(self, request: Request) -> str:
        """Return the same as plain text of at most 250 characters, for lists."""

    def asks(self, request: Request) -> str:  # noqa: ARG002 - for those that say more
        """Return the words between the requester and the summary."""
        return " requested "

    def details(self, request: Request) -> Iterator[Block]:  # noqa: ARG002 - for those that say more
        """Yield what a message tells of it besides the summary, route and reason, as rich text."""
        return iter(())

    def brief(self, request: Request) -> Iterator[Block]:
        """Yield what of the details a review says above its `material`, which names every story."""
        return self.details(request)

    # ---- the review

    def warnings(self, request: Request, preview: Preview | None, route: Route) -> Iterator[Block]:  # noqa: ARG002
        """Yield, above everything else, what was found that decides, as blocks."""
        return iter(())

    def material(self, request: Request, preview: Preview | None, room: int) -> Sequence[Block]:  # noqa: ARG002
        """Return what is decided about in full, such as every story, in at most `room` bytes of JSON and 60 blocks."""
        return ()

    @abstractmethod
    def call(self, request: Request, preview: Preview | None, route: Route) -> Iterator[Block]:
        """Yield what will be called, as rich text."""

    def complete(self, preview: Preview | None) -> bool:
        """Whether everything that would be done is in sight, so that it can be approved."""
        return preview is not None and preview.problem is None and preview.facts is not None

    # ---- what it came to

    @abstractmethod
    def state_words(self, request: Request) -> str:
        """Return where the request stands, in words that claim no more than what is known: "waiting for approval"."""

    @abstractmethod
    def headline(self, request: Request) -> str:
        """Return the first line above the result, while it runs and when it has ended."""

    def sentence(self, request: Request) -> str:
        """Return a sentence about where the request stands, for the message in the approval channel."""
        return self.headline(request)

    def rows(self, request: Request) -> Sequence[StoryStatus]:  # noqa: ARG002 - for those that have stories
        """Return the status of each story, for the table in the thread."""
        return ()

    def totals(self, request: Request) -> str:  # noqa: ARG002 - for those that have stories
        """Return the rows added up in words, "" for none."""
        return ""

    def yours(self, request: Request) -> str:
        """Return the first words of the direct message to the requester."""
        return f"Your request is {self.state_words(request)}."

    def ended(self, request: Request) -> str:
        """Return the first words of the notice to channels."""
        return f"A request is {self.state_words(request)}."

    def next_steps(self, request: Request) -> Iterable[str]:  # noqa: ARG002 - for those that know some
        """Return what to do next, in sentences, for a request that did not fully succeed."""
        return ()

    def recorded(self, data: Mapping[str, object]) -> str:
        """Return what the history says of an event that tells what was asked for."""
        return str(data.get("reason", ""))

    def destination_left(self, request: Request) -> int | None:
        """Return the id of the sync destination that the ended request was about, None when there is none now."""
        return request.destination_id

    def nothing_came_of(self, request: Request) -> bool:
        """Whether the request ended without any effect, so that asking for the same again makes sense."""
        return request.state in {State.EXPIRED, State.REJECTED, State.CANCELLED} or (
            request.state is State.FAILED and request.destination_id is None and not request.closed_by
        )


def plain(presentations: Iterable[Presentation]) -> Presentation:
    """Return how the operation is presented whose form opens when nothing but the command is typed."""
    return next(each for each in presentations if each.command == "")


def repairing(presentations: Iterable[Presentation]) -> str:
    """Return the name of the operation whose form is offered where stories failed, "" where there is none."""
    return next((each.name for each in presentations if each.repairs_stories), "")
