"""How deleting a sync destination is presented."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from pydantic import JsonValue

from bot.operations.destination_forms import DestinationForm, DestinationPresentation
from bot.operations.stories import story_blocks
from bot.views import ids, kit
from bot.views.carried import FormMeta
from bot.views.presentation import DestinationAction, FormState
from bot.views.text import Block, clip, plural, tidy
from bot.views.view_values import ViewValues, selected, typed
from handlers.models import Request, State, Story
from handlers.operations import Preview
from handlers.operations.delete import DeleteFacts, DeleteParams
from handlers.routes import Route

_COPIES = (
    (ids.VALUE_KEEP, "Keep the copies", "They stay in the destination team, but are no longer synced"),
    (ids.VALUE_DELETE, "Delete the copies too", "Tines deletes them later; this cannot be undone"),
)


@dataclass(frozen=True, kw_only=True)
class DeleteForm(DestinationForm):
    """Whether the copies stay."""

    operation: ClassVar[str] = "delete"
    keep: bool = True
    typed_name: str = ""  # of the team whose copies are to be deleted


class DeletePresentation(DestinationPresentation[DeleteForm, DeleteParams, DeleteFacts]):
    """Presents `delete`."""

    name: ClassVar[str] = "delete"
    label: ClassVar[str] = "delete"
    action: ClassVar[DestinationAction | None] = DestinationAction("Delete…", style="danger")
    title: ClassVar[str] = "Delete destination"
    submit: ClassVar[str] = "Request deletion"
    state = DeleteForm
    params = DeleteParams
    facts = DeleteFacts

    def asked_again(self, state: DeleteForm, params: DeleteParams) -> DeleteForm:
        """Return the form with what was asked for; the team's name is typed anew."""
        return replace(state, keep=params.keep_stories)

    def fields(self, state: DeleteForm) -> Iterator[Block]:
        """Yield what happens to the copies, and the field for the team's name."""
        options = {value: kit.option(text, value, description=says) for value, text, says in _COPIES}
        element: Block = {
            "type": "radio_buttons",
            "action_id": ids.ACTION_COPIES,
            "options": list(options.values()),
            "initial_option": options[ids.VALUE_KEEP if state.keep else ids.VALUE_DELETE],
        }
        yield kit.field(ids.BLOCK_COPIES, "What happens to the copies?", element)
        name: Block = {"type": "plain_text_input", "action_id": ids.ACTION_TEAM_NAME, "max_length": kit.COMMENT}
        if state.typed_name.strip():
            name["initial_value"] = state.typed_name
        yield kit.field(
            ids.BLOCK_TEAM_NAME,
            "To delete the copies, type the name of the destination team",
            name,
            optional=True,
            hint="Leave this empty to keep the copies.",
        )

    def read(
        self, values: ViewValues, state: DeleteForm, meta: FormMeta, errors: dict[str, str]
    ) -> tuple[DeleteForm, dict[str, JsonValue]]:
        """Return whether the copies stay, and the name that was typed."""
        del meta
        option = selected(values, ids.BLOCK_COPIES, ids.ACTION_COPIES)
        keep = option is None or option.value != ids.VALUE_DELETE
        name = clip(tidy(typed(values, ids.BLOCK_TEAM_NAME, ids.ACTION_TEAM_NAME)), kit.COMMENT)
        if not keep and not name.strip():
            errors[ids.BLOCK_TEAM_NAME] = "Type the name of the team whose copies are to be deleted."
        return replace(state, keep=keep, typed_name=name), {"keep_stories": keep, "team_name": name}

    def places(self, state: FormState) -> Mapping[str, str]:  # noqa: ARG002 - the protocol's
        """Return the blocks of both fields."""
        return {"team_name": ids.BLOCK_TEAM_NAME, "keep_stories": ids.BLOCK_COPIES}

    def does(self, params: DeleteParams) -> str:
        """Return "Delete, keeping the copies,"."""
        return "Delete, keeping the copies," if params.keep_stories else "Delete, with the copies of its stories,"

    def warned(self, request: Request, params: DeleteParams, facts: DeleteFacts, route: Route) -> Iterator[Block]:  # noqa: ARG002 - the protocol's
        """Yield what happens to the copies."""
        number = plural(len(facts.story_ids), "copy")
        team = kit.name(params.destination.destination_team.name, 100)
        if params.keep_stories:
            yield kit.rich(
                kit.para(kit.bold(f"{number} kept"), " in ", team, "."),
                kit.para("They are no longer synced. Tines disables copies above the tenant's plan limits."),
            )
        else:
            yield kit.rich(
                kit.para("⚠️ ", kit.bold(f"{number} deleted"), " in ", team, ". This cannot be undone."),
                kit.para("Tines deletes them later; tines-sync cannot see when."),
            )

    def material(self, request: Request, preview: Preview | None, room: int) -> Sequence[Block]:
        """Return the stories in it."""
        facts = self.facts_in(preview)
        if facts is None or not facts.statuses:
            return ()
        stories = [Story(id=status.story_id, name=status.name) for status in facts.statuses]
        return story_blocks(stories, "Stories in it", room, request.origins[0])

    def called(self, params: DeleteParams, facts: DeleteFacts | None) -> tuple[str, str, str]:  # noqa: ARG002 - the protocol's
        """Return the call that deletes, always with what happens to the copies."""
        value = "true" if params.keep_stories else "false"
        why = "Without keep_stories Tines would delete the copies, so it is always sent."
        return "DELETE", str(params.destination.id), f"with keep_stories = {value}. {why}"

    def headline(self, request: Request) -> str:
        """Return what is known."""
        number = self.params_of(request).destination.id
        if request.state is State.FOLLOWING:
            return f"Tines accepted the call. Checking until sync destination {number} is gone."
        if request.state is State.PARTIAL:
            return f"Tines accepted the call, but sync destination {number} was still there at the last check."
        return super().headline(request)

    def running(self, params: DeleteParams) -> str:
        """Return what is being done."""
        return f"Deleting sync destination {params.destination.id}…"

    def destination_left(self, request: Request) -> int | None:
        """Return none once it is deleted."""
        return None if request.state is State.SUCCEEDED else super().destination_left(request)
