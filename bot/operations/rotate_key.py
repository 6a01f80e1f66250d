"""How sending the configured key to a sync destination again is presented. The key itself is never shown."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from pydantic import JsonValue

from bot.operations.destination_forms import DestinationForm, DestinationPresentation
from bot.views import ids, kit
from bot.views.carried import FormMeta
from bot.views.presentation import DestinationAction, FormState
from bot.views.text import Block, line, plural
from bot.views.view_values import ViewValues, selected_many
from handlers.models import Request, State
from handlers.operations import Preview
from handlers.operations.destination import DestinationDetail
from handlers.operations.rotate_key import RotateFacts, RotateParams, RotateResult
from handlers.requests import SeenDestination

_SHOWN = 50


@dataclass(frozen=True, kw_only=True)
class RotateForm(DestinationForm):
    """Whether all destinations of the tenant are meant."""

    operation: ClassVar[str] = "rotate_key"
    everywhere: bool = False


class RotateKeyPresentation(DestinationPresentation[RotateForm, RotateParams, RotateFacts]):
    """Presents `rotate_key`."""

    name: ClassVar[str] = "rotate_key"
    label: ClassVar[str] = "rotate key"
    action: ClassVar[DestinationAction | None] = DestinationAction("Rotate key…")
    title: ClassVar[str] = "Rotate key"
    submit: ClassVar[str] = "Request rotation"
    state = RotateForm
    params = RotateParams
    facts = RotateFacts

    def opened(self, state: RotateForm, detail: DestinationDetail, option: str) -> RotateForm:  # noqa: ARG002 - the protocol's
        """Return the form with all destinations chosen, when those were asked for."""
        return replace(state, everywhere=option == ids.VALUE_ALL)

    def actions(self, seen: SeenDestination) -> Sequence[DestinationAction]:
        """Return a button for this destination, and one for all of the tenant, where a key is used."""
        if seen.key is None:
            return super().actions(seen)
        about = f"sync destinations to {line(seen.destination, 20)}"
        every = DestinationAction("Rotate all of this tenant…", option=ids.VALUE_ALL, about=about)
        return (*super().actions(seen), every)

    def asked_again(self, state: RotateForm, params: RotateParams) -> RotateForm:
        """Return the form with what was asked for."""
        return replace(state, everywhere=bool(params.others))

    def fields(self, state: RotateForm) -> Iterator[Block]:
        """Yield the choice of all destinations of the tenant."""
        yield kit.context(
            "Sends the key that is configured for the destination tenant to the source tenant. "
            "The key itself is never shown."
        )
        option = kit.option("All sync destinations of this tenant, not only this one", ids.VALUE_EVERYWHERE)
        element: Block = {"type": "checkboxes", "action_id": ids.ACTION_EVERYWHERE, "options": [option]}
        if state.everywhere:
            element["initial_options"] = [option]
        yield kit.field(ids.BLOCK_EVERYWHERE, "Which sync destinations?", element, optional=True)

    def read(
        self, values: ViewValues, state: RotateForm, meta: FormMeta, errors: dict[str, str]
    ) -> tuple[RotateForm, dict[str, JsonValue]]:
        """Return whether all destinations are meant."""
        del meta, errors
        options = selected_many(values, ids.BLOCK_EVERYWHERE, ids.ACTION_EVERYWHERE)
        everywhere = any(option.value == ids.VALUE_EVERYWHERE for option in options)
        return replace(state, everywhere=everywhere), {"everywhere": everywhere}

    def places(self, state: FormState) -> Mapping[str, str]:  # noqa: ARG002 - the protocol's
        """Return the block of the choice."""
        return {"everywhere": ids.BLOCK_EVERYWHERE, "destination": ids.BLOCK_EVERYWHERE}

    def does(self, params: RotateParams) -> str:
        """Return "Rotate the key of", with how many others."""
        if not params.others:
            return "Rotate the key of"
        return f"Rotate the key of {plural(len(params.every), 'sync destination')}, among them"

    def details(self, request: Request) -> Iterator[Block]:
        """Yield the key's name, and which destinations were left out."""
        params = self.params_of(request)
        yield kit.para(kit.bold("Key:"), " ", kit.mono(params.key_name, 100))
        if params.unread:
            yield kit.para(
                f"⚠️ {plural(params.unread, 'record')} of the sync destinations of ",
                kit.name(request.source, 60),
                " could not be read. They do not get the key.",
            )
        if params.unclear:
            yield kit.para(
                f"⚠️ {plural(params.unclear, 'sync destination')} left out: the address on Tines is not surely that of ",
                kit.name(request.destination, 60),
                ". Rotate their key on Tines.",
            )

    def material(self, request: Request, preview: Preview | None, room: int) -> Sequence[Block]:  # noqa: ARG002 - short enough
        """Return the destinations that get the key."""
        every = self.params_of(request).every
        lines: list[Sequence[kit.Part]] = [
            [
                f"#{ref.id} ",
                {"type": "text", "text": line(ref.source_team.name, 60)},
                " → ",
                {"type": "text", "text": line(ref.destination_team.name, 60)},
            ]
            for ref in every[:_SHOWN]
        ]
        if len(every) > _SHOWN:
            lines.append([f"and {len(every) - _SHOWN:,} more"])
        return [kit.rich(kit.para(kit.bold("Sync destinations that get the key")), kit.bullets(lines))]

    def called(self, params: RotateParams, facts: RotateFacts | None) -> tuple[str, str, str]:  # noqa: ARG002 - the protocol's
        """Return the update of the key, once for each destination."""
        path = str(params.destination.id) if not params.others else "{id}"
        often = "" if not params.others else f"{len(params.every):,} times, once for each sync destination, "
        says = (
            f"{often}with {line(params.key_name, 100)} as destination_tenant_api_key. "
            "If no answer comes, it is sent again: sending the same key twice is harmless."
        )
        return "PATCH", path, says

    def headline(self, request: Request) -> str:
        """Return how many destinations got the key."""
        result = request.result
        if request.state in {State.SUCCEEDED, State.PARTIAL, State.FAILED} and isinstance(result, RotateResult):
            refused = f" {plural(len(result.refused), 'sync destination')} did not accept it." if result.refused else ""
            return f"{line(result.text, 200)}{refused}"
        return super().headline(request)

    def running(self, params: RotateParams) -> str:
        """Return what is being done."""
        return f"Sending the key to {plural(len(params.every), 'sync destination')}…"
