"""What the presentations of all operations on a sync destination share: the form's frame, and the usual words.

The destination and its route are fixed when the form opens, so the view carries them besides its fields. What it
carries is a claim as everything else is: the operation's check looks the destination up, by its id and for the route.
"""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import JsonValue

from bot.operations.create_form import Selection
from bot.operations.form_parts import form_modal, read_reason, read_route, where_shown
from bot.operations.stories import names
from bot.views import kit
from bot.views.carried import FormMeta
from bot.views.destinations import address_warning
from bot.views.presentation import FormInput, FormState, Presentation
from bot.views.states import general_words
from bot.views.text import Block, line, plural
from bot.views.view_values import ViewValues, values_of_view
from handlers.models import Request, State, Story, StoryStatus
from handlers.operations import Preview
from handlers.operations.destination import (
    DestinationDetail,
    DestinationFacts,
    DestinationParams,
    DestinationResult,
    not_read,
)
from handlers.routes import Route

_NAME = 100  # of a team, in what a view carries
_STAY = 20  # names shown of stories that nothing happens to


@dataclass(frozen=True, kw_only=True)
class DestinationForm(FormState):
    """What decides how a form about a sync destination looks; each operation adds its own fields."""

    destination: int = 0  # its id
    source_team: int | None = None  # whose stories can be added
    team_names: tuple[str, str] = ("", "")  # of its source and destination team

    @property
    def keeps_route(self) -> bool:
        """Whether the route cannot be chosen: it never can, since the destination has one."""
        return True

    @property
    def meta(self) -> FormMeta:
        """What the view carries besides its fields."""
        source, destination = self.team_names
        carried = {
            "route": self.route or "",
            "team": self.source_team,
            "destination": self.destination,
            "names": (line(source, _NAME), line(destination, _NAME)),
        }
        return super().meta.model_copy(update=carried)


S = TypeVar("S", bound=DestinationForm)
P = TypeVar("P", bound=DestinationParams)
F = TypeVar("F", bound=DestinationFacts)


