"""How creating a sync destination is presented: what is asked for, what an approver reads, what it came to."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import ClassVar, Final

from bot.operations import create_form
from bot.operations.create_form import CreateFormState
from bot.operations.stories import (
    named,
    names,
    repair_steps,
    story_blocks,
    sync_headline,
    sync_state_words,
    sync_totals,
)
from bot.views import kit
from bot.views.preflight import remarks
from bot.views.presentation import FormInput, FormState, Presentation
from bot.views.text import Block, line, plural
from handlers.models import Request, State, Story, StoryStatus, SyncMode
from handlers.operations import Preview
from handlers.operations.create import CreateFacts, CreateParams
from handlers.operations.following import ExistingDestination, SyncResult
from handlers.routes import Existing, Route

_DESTINATIONS_SHOWN: Final = 5
MODE_WORDS: Final[Mapping[SyncMode, str]] = MappingProxyType(
    {SyncMode.AUTOMATIC: "automatic, on every publish", SyncMode.MANUAL: "manual, only when someone starts it"}
)


class CreatePresentation(Presentation):
    """Presents `create`."""

    name: ClassVar[str] = "create"
    label: ClassVar[str] = "create"
    command: ClassVar[str | None] = ""
    chooses_stories: ClassVar[bool] = True
    help: ClassVar[str] = "opens the form to request a sync"

    # ---- the form

    def empty(self, argument: str = "") -> FormState | None:  # noqa: ARG002 - the command takes none
        """Return an empty form."""
        return CreateFormState()

    def filled(self, request: Request, *, editing: bool) -> FormState:
        """Return the form filled in with a request."""
        return create_form.filled(request, _params(request), editing=editing)

    def form(self, state: FormState, errors: Mapping[str, str] | None = None) -> Block:
        """Return the form."""
        return create_form.view(_create(state), errors)

    def parse(self, view: Mapping[str, object]) -> FormInput:
        """Return what was typed."""
        return create_form.parse(view)

    def places(self, state: FormState) -> Mapping[str, str]:
        """Return the blocks of the fields for the chosen route and team."""
        return create_form.places(_create(state))

    def teams(self, state: FormState) -> tuple[int, int] | None:
        """Return the ids of both chosen teams."""
        chosen = _create(state)
        if chosen.source_team is None or chosen.destination_team is None:
            return None
        return chosen.source_team.id, chosen.destination_team.id

    # ---- what is asked for

    def summary(self, request: Request) -> tuple[kit.Part, ...]:
        """Return "12 stories: dev / SecOps → prod / SecOps"."""
        params = _params(request)
        return (
            kit.bold(plural(len(_stories(request)), "story")),
            ": ",
            kit.name(request.source, 60),
            " / ",
            kit.name(params.source_team.name, 100),
            " → ",
            kit.name(request.destination, 60),
            " / ",
            kit.name(params.destination_team.name, 100),
        )

    def line(self, request: Request) -> str:
        """Return the first story and how many more, and the teams."""
        params = _params(request)
        return (
            f"{named(_stories(request))}: "
            f"{line(request.source, 30)} / {line(params.source_team.name, 50)} → "
            f"{line(request.destination, 30)} / {line(params.destination_team.name, 50)}"
        )

    def asks(self, request: Request) -> str:
        """Return the words between the requester and the summary."""
        waits = request.state is State.PENDING
        return " requests a sync of " if waits else " requested a sync of "

    def details(self, request: Request) -> Iterator[Block]:
        """Yield the first stories and when they are synced again."""
        yield names(_stories(request), request.origins[0])
        yield from self.brief(request)

    def brief(self, request: Request) -> Iterator[Block]:
        """Yield when the stories are synced again."""
        yield kit.para(kit.bold("Sync mode:"), " ", MODE_WORDS[_params(request).mode])

    # ---- the review

    def warnings(self, request: Request, preview: Preview | None, route: Route) -> Iterator[Block]:  # noqa: ARG002 - the protocol's
        """Yield stories that are gone, and the destinations that exist already, which decide."""
        if preview is None or preview.problem is not None:
            return
        facts = _facts(preview)
        if facts is None:
            return
        if facts.gone:
            yield kit.rich(
                kit.para("⚠️ ", kit.bold(f"{plural(len(facts.gone), 'story')} can no longer be synced:")),
                names(facts.gone, request.origins[0], 20),
                kit.para("Deleted, moved, or without change control. The requester can edit the request."),
            )
        yield from _renamed(_params(request), facts)
        if facts.unreadable:
            unreadable = plural(facts.unreadable, "record")
            yield kit.rich(
                kit.para(
                    f"⚠️ {unreadable} of the sync destinations of ", kit.name(request.source, 60), " could not be read."
                )
            )
        yield _existing(facts, _params(request))

    def material(self, request: Request, preview: Preview | None, room: int) -> Sequence[Block]:
        """Return every story, as it is now where that is known."""
        facts = _facts(preview)
        if facts is None:
            return story_blocks(_params(request).stories, "Stories, as they were requested", room, request.origins[0])
        known = remarks(preview.report) if preview is not None else {}
        return story_blocks(facts.stories, "Stories, as they are now", room, request.origins[0], known)

    def call(self, request: Request, preview: Preview | None, route: Route) -> Iterator[Block]:
        """Yield the call that creates, or the one that adds."""
        params, facts = _params(request), _facts(preview)
        stories = len(params.stories if facts is None else facts.stories)
        if facts is not None and facts.add_to is not None:
            yield kit.para(
                kit.bold("API call:"),
                " ",
                kit.mono(f"PATCH /api/v1/admin/sync_destinations/{facts.add_to}"),
                " on ",
                kit.name(request.source, 60),
                f", to add {plural(stories, 'story')} to the stories that are in it.",
            )
        else:
            mode = " Stories are synced only when someone starts a sync." if params.mode is SyncMode.MANUAL else ""
            yield kit.para(
                kit.bold("API call:"),
                " ",
                kit.mono("POST /api/v1/admin/sync_destinations"),
                " on ",
                kit.name(request.source, 60),
                f", once, with {plural(stories, 'story')} of team {params.source_team.id} (",
                kit.name(params.source_team.name, 100),
                f"), for team {params.destination_team.id} (",
                kit.name(params.destination_team.name, 100),
                ") on ",
                kit.name(request.destination, 60),
                f".{mode}",
            )
        then = "the stories are added to it" if route.existing is Existing.ADD else "it needs approval again"
        yield kit.para(f"If another sync destination for these teams appears before this runs, {then}.")

    def complete(self, preview: Preview | None) -> bool:
        """Whether every story that was requested can be synced."""
        facts = _facts(preview)
        return facts is not None and not facts.gone

    # ---- what it came to

    def state_words(self, request: Request) -> str:
        """Return where it stands; "synced" only when every story is."""
        result, facts = _result(request), request.facts
        adds = (result is not None and result.how in {"added", "found"}) or (
            isinstance(facts, CreateFacts) and facts.add_to is not None
        )
        running, made = ("being added in Tines", "added") if adds else ("being created in Tines", "created")
        return sync_state_words(request, self.rows(request), running=running, made=made)

    def headline(self, request: Request) -> str:
        """Return what it came to, in numbers."""
        result = _result(request)
        made = "Created" if result is None or result.how in {"created", "adopted"} else "Added the stories to"
        return sync_headline(request, self.rows(request), running="Creating the sync destination in Tines…", made=made)

    def sentence(self, request: Request) -> str:
        """Return where it stands, for the approval channel."""
        return {
            State.APPROVED: "It is waiting to run.",
            State.RUNNING: "The sync destination is being created.",
            State.UNCERTAIN: "It is unclear whether the sync destination was created. See the thread.",
        }.get(request.state, self.headline(request))

    def rows(self, request: Request) -> Sequence[StoryStatus]:
        """Return the status of each story."""
        result = _result(request)
        return () if result is None else result.statuses

    def totals(self, request: Request) -> str:
        """Return "4 stories: 3 synced, 1 failed"."""
        rows = self.rows(request)
        return sync_totals(rows) if rows else ""

    def yours(self, request: Request) -> str:
        """Return the first words of the direct message."""
        words = {State.FAILED: "Your sync request failed.", State.EXPIRED: "Your sync request has expired."}
        return words.get(request.state, f"Your sync request is {self.state_words(request)}.")

    def ended(self, request: Request) -> str:
        """Return the first words of the notice."""
        if request.state is State.FAILED:
            return "A sync failed."
        words = self.state_words(request)
        return f"{words[:1].upper()}{words[1:]}."

    def next_steps(self, request: Request) -> Iterable[str]:
        """Return what to do where stories failed, or where nothing is synced until somebody starts it."""
        rows = self.rows(request)
        yield from repair_steps(request, rows, _params(request).destination_team)
        if not any(row.failed for row in rows) and any(row.needs_sync for row in rows):
            yield "Start a sync when you want the stories on the destination."

    def recorded(self, data: Mapping[str, object]) -> str:
        """Return how many stories were asked for, and why."""
        stories = data.get("stories")
        number = len(stories) if isinstance(stories, list | tuple) else 0
        return f"{plural(number, 'story')}. {data.get('reason', '')}"


def _params(request: Request) -> CreateParams:
    if not isinstance(request.params, CreateParams):
        message = f"{request.id} is no create"
        raise TypeError(message)
    return request.params


def _stories(request: Request) -> tuple[Story, ...]:
    """Return the stories as they were approved, where they were, else as they were requested."""
    facts = request.facts
    return facts.stories if isinstance(facts, CreateFacts) and facts.stories else _params(request).stories


def _create(state: FormState) -> CreateFormState:
    if not isinstance(state, CreateFormState):
        message = f"{type(state).__name__} is no form of create"
        raise TypeError(message)
    return state


def _facts(preview: Preview | None) -> CreateFacts | None:
    return preview.facts if preview is not None and isinstance(preview.facts, CreateFacts) else None


def _result(request: Request) -> SyncResult | None:
    return request.result if isinstance(request.result, SyncResult) else None


def _renamed(params: CreateParams, facts: CreateFacts) -> Iterator[Block]:
    """Yield the teams that are called differently by now."""
    for then, now in ((params.source_team, facts.source_team), (params.destination_team, facts.destination_team)):
        if now is not None and now.name != then.name:
            yield kit.rich(
                kit.para("✏️ Team ", kit.name(then.name, 100), " is called ", kit.name(now.name, 100), " now.")
            )


def _existing(facts: CreateFacts, params: CreateParams) -> Block:
    if not facts.existing:
        return kit.rich(kit.para("No sync destination for these two teams exists yet."))
    elements: list[Block] = [
        kit.para("⚠️ ", kit.bold(f"{plural(len(facts.existing), 'sync destination')} for these two teams:"))
    ]
    for destination in facts.existing[:_DESTINATIONS_SHOWN]:
        elements.extend(_destination(destination, params))
    if len(facts.existing) > _DESTINATIONS_SHOWN:
        elements.append(kit.para(f"and {len(facts.existing) - _DESTINATIONS_SHOWN:,} more"))
    if facts.add_to is not None:
        elements.append(kit.para(f"If this is approved, the stories are added to number {facts.add_to}."))
    else:
        elements.append(kit.para("Approving creates another one. Approve only if that's intended."))
    return kit.rich(*elements)


def _destination(destination: ExistingDestination, params: CreateParams) -> Iterator[Block]:
    mode = "only when someone starts it" if destination.manual else "automatically"
    shown = [Story(id=0, name=story) for story in destination.story_names]  # which id is whose is not kept
    yield kit.para(f"Number {destination.id}, syncs {mode}, with {plural(len(shown), 'story')}")
    if destination.url:
        yield kit.para("Tines writes its tenant as ", kit.mono(destination.url), ".")
    if shown:
        yield names(shown, "", limit=60)
    wanted = {story.id for story in params.stories}
    already = len(wanted.intersection(destination.story_ids))
    if already:
        yield kit.para(f"It already syncs {already} of {plural(len(wanted), 'story')} requested here.")
