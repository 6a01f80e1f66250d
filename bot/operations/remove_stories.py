"""How removing stories from a sync destination is presented."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar

from pydantic import JsonValue

from bot.operations.create_form import Selection, read_stories, stories_element
from bot.operations.destination_forms import DestinationForm, DestinationPresentation, staying
from bot.operations.stories import names, story_blocks
from bot.views import ids, kit
from bot.views.carried import FormMeta
from bot.views.presentation import DestinationAction, FormState
from bot.views.text import Block, plural
from bot.views.view_values import ViewValues
from handlers.models import Request
from handlers.operations import Preview
from handlers.operations.remove_stories import RemoveFacts, RemoveParams
from handlers.routes import Route

_COPIES = "Tines does not document what happens to the copies of removed stories: they may stay or be deleted."


@dataclass(frozen=True, kw_only=True)
class RemoveForm(DestinationForm):
    """The stories that are chosen."""

    operation: ClassVar[str] = "remove_stories"
    selection: Selection = field(default_factory=Selection)


class RemoveStoriesPresentation(DestinationPresentation[RemoveForm, RemoveParams, RemoveFacts]):
    """Presents `remove_stories`."""

    name: ClassVar[str] = "remove_stories"
    label: ClassVar[str] = "remove stories"
    action: ClassVar[DestinationAction | None] = DestinationAction("Remove stories…", on_stories=True)
    title: ClassVar[str] = "Remove stories"
    submit: ClassVar[str] = "Request to remove"
    state = RemoveForm
    params = RemoveParams
    facts = RemoveFacts

    def asked_again(self, state: RemoveForm, params: RemoveParams) -> RemoveForm:
        """Return the form with the stories of a request."""
        return replace(state, selection=Selection.of(params.stories))

    def fields(self, state: RemoveForm) -> Iterator[Block]:
        """Yield the search for stories of the destination."""
        yield kit.field(
            _block(state),
            "Stories to remove",
            stories_element(state.selection, ids.ACTION_DESTINATION_STORIES),
            hint=f"{_COPIES} If you remove all stories, the sync destination stays, empty.",
        )

    def read(
        self, values: ViewValues, state: RemoveForm, meta: FormMeta, errors: dict[str, str]
    ) -> tuple[RemoveForm, dict[str, JsonValue]]:
        """Return the stories that were chosen."""
        selection = read_stories(values, _block(state), ids.ACTION_DESTINATION_STORIES, meta, errors)
        if selection.empty:
            errors.setdefault(_block(state), "Choose at least one story.")
        asked: dict[str, JsonValue] = {
            "everything": selection.everything,
            "story_ids": list(selection.story_ids),
        }
        return replace(state, selection=selection), asked

    def places(self, state: FormState) -> Mapping[str, str]:
        """Return the block of the stories."""
        return {"stories": _block(self.own(state))}

    def does(self, params: RemoveParams) -> str:
        """Return "Remove 3 stories from"."""
        return f"Remove {plural(len(params.stories), 'story')} from"

    def details(self, request: Request) -> Iterator[Block]:
        """Yield the first stories."""
        yield names(self.params_of(request).stories, request.origins[0])

    def brief(self, request: Request) -> Iterator[Block]:  # noqa: ARG002 - the protocol's
        """Yield nothing: the review names every story."""
        return iter(())

    def warned(self, request: Request, params: RemoveParams, facts: RemoveFacts, route: Route) -> Iterator[Block]:  # noqa: ARG002 - the protocol's
        """Yield what is not known of the copies, and that nothing would be left."""
        lines = [kit.para("⚠️ ", _COPIES)]
        unwanted = _ids(params)
        already = len(unwanted - facts.story_ids)
        if already:
            lines.append(kit.para(f"{plural(already, 'story')} chosen here: no longer in it."))
        if not facts.story_ids - unwanted:
            lines.append(kit.para("⚠️ ", kit.bold("No stories would be left. The sync destination stays, empty.")))
        yield kit.rich(*lines)

    def material(self, request: Request, preview: Preview | None, room: int) -> Sequence[Block]:
        """Return every story to remove, and those that stay."""
        facts, params = self.facts_in(preview), self.params_of(request)
        if facts is None:
            return story_blocks(params.stories, "Stories to remove", room, request.origins[0])
        stay = staying(facts.statuses, _ids(params), "Stories that stay", request.origins[0])
        left = room - kit.json_size([stay])
        return [*story_blocks(params.stories, "Stories to remove", left, request.origins[0]), stay]

    def called(self, params: RemoveParams, facts: RemoveFacts | None) -> tuple[str, str, str]:  # noqa: ARG002 - the protocol's
        """Return the update of the whole set."""
        number = plural(len(params.stories), "story")
        says = (
            f"with the stories in it at that time, without {number}. Stories that someone else adds before then stay."
        )
        return "PATCH", str(params.destination.id), says

    def running(self, params: RemoveParams) -> str:
        """Return what is being done."""
        return f"Removing stories from sync destination {params.destination.id}…"


def _ids(params: RemoveParams) -> frozenset[int]:
    return frozenset(story.id for story in params.stories)


def _block(state: DestinationForm) -> str:
    return f"{ids.BLOCK_DESTINATION_STORIES}{state.destination}"
