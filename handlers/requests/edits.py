"""What an edit of a request changed, in sentences: what its operation says, and the reason before and after."""

from collections.abc import Iterator

from handlers.models import Request
from handlers.operations import AnyOperation
from handlers.operations.edits import short


def edit_changes(operation: AnyOperation, before: Request, after: Request) -> list[str]:
    """Return what is different, in the order of the form; empty when nothing is."""
    return [*_asked(operation, before, after), *_reason(before, after)]


def _asked(operation: AnyOperation, before: Request, after: Request) -> tuple[str, ...]:
    known = isinstance(before.params, operation.params)  # not what a newer version wrote
    said: tuple[str, ...] = operation.edited(before.params, after.params) if known else ()
    if said or before.params.essence() == after.params.essence():
        return said
    return ("What is requested has changed.",)


def _reason(before: Request, after: Request) -> Iterator[str]:
    if before.reason != after.reason:
        yield f"Reason: “{short(before.reason)}” → “{short(after.reason)}”"
