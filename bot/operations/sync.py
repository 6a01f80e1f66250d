"""How syncing stories of a sync destination again is presented."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from pydantic import JsonValue

from bot.operations.create_form import Selection, read_stories, stories_element
from bot.operations.destination_forms import DestinationForm, DestinationPresentation
from bot.operations.stories import names, repair_steps, story_blocks, sync_state_words, sync_totals
from bot.views import ids, kit
from bot.views.carried import FormMeta
from bot.views.preflight import remarks
from bot.views.presentation import DestinationAction, FormState
from bot.views.statuses import status_words
from bot.views.text import Block, plural
from bot.views.view_values import ViewValues, selected
from handlers.models import Request, State, Story, StoryStatus
from handlers.operations import Preview
from handlers.operations.destination import DestinationDetail
from handlers.operations.following import SyncResult
from handlers.operations.sync import SyncFacts, SyncParams, SyncWork
from handlers.requests import SeenDestination
from handlers.routes import Route

_WHICH = (
    (ids.VALUE_ALL, "All stories"),
    (ids.VALUE_FAILED, "Only stories that are not synced"),
    (ids.VALUE_CHOSEN, "Only the stories chosen below"),
)


@dataclass(frozen=True, kw_only=True)
class SyncForm(DestinationForm):
    """Which stories are meant."""

    operation: ClassVar[str] = "sync"
    which: str = ids.VALUE_ALL
    selection: Selection = field(default_factory=Selection)


class SyncPresentation(DestinationPresentation[SyncForm, SyncParams, SyncFacts]):
    """Presents `sync`."""

    name: ClassVar[str] = "sync"
    label: ClassVar[str] = "sync"
    command: ClassVar[str | None] = "sync"
    help: ClassVar[str] = "syncs all stories of a sync destination again, or only those that failed"
    narrowed_by: ClassVar[tuple[str, ...] | None] = (ids.VALUE_FAILED,)
    repairs_stories: ClassVar[bool] = True
    action: ClassVar[DestinationAction | None] = DestinationAction("Sync again…", on_stories=True)
    title: ClassVar[str] = "Sync again"
    submit: ClassVar[str] = "Request sync"
    state = SyncForm
    params = SyncParams
    facts = SyncFacts

    def opened(self, state: SyncForm, detail: DestinationDetail, option: str) -> SyncForm:
        """Return the form with the failed stories chosen, or one story, when those were asked for."""
        if option.startswith(ids.VALUE_STORY):
            meant = [each for each in detail.statuses if f"{ids.VALUE_STORY}{each.story_id}" == option]
            stories = [Story(id=each.story_id, name=each.name) for each in meant]
            return replace(state, which=ids.VALUE_CHOSEN, selection=Selection.of(stories))
        return replace(state, which=option if option in dict(_WHICH) else ids.VALUE_ALL)

    def actions(self, seen: SeenDestination) -> Sequence[DestinationAction]:
        """Return a button for the stories that failed, and one for all."""
        if not seen.failed:
            return super().actions(seen)
        text = f"Sync failed again… ({seen.failed})"
        failed = DestinationAction(text, option=ids.VALUE_FAILED, style="primary", on_stories=True)
        return (failed, *super().actions(seen))

    def asked_again(self, state: SyncForm, params: SyncParams) -> SyncForm:
        """Return the form with the stories of a request."""
        if params.everything:
            return replace(state, which=ids.VALUE_ALL)
        return replace(state, which=ids.VALUE_CHOSEN, selection=Selection.of(params.stories))

    def fields(self, state: SyncForm) -> Iterator[Block]:
        """Yield which stories are meant."""
        options = {value: kit.option(text, value) for value, text in _WHICH}
        element: Block = {
            "type": "radio_buttons",
            "action_id": ids.ACTION_WHICH,
            "options": list(options.values()),
            "initial_option": options[state.which],
        }
        yield kit.field(ids.BLOCK_WHICH, "Which stories?", element)
        yield kit.field(
            _block(state),
            "Chosen stories",
            stories_element(state.selection, ids.ACTION_DESTINATION_STORIES),
            optional=True,
        )

    def read(
        self, values: ViewValues, state: SyncForm, meta: FormMeta, errors: dict[str, str]
    ) -> tuple[SyncForm, dict[str, JsonValue]]:
        """Return which stories are meant; chosen stories besides another choice are a contradiction."""
        option = selected(values, ids.BLOCK_WHICH, ids.ACTION_WHICH)
        which = option.value if option is not None and option.value in dict(_WHICH) else ids.VALUE_ALL
        selection = read_stories(values, _block(state), ids.ACTION_DESTINATION_STORIES, meta, errors)
        if which == ids.VALUE_CHOSEN and selection.empty:
            errors.setdefault(_block(state), "Choose at least one story.")
        elif which != ids.VALUE_CHOSEN and not selection.empty:
            errors.setdefault(
                ids.BLOCK_WHICH, "You chose stories below. Choose “Only the stories chosen below”, or remove them."
            )
        asked: dict[str, JsonValue] = {"which": which, "story_ids": list(selection.story_ids)}
        if which == ids.VALUE_CHOSEN and selection.everything:
            asked["which"] = ids.VALUE_ALL
        return replace(state, which=which, selection=selection), asked

    def places(self, state: FormState) -> Mapping[str, str]:
        """Return the blocks of both fields."""
        own = self.own(state)
        return {"stories": _block(own) if own.which == ids.VALUE_CHOSEN else ids.BLOCK_WHICH}

    def does(self, params: SyncParams) -> str:
        """Return "Sync 3 stories of"."""
        return f"Sync {'all ' if params.everything else ''}{plural(len(params.stories), 'story')} of"

    def details(self, request: Request) -> Iterator[Block]:
        """Yield the first stories."""
        yield names(self.params_of(request).stories, request.origins[0])

    def brief(self, request: Request) -> Iterator[Block]:  # noqa: ARG002 - the protocol's
        """Yield nothing: the review names every story."""
        return iter(())

    def warned(self, request: Request, params: SyncParams, facts: SyncFacts, route: Route) -> Iterator[Block]:  # noqa: ARG002 - the protocol's
        """Yield how many of the stories are synced already."""
        synced = sum(status.synced for status in facts.statuses)
        if synced:
            yield kit.rich(kit.para(f"{synced:,} of {plural(len(params.stories), 'story')} synced already."))

    def material(self, request: Request, preview: Preview | None, room: int) -> Sequence[Block]:
        """Return every story with its present status."""
        facts, params = self.facts_in(preview), self.params_of(request)
        if facts is None:
            return story_blocks(params.stories, "Stories to sync", room, request.origins[0])
        known = remarks(preview.report) if preview is not None else {}
        said = {
            status.story_id: ", ".join(filter(None, (status_words(status), known.get(status.story_id, ""))))
            for status in facts.statuses
        }
        return story_blocks(
            params.stories, "Stories to sync, with their present status", room, request.origins[0], said
        )

    def called(self, params: SyncParams, facts: SyncFacts | None) -> tuple[str, str, str]:  # noqa: ARG002 - the protocol's
        """Return one sync of all, or one for each story."""
        harmless = "If no answer comes, it is sent again: a second sync is harmless."
        if params.everything:
            return "POST", f"{params.destination.id}/manual_sync", f"once, for all stories in it. {harmless}"
        number = len(params.stories)
        often = "once" if number == 1 else f"{number:,} times, once for each story"
        return "POST", f"{params.destination.id}/story/{{story id}}/sync", f"{often}. {harmless}"

    def state_words(self, request: Request) -> str:
        """Return where it stands; what was synced before as well is only reported synced."""
        if request.state is State.SUCCEEDED and _alike(request):
            return "reported synced"
        return sync_state_words(request, self.rows(request), running="being sent to Tines", made="sync started")

    def headline(self, request: Request) -> str:
        """Return what it came to, in numbers."""
        if request.state is State.FOLLOWING:
            number = self.params_of(request).destination.id
            return f"Started a sync of sync destination {number}. Tines is syncing its stories."
        return super().headline(request)

    def running(self, params: SyncParams) -> str:
        """Return what is being done."""
        return f"Starting a sync of sync destination {params.destination.id}…"

    def came_to(self, request: Request) -> str:
        """Return the numbers as Tines reports them, "" while there are none."""
        totals = self.totals(request)
        number = self.params_of(request).destination.id
        return f"Started a sync of sync destination {number}. Tines reports {totals}." if totals else ""

    def rows(self, request: Request) -> Sequence[StoryStatus]:
        """Return the status of each story."""
        return request.result.statuses if isinstance(request.result, SyncResult) else ()

    def totals(self, request: Request) -> str:
        """Return "4 stories: 3 synced, 1 failed"."""
        rows = self.rows(request)
        return sync_totals(rows) if rows else ""

    def next_steps(self, request: Request) -> Iterable[str]:
        """Return what to do where stories failed."""
        return repair_steps(request, self.rows(request), self.params_of(request).destination.destination_team)


def _alike(request: Request) -> bool:
    """Whether a story was synced before and after, so that nobody can tell whether it was synced again."""
    before = request.work.before if isinstance(request.work, SyncWork) else ()
    after = request.result.statuses if isinstance(request.result, SyncResult) else ()
    return any(status.synced and status in before for status in after)


def _block(state: DestinationForm) -> str:
    return f"{ids.BLOCK_DESTINATION_STORIES}{state.destination}"
