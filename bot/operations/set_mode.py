"""How changing the sync mode of a sync destination is presented."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from pydantic import JsonValue

from bot.operations.create import MODE_WORDS
from bot.operations.destination_forms import DestinationForm, DestinationPresentation
from bot.views import ids, kit
from bot.views.carried import FormMeta
from bot.views.presentation import DestinationAction, FormState
from bot.views.text import Block
from bot.views.view_values import ViewValues, selected
from handlers.models import Request, SyncMode
from handlers.operations.destination import DestinationDetail
from handlers.operations.set_mode import ModeFacts, ModeParams
from handlers.routes import Route


@dataclass(frozen=True, kw_only=True)
class ModeForm(DestinationForm):
    """The mode that it is to have."""

    operation: ClassVar[str] = "set_mode"
    mode: SyncMode = SyncMode.MANUAL
    not_known: bool = False  # whether the tenant does not tell its mode, so that it cannot be changed


class SetModePresentation(DestinationPresentation[ModeForm, ModeParams, ModeFacts]):
    """Presents `set_mode`."""

    name: ClassVar[str] = "set_mode"
    label: ClassVar[str] = "change mode"
    action: ClassVar[DestinationAction | None] = DestinationAction("Change mode…")
    title: ClassVar[str] = "Change sync mode"
    submit: ClassVar[str] = "Request change"
    state = ModeForm
    params = ModeParams
    facts = ModeFacts

    def opened(self, state: ModeForm, detail: DestinationDetail, option: str) -> ModeForm:  # noqa: ARG002 - the protocol's
        """Return the form with the mode chosen that it does not have."""
        mode = SyncMode.AUTOMATIC if detail.manual else SyncMode.MANUAL
        return replace(state, mode=mode, not_known=detail.manual is None)

    def asked_again(self, state: ModeForm, params: ModeParams) -> ModeForm:
        """Return the form with the mode of a request."""
        return replace(state, mode=params.mode)

    def fields(self, state: ModeForm) -> Iterator[Block]:
        """Yield the choice of a mode."""
        if state.not_known:
            yield kit.rich(
                kit.para("⚠️ ", kit.bold("This tenant does not support sync modes yet, so the mode cannot be changed."))
            )
        options = {mode: kit.option(_capital(words), mode.value) for mode, words in MODE_WORDS.items()}
        element: Block = {
            "type": "radio_buttons",
            "action_id": ids.ACTION_MODE,
            "options": list(options.values()),
            "initial_option": options[state.mode],
        }
        yield kit.field(ids.BLOCK_NEW_MODE, "New sync mode", element)

    def read(
        self, values: ViewValues, state: ModeForm, meta: FormMeta, errors: dict[str, str]
    ) -> tuple[ModeForm, dict[str, JsonValue]]:
        """Return the mode that was chosen."""
        del meta
        option = selected(values, ids.BLOCK_NEW_MODE, ids.ACTION_MODE)
        if option is None or option.value not in set(SyncMode):
            errors[ids.BLOCK_NEW_MODE] = "Choose a sync mode."
            return state, {}
        mode = SyncMode(option.value)
        return replace(state, mode=mode), {"mode": mode.value}

    def places(self, state: FormState) -> Mapping[str, str]:  # noqa: ARG002 - the protocol's
        """Return the block of the mode."""
        return {"mode": ids.BLOCK_NEW_MODE}

    def does(self, params: ModeParams) -> str:
        """Return "Set the sync mode to manual for"."""
        return f"Set the sync mode to {params.mode.value} for"

    def warned(self, request: Request, params: ModeParams, facts: ModeFacts, route: Route) -> Iterator[Block]:  # noqa: ARG002 - the protocol's
        """Yield the old and the new mode."""
        yield kit.rich(
            kit.para(kit.bold("Sync mode now:"), " ", _words(facts.manual)),
            kit.para(kit.bold("New sync mode:"), " ", MODE_WORDS[params.mode]),
        )

    def details(self, request: Request) -> Iterator[Block]:
        """Yield the new mode."""
        yield kit.para(kit.bold("New sync mode:"), " ", MODE_WORDS[self.params_of(request).mode])

    def called(self, params: ModeParams, facts: ModeFacts | None) -> tuple[str, str, str]:  # noqa: ARG002 - the protocol's
        """Return the update of the mode."""
        value = "true" if params.mode is SyncMode.MANUAL else "false"
        return "PATCH", str(params.destination.id), f"with manual_sync_only = {value}. This alone syncs no stories."

    def running(self, params: ModeParams) -> str:
        """Return what is being done."""
        return f"Changing the sync mode of sync destination {params.destination.id}…"


def _words(manual: bool | None) -> str:  # noqa: FBT001 - as Tines tells it
    if manual is None:
        return "unknown"
    return MODE_WORDS[SyncMode.MANUAL if manual else SyncMode.AUTOMATIC]


def _capital(words: str) -> str:
    return f"{words[:1].upper()}{words[1:]}"
