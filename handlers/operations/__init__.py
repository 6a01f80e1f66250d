"""What an approved request does on Tines: one module an operation, behind one protocol.

An operation has a preview, which the approver sees before deciding, and `advance`, which does one bounded piece of
work for a request and says by the row what comes next. It prevents work that lives only in a coroutine: whoever
looks at the row can go on.
"""

from typing import TYPE_CHECKING, Protocol

from handlers.models import Content, Frozen, Problem, Request, Story

if TYPE_CHECKING:
    from handlers.operations.call_journal import CallJournal


class ExistingDestination(Frozen):
    """A sync destination for the same two teams that is there already."""

    id: int
    story_names: tuple[str, ...]
    manual: bool = False


class Preview(Frozen):
    """What would be done, looked up just now."""

    stories: tuple[Story, ...] = ()  # the request's stories as they are now
    gone: tuple[Story, ...] = ()  # asked for, but no longer there, moved, or without change control
    existing: tuple[ExistingDestination, ...] = ()
    problem: Problem | None = None  # why something above could not be looked up


class Operation(Protocol):
    """One kind of work on Tines."""

    async def preview(self, content: Content, journal: "CallJournal") -> Preview:
        """Look up what would be done, noting the calls. Never raises for what Tines answers: see `Preview.problem`."""
        ...

    async def advance(self, request: Request) -> None:
        """Do the next piece of work for the request, as its state says, and commit what came of it."""
        ...
