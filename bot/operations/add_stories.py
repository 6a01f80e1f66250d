"""How adding stories to a sync destination is presented."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from pydantic import JsonValue

from bot.operations.create_form import Selection, read_stories, stories_element
from bot.operations.destination_forms import DestinationForm, DestinationPresentation, staying
from bot.operations.stories import names, repair_steps, story_blocks, sync_headline, sync_state_words, sync_totals
from bot.views import ids, kit
from bot.views.carried import FormMeta
from bot.views.preflight import remarks
from bot.views.presentation import DestinationAction, FormState
from bot.views.text import Block, plural
from bot.views.view_values import ViewValues
from handlers.models import MAX_STORIES, Request, State, StoryStatus
from handlers.operations import Preview
from handlers.operations.add_stories import AddFacts, AddParams
from handlers.operations.following import SyncResult
from handlers.routes import Route


@dataclass(frozen=True, kw_only=True)
class AddForm(DestinationForm):
    """The stories that are chosen."""

    operation: ClassVar[str] = "add_stories"
    selection: Selection = field(default_factory=Selection)


class AddStoriesPresentation(DestinationPresentation[AddForm, AddParams, AddFacts]):
    """Presents `add_stories`."""

    name: ClassVar[str] = "add_stories"
    label: ClassVar[str] = "add stories"
    action: ClassVar[DestinationAction | None] = DestinationAction("Add stories…", on_stories=True)
    chooses_stories: ClassVar[bool] = True
    title: ClassVar[str] = "Add stories"
    submit: ClassVar[str] = "Request to add"
    state = AddForm
    params = AddParams
    facts = AddFacts

    def asked_again(self, state: AddForm, params: AddParams) -> AddForm:
        """Return the form with the stories of a request."""
        return replace(state, selection=Selection.of(params.stories))

    def fields(self, state: AddForm) -> Iterator[Block]:
        """Yield the search for stories of the source team."""
        only = state.chosen is None or state.chosen.change_control
        hint = "Only stories with change control enabled are listed: Tines syncs no others. " if only else ""
        yield kit.field(
            _block(state),
            "Stories to add",
            stories_element(state.selection),
            hint=f"{hint}Stories already in it stay. It holds at most {MAX_STORIES} stories.",
        )

    def read(
        self, values: ViewValues, state: AddForm, meta: FormMeta, errors: dict[str, str]
    ) -> tuple[AddForm, dict[str, JsonValue]]:
        """Return the stories that were chosen."""
        selection = read_stories(values, _block(state), ids.ACTION_STORIES, meta, errors)
        if selection.empty:
            errors.setdefault(_block(state), "Choose at least one story.")
        asked: dict[str, JsonValue] = {
            "everything": selection.everything,
            "tag_keys": list(selection.tag_keys),
            "story_ids": list(selection.story_ids),
        }
        return replace(state, selection=selection), asked

    def places(self, state: FormState) -> Mapping[str, str]:
        """Return the block of the stories."""
        return {"stories": _block(self.own(state))}

    def does(self, params: AddParams) -> str:
        """Return "Add 3 stories to"."""
        return f"Add {plural(len(params.stories), 'story')} to"

    def details(self, request: Request) -> Iterator[Block]:
        """Yield the first stories."""
        yield names(self.params_of(request).stories, request.origins[0])

    def brief(self, request: Request) -> Iterator[Block]:  # noqa: ARG002 - the protocol's
        """Yield nothing: the review names every story."""
        return iter(())

    def warned(self, request: Request, params: AddParams, facts: AddFacts, route: Route) -> Iterator[Block]:  # noqa: ARG002 - the protocol's
        """Yield the stories that can no longer be added."""
        if facts.gone:
            yield kit.rich(
                kit.para("⚠️ ", kit.bold(f"{plural(len(facts.gone), 'story')} can no longer be added:")),
                names(facts.gone, request.origins[0], 20),
                kit.para("Deleted, moved, or without change control. The requester can edit the request."),
            )

    def material(self, request: Request, preview: Preview | None, room: int) -> Sequence[Block]:
        """Return every story to add, and those that stay."""
        facts, params = self.facts_in(preview), self.params_of(request)
        if facts is None:
            return story_blocks(params.stories, "Stories to add, as they were requested", room, request.origins[0])
        stay = staying(facts.statuses, frozenset(), "Stories that are in it and stay", request.origins[0])
        known = remarks(preview.report) if preview is not None else {}
        left = room - kit.json_size([stay])
        added = story_blocks(facts.stories, "Stories to add, as they are now", left, request.origins[0], known)
        return [*added, stay]

    def called(self, params: AddParams, facts: AddFacts | None) -> tuple[str, str, str]:
        """Return the update of the whole set."""
        number = len(params.stories if facts is None else facts.stories)
        says = (
            f"with the stories in it at that time plus {plural(number, 'more story', 'more stories')}. "
            "Stories that someone else adds before then stay."
        )
        return "PATCH", str(params.destination.id), says

    def complete(self, preview: Preview | None) -> bool:
        """Whether the destination and every story are there."""
        facts = self.facts_in(preview)
        return super().complete(preview) and facts is not None and not facts.gone

    def state_words(self, request: Request) -> str:
        """Return where it stands; "synced" only when every story is."""
        made = "in the sync destination" if _how(request) == "found" else "added"
        return sync_state_words(request, self.rows(request), running="being added in Tines", made=made)

    def headline(self, request: Request) -> str:
        """Return what it came to, in numbers."""
        if request.state is State.FOLLOWING or self.came_to(request):
            made = "The stories were already in" if _how(request) == "found" else "Added the stories to"
            with_id = request.model_copy(update={"destination_id": self.params_of(request).destination.id})
            return sync_headline(with_id, self.rows(request), running="", made=made)
        return super().headline(request)

    def running(self, params: AddParams) -> str:
        """Return what is being done."""
        return f"Adding the stories to sync destination {params.destination.id}…"

    def came_to(self, request: Request) -> str:
        """Return the numbers, "" while there are none."""
        return self.totals(request) if request.state.final else ""

    def rows(self, request: Request) -> Sequence[StoryStatus]:
        """Return the status of each story that was added."""
        return request.result.statuses if isinstance(request.result, SyncResult) else ()

    def totals(self, request: Request) -> str:
        """Return "4 stories: 3 synced, 1 failed"."""
        rows = self.rows(request)
        return sync_totals(rows) if rows else ""

    def next_steps(self, request: Request) -> Iterable[str]:
        """Return what to do where stories failed."""
        return repair_steps(request, self.rows(request), self.params_of(request).destination.destination_team)


def _how(request: Request) -> str:
    return request.result.how if isinstance(request.result, SyncResult) else ""


def _block(state: DestinationForm) -> str:
    return f"{ids.BLOCK_DESTINATION_STORIES}{state.destination}"