class DestinationPresentation(Presentation, Generic[S, P, F]):
    """Presents an operation on a sync destination."""

    title: ClassVar[str]  # of the form
    submit: ClassVar[str]  # the form's button
    state: type[S]
    params: type[P]
    facts: type[F]

    # ---- the form

    def empty(self, argument: str = "") -> FormState | None:  # noqa: ARG002 - such a form opens on a destination only
        """Return None: without a destination there is nothing to ask for."""
        return None

    def on_destination(self, detail: DestinationDetail, option: str = "") -> FormState | None:
        """Return the form for a sync destination."""
        opened = self.state(
            route=detail.route,
            destination=detail.ref.id,
            source_team=detail.ref.source_team.id,
            team_names=(detail.ref.source_team.name, detail.ref.destination_team.name),
        )
        return self.opened(opened, detail, option)

    def opened(self, state: S, detail: DestinationDetail, option: str) -> S:  # noqa: ARG002 - for those that choose something at first
        """Return the form with what it offers at first."""
        return state

    def filled(self, request: Request, *, editing: bool) -> FormState:
        """Return the form filled in with a request."""
        params = self.params_of(request)
        ref = params.destination
        state = self.state(
            route=request.route,
            destination=ref.id,
            source_team=ref.source_team.id,
            team_names=(ref.source_team.name, ref.destination_team.name),
            reason=request.reason,
            request_id=request.id,
            revision=request.revision if editing else None,
        )
        return self.asked_again(state, params)

    @abstractmethod
    def asked_again(self, state: S, params: P) -> S:
        """Return the form with its own fields filled in with what was asked for."""

    def form(self, state: FormState, errors: Mapping[str, str] | None = None) -> Block:
        """Return the form."""
        own = self.own(state)
        blocks = [kit.rich(kit.para(*_about(own))), *self.fields(own)]
        return form_modal(state, blocks, errors, title=self.title, submit=self.submit)

    @abstractmethod
    def fields(self, state: S) -> Iterator[Block]:
        """Yield the operation's own fields."""

    def parse(self, view: Mapping[str, object]) -> FormInput:
        """Return what was typed, with an error at each field that needs one."""
        values, errors = values_of_view(view), dict[str, str]()
        meta = FormMeta.read(view.get("private_metadata")) or FormMeta()
        common = self.state(
            route=read_route(values, meta, errors) or None,
            destination=meta.destination or 0,
            source_team=meta.team,
            team_names=meta.names or ("", ""),
            request_id=meta.request,
            revision=meta.revision if meta.request else None,
            draft_id=meta.draft,
        )
        state, asked = self.read(values, common, meta, errors)
        state = replace(state, reason=read_reason(values, errors))
        return FormInput(
            state=state,
            asked={"destination_id": state.destination, **asked},
            kept=selection_of(state).kept,
            errors=where_shown(values, errors),
        )

    @abstractmethod
    def read(
        self, values: ViewValues, state: S, meta: FormMeta, errors: dict[str, str]
    ) -> tuple[S, dict[str, JsonValue]]:
        """Return the form with its own fields as they were typed, and what the operation's check takes of them."""

    @abstractmethod
    def places(self, state: FormState) -> Mapping[str, str]:
        """Return the blocks of the operation's own fields."""

    # ---- what is asked for

    @abstractmethod
    def does(self, params: P) -> str:
        """Return what is asked for as a command in our own words: "Add 3 stories to"."""

    def summary(self, request: Request) -> tuple[kit.Part, ...]:
        """Return "Add 3 stories to sync destination 12: dev / SecOps → prod / SecOps"."""
        params = self.params_of(request)
        ref = params.destination
        return (
            kit.bold(f"{self.does(params)} sync destination {ref.id}"),
            ": ",
            kit.name(request.source, 60),
            " / ",
            kit.name(ref.source_team.name, 100),
            " → ",
            kit.name(request.destination, 60),
            " / ",
            kit.name(ref.destination_team.name, 100),
        )

    def line(self, request: Request) -> str:
        """Return the summary as text."""
        params = self.params_of(request)
        ref = params.destination
        return (
            f"{self.does(params)} sync destination {ref.id}: "
            f"{line(request.source, 30)} / {line(ref.source_team.name, 50)} → "
            f"{line(request.destination, 30)} / {line(ref.destination_team.name, 50)}"
        )

    def asks(self, request: Request) -> str:
        """Return the words between the requester and the summary."""
        return " requests: " if request.state is State.PENDING else " requested: "

    # ---- the review

    def warnings(self, request: Request, preview: Preview | None, route: Route) -> Iterator[Block]:
        """Yield that the destination is gone, else what the operation warns of."""
        facts = self.facts_in(preview)
        if facts is None:
            return
        params = self.params_of(request)
        if facts.missing:
            yield kit.rich(
                kit.para("⚠️ ", kit.bold(f"Sync destination {params.destination.id} no longer exists.")),
                kit.para("Somebody deleted it. Reject or cancel this request."),
            )
            return
        if told := list(address_warning(params.destination, request.destination)):
            yield kit.rich(*told)
        if facts.unreadable:
            advice = " The request cannot be approved: it would remove them. Change the stories in Tines."
            why = "" if facts.possible else advice
            what = not_read(facts.unreadable, params.destination.id)
            yield kit.rich(kit.para("⚠️ ", kit.bold(f"{what}."), why))
        yield from self.warned(request, params, facts, route)

    def warned(self, request: Request, params: P, facts: F, route: Route) -> Iterator[Block]:  # noqa: ARG002 - for those that warn
        """Yield what decides, as blocks."""
        return iter(())

    def call(self, request: Request, preview: Preview | None, route: Route) -> Iterator[Block]:
        """Yield the call with its endpoint."""
        del route
        method, path, says = self.called(self.params_of(request), self.facts_in(preview))
        yield kit.para(
            kit.bold("API call:"),
            " ",
            kit.mono(f"{method} /api/v1/admin/sync_destinations/{path}"),
            " on ",
            kit.name(request.source, 60),
            f", {says}",
        )

    @abstractmethod
    def called(self, params: P, facts: F | None) -> tuple[str, str, str]:
        """Return the method, the path below the sync destinations, and the rest of the sentence."""

    def complete(self, preview: Preview | None) -> bool:
        """Whether the destination is in sight, so that the request can be approved."""
        facts = self.facts_in(preview)
        return facts is not None and facts.possible

    # ---- what it came to

    def state_words(self, request: Request) -> str:
        """Return where it stands."""
        return general_words(request.state)

    @abstractmethod
    def running(self, params: P) -> str:
        """Return what is being done, as a sentence: "Removing stories from sync destination 12…"."""

    def headline(self, request: Request) -> str:
        """Return what it came to, in words that claim no more than is known."""
        match request.state:
            case State.RUNNING:
                return self.running(self.params_of(request))
            case State.UNCERTAIN:
                return "It is unclear whether Tines applied the change."
            case State.SUCCEEDED | State.PARTIAL | State.FAILED if text := self.came_to(request):
                return text
            case State.FAILED if request.closed_by:
                return "The request was closed. It is unclear whether Tines applied the change."
            case State.FAILED:
                return "The request failed."
            case _:
                return f"The request is {self.state_words(request)}."

    def came_to(self, request: Request) -> str:
        """Return the result as a sentence, "" while there is none."""
        return request.result.text if isinstance(request.result, DestinationResult) else ""

    def sentence(self, request: Request) -> str:
        """Return where it stands, for the approval channel."""
        if request.state is State.APPROVED:
            return "It is waiting to run."
        if request.state is State.UNCERTAIN:
            return "It is unclear whether Tines applied the change. See the thread."
        return self.headline(request)

    def recorded(self, data: Mapping[str, object]) -> str:
        """Return how many stories were asked for, where it is about stories, and why."""
        stories = data.get("stories")
        number = f"{plural(len(stories), 'story')}. " if isinstance(stories, list | tuple) and stories else ""
        return f"{number}{data.get('reason', '')}"

    def nothing_came_of(self, request: Request) -> bool:
        """Whether the request ended without any effect."""
        ended = request.state in {State.EXPIRED, State.REJECTED, State.CANCELLED}
        return ended or (request.state is State.FAILED and request.result is None and not request.closed_by)

    # ---- narrowing

    def own(self, state: FormState) -> S:
        """Return the state as this operation's. Raises `TypeError` for another one's."""
        return _typed(state, self.state)

    def params_of(self, request: Request) -> P:
        """Return the request's parameters. Raises `TypeError` for a request of another operation."""
        return _typed(request.params, self.params)

    def facts_in(self, preview: Preview | None) -> F | None:
        """Return what was looked up, None where nothing was."""
        facts = preview.facts if preview is not None and preview.problem is None else None
        return facts if isinstance(facts, self.facts) else None


T = TypeVar("T")


def _typed(value: Any, kind: type[T]) -> T:  # noqa: ANN401 - whatever it is
    if not isinstance(value, kind):
        message = f"expected {kind.__name__}, not {type(value).__name__}"
        raise TypeError(message)
    return value


def _about(state: DestinationForm) -> tuple[kit.Part, ...]:
    source, destination = state.team_names
    number = kit.bold(f"Sync destination {state.destination}:")
    return (number, " ", kit.name(source, _NAME), " → ", kit.name(destination, _NAME))


def selection_of(state: DestinationForm) -> Selection:
    """Return the stories that are chosen in a form, none for one without such a field."""
    selection = getattr(state, "selection", None)
    return selection if isinstance(selection, Selection) else Selection()


def staying(statuses: Sequence[StoryStatus], without: frozenset[int], title: str, origin: str) -> Block:
    """Return the stories of a destination that nothing happens to."""
    stay = [Story(id=each.story_id, name=each.name) for each in statuses if each.story_id not in without]
    if not stay:
        return kit.rich(kit.para(kit.bold(title), ": none"))
    return kit.rich(kit.para(kit.bold(title), f": {plural(len(stay), 'story')}"), names(stay, origin, _STAY, limit=75))
