"""How a request is presented whose operation only a newer version knows: it can be listed and read, nothing else."""

from collections.abc import Iterator, Mapping
from typing import ClassVar

from bot.operations.form_parts import form_modal
from bot.views import kit
from bot.views.presentation import FormInput, FormState, Presentation
from bot.views.states import general_words
from bot.views.text import Block, line
from handlers.models import Request
from handlers.operations import Preview
from handlers.requests import OUTDATED_FORM
from handlers.routes import Route


class UnknownPresentation(Presentation):
    """Presents what this version does not know."""

    name: ClassVar[str] = "unknown"
    label: ClassVar[str] = "another operation"

    def empty(self, argument: str = "") -> FormState | None:  # noqa: ARG002 - the protocol's
        """Return None: nothing can be requested."""
        return None

    def filled(self, request: Request, *, editing: bool) -> FormState:
        """Return a form of no operation, which is not shown to anybody."""
        return FormState(request_id=request.id, revision=request.revision if editing else None)

    def form(self, state: FormState, errors: Mapping[str, str] | None = None) -> Block:
        """Return the form."""
        return form_modal(state, (), errors, title="Request")

    def parse(self, view: Mapping[str, object]) -> FormInput:  # noqa: ARG002 - the protocol's
        """Return that nothing can be read."""
        return FormInput(state=FormState(), asked={}, errors={"": OUTDATED_FORM})

    def places(self, state: FormState) -> Mapping[str, str]:  # noqa: ARG002 - the protocol's
        """Return no fields."""
        return {}

    def summary(self, request: Request) -> tuple[kit.Part, ...]:
        """Return the operation's name."""
        return (
            kit.mono(request.operation, 40),
            ": ",
            kit.name(request.source, 60),
            " → ",
            kit.name(request.destination, 60),
        )

    def line(self, request: Request) -> str:
        """Return the operation's name."""
        return f"{line(request.operation, 40)}: {line(request.source, 60)} → {line(request.destination, 60)}"

    def call(self, request: Request, preview: Preview | None, route: Route) -> Iterator[Block]:  # noqa: ARG002 - the protocol's
        """Say that it cannot be shown here."""
        yield kit.para("This request was made by a newer version of tines-sync. It can be reviewed there.")

    def complete(self, preview: Preview | None) -> bool:  # noqa: ARG002 - the protocol's
        """Return False: what cannot be shown is not approved."""
        return False

    def state_words(self, request: Request) -> str:
        """Return the state."""
        return general_words(request.state)

    def headline(self, request: Request) -> str:
        """Return the state."""
        return f"The request is {self.state_words(request)}."
