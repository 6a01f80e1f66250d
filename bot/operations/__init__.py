"""How each operation is presented: its form, what an approver reads, what it came to. One module an operation."""

from collections.abc import Mapping
from types import MappingProxyType

from bot.operations.add_stories import AddStoriesPresentation
from bot.operations.create import CreatePresentation
from bot.operations.delete import DeletePresentation
from bot.operations.remove_stories import RemoveStoriesPresentation
from bot.operations.rotate_key import RotateKeyPresentation
from bot.operations.set_mode import SetModePresentation
from bot.operations.sync import SyncPresentation
from bot.operations.unknown import UnknownPresentation
from bot.views.presentation import FormInput, FormState, Presentation, RouteChoice
from handlers.models import Request
from handlers.store import OpaqueParams

__all__ = [
    "FormInput",
    "FormState",
    "Presentation",
    "RouteChoice",
    "all_presentations",
    "by_name",
    "presentation_of",
]


def all_presentations() -> Mapping[str, Presentation]:
    """Return the presentations by the name of their operation: as many as there are operations.

    Their buttons on a sync destination stand in this order.
    """
    return by_name(
        CreatePresentation(),
        SyncPresentation(),
        AddStoriesPresentation(),
        RemoveStoriesPresentation(),
        SetModePresentation(),
        RotateKeyPresentation(),
        DeletePresentation(),
    )


def by_name(*presentations: Presentation) -> Mapping[str, Presentation]:
    """Return presentations by name."""
    return MappingProxyType({presentation.name: presentation for presentation in presentations})


def presentation_of(presentations: Mapping[str, Presentation], request: Request) -> Presentation:
    """Return how a request is presented: in general words where only a newer version knows its operation."""
    found = presentations.get(request.operation)
    return UnknownPresentation() if found is None or isinstance(request.params, OpaqueParams) else found
