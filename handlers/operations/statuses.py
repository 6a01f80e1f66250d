"""What Tines tells of a request's stories, as the request keeps it: one status for each story asked for."""

from handlers.models import NOT_LISTED, Request, StoryStatus
from handlers.store import SYSTEM, Transaction


def named(statuses: tuple[StoryStatus, ...], request: Request) -> tuple[StoryStatus, ...]:
    """Return one status for each story asked for, named as asked where Tines gives no name.

    A destination may hold other stories, which are not this request's to report.
    """
    names = {story.id: story.name for story in request.content.stories}
    told = tuple(
        status if status.name else status.model_copy(update={"name": names[status.story_id]})
        for status in statuses
        if status.story_id in names
    )
    missing = tuple(
        StoryStatus(story_id=story_id, name=name, status=NOT_LISTED)
        for story_id, name in names.items()
        if story_id not in {status.story_id for status in told}
    )
    return told + missing


def record_statuses(transaction: Transaction, request: Request, statuses: tuple[StoryStatus, ...]) -> None:
    """Record each status that was not seen before."""
    before = {status.story_id: status for status in request.statuses}
    for status in statuses:
        if before.get(status.story_id) != status:
            transaction.audit.record(
                "status", SYSTEM, request.id, story_id=status.story_id, status=status.status, error=status.error
            )
