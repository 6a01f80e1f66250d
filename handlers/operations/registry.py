"""Every operation there is, by name. CONTRIBUTING.md says what a new one needs."""

from collections.abc import Mapping
from types import MappingProxyType

from handlers.operations.add_stories import AddStories
from handlers.operations.create import Create
from handlers.operations.delete import Delete
from handlers.operations.protocol import AnyOperation
from handlers.operations.remove_stories import RemoveStories
from handlers.operations.rotate_key import RotateKey
from handlers.operations.set_mode import SetMode
from handlers.operations.sync import Sync


def all_operations() -> Mapping[str, AnyOperation]:
    """Return the operations by the name that rows, policy and events know them by."""
    return by_name(Create(), AddStories(), RemoveStories(), Sync(), SetMode(), RotateKey(), Delete())


def by_name(*operations: AnyOperation) -> Mapping[str, AnyOperation]:
    """Return operations by name."""
    return MappingProxyType({operation.name: operation for operation in operations})


def on_destinations(operations: Mapping[str, AnyOperation]) -> tuple[str, ...]:
    """Return the names of the operations that work on a sync destination that is there."""
    return tuple(name for name, operation in operations.items() if operation.on_destination)
