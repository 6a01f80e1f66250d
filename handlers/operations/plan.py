"""What is to be done for an approved request, given what is there: a pure decision, made right before the effect.

It prevents a second destination beside one that the approvers were not shown, and stories taken over in another state
than the approved one.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from handlers.models import Frozen, Request, Story, SyncMode
from handlers.routes import Existing, Route
from handlers.tines import SyncDestination


class Step(StrEnum):
    """What to do next."""

    CREATE = "create"
    ADD = "add"  # the stories to the one destination that is there
    ASK_AGAIN = "ask_again"  # the approvers: what is there is not what they were shown


class Plan(Frozen):
    """The next step and why."""

    step: Step
    existing: tuple[int, ...] = ()  # ids of the destinations that decided it
    changed: tuple[str, ...] = ()  # what is different from what was approved, in sentences


def plan(request: Request, route: Route, same_teams: Sequence[SyncDestination], stories: Mapping[int, Story]) -> Plan:
    """Decide what to do for an approved request.

    `same_teams` are the destinations for its two teams, `stories` those of its stories that can be synced, both as
    they are now. Whoever broke the glass answers for what is there; for all others it must be what was approved.
    """
    changed = () if request.emergency else _changed(request, stories)
    if changed:
        return Plan(step=Step.ASK_AGAIN, changed=changed)
    if route.existing is Existing.ADD and len(same_teams) == 1 and _syncs_alike(same_teams[0], request):
        return Plan(step=Step.ADD, existing=(same_teams[0].id,))
    unseen = tuple(each.id for each in same_teams if each.id not in _acknowledged_by_all(request))
    if unseen and not request.emergency:
        return Plan(step=Step.ASK_AGAIN, existing=unseen)
    return Plan(step=Step.CREATE)


def _changed(request: Request, stories: Mapping[int, Story]) -> tuple[str, ...]:
    gone = [story.name for story in request.content.stories if story.id not in stories]
    if gone:
        return tuple(f"{name} is gone, was moved, or has no change control any more." for name in gone[:10])
    now = request.content.with_stories(tuple(stories[story.id] for story in request.content.stories))
    if now.digest() == request.digest:
        return ()
    then = {story.id: story.edited_at for story in request.content.stories}
    return tuple(f"{story.name} was edited on Tines." for story in now.stories if then[story.id] != story.edited_at)[
        :10
    ]


def _acknowledged_by_all(request: Request) -> frozenset[int]:
    """Return the ids of the destinations that every one of those who approved was shown."""
    shown = [frozenset(decision.acknowledged_ids) for decision in request.approvals()]
    return frozenset.intersection(*shown) if shown else frozenset()


def _syncs_alike(existing: SyncDestination, request: Request) -> bool:
    """Whether an existing destination syncs when the request wants its stories to: its mode cannot be chosen anew."""
    return bool(existing.manual_sync_only) == (request.content.mode is SyncMode.MANUAL)
