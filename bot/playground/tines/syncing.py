"""Story syncing: sync destinations, and stories that really arrive on the other tenant.

Written from what Tines documents: stories need change control, credentials do not travel, triggers answer at once and
work later, deleting a destination deletes the copies unless told otherwise.
"""

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from bot.playground.tines.exports import actions_of
from bot.playground.tines.records import Copy, Destination, Right, StoryRow, Subscription
from bot.playground.tines.switches import ManualSync, RemovedCopies
from bot.playground.tines.tenant import LocalTines, origin
from bot.playground.tines.wire import RefusalError


class _Body(BaseModel):
    """Strict about types and unknown names, so that a caller's slip shows."""

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)


class _Create(_Body):
    destination_tenant_url: str = Field(pattern=r"^https?://[^/\s]+/?$")
    destination_tenant_api_key: SecretStr | None = None
    destination_team_id: int
    team_id: int
    story_ids: list[int] = Field(min_length=1)
    manual_sync_only: bool = False


class _Update(_Body):
    story_ids: list[int] | None = None
    destination_tenant_api_key: SecretStr | None = None
    manual_sync_only: bool | None = None


class _Delete(_Body):
    keep_stories: bool = False


_Model = TypeVar("_Model", bound=_Body)


class _SyncFailedError(Exception):
    """A story could not be brought over; the text is what the subscription shows."""


def create_destination(tines: LocalTines, body: object) -> Destination:
    """Create a sync destination and start its first sync. Raises `RefusalError` 404 or 422."""
    _refuse_newer_fields(tines, body)
    wanted = _read(_Create, body)
    own = tines.world.at(wanted.destination_tenant_url) is tines
    if wanted.destination_tenant_api_key is None and not own:
        raise RefusalError(422, "Destination tenant api key can't be blank")
    if wanted.team_id not in tines.teams:
        raise RefusalError(tines.switches.missing_reference_status, f"Team {wanted.team_id} could not be found")
    stories = _syncable(tines, wanted.team_id, wanted.story_ids)
    key = wanted.destination_tenant_api_key
    destination = Destination(
        id=next(tines.destination_ids),
        url=wanted.destination_tenant_url,
        destination_team_id=wanted.destination_team_id,
        team_id=wanted.team_id,
        manual_only=wanted.manual_sync_only and tines.switches.manual_sync is ManualSync.SUPPORTED,
        api_key=key.get_secret_value() if key else None,
    )
    if tines.switches.checks_destination_at_create:
        try:
            _target(tines, destination)
        except _SyncFailedError as error:
            raise RefusalError(422, str(error)) from error
    tines.destinations[destination.id] = destination
    _subscribe(tines, destination, stories, first=True)
    return destination


def update_destination(tines: LocalTines, destination_id: int, body: object) -> Destination:
    """Replace the set of stories, the key or the mode; what is left out stays. Raises `RefusalError` 404 or 422."""
    destination = find_destination(tines, destination_id)
    _refuse_newer_fields(tines, body)
    wanted = _read(_Update, body)
    if wanted.manual_sync_only is not None and tines.switches.manual_sync is ManualSync.SUPPORTED:
        destination.manual_only = wanted.manual_sync_only
    if wanted.destination_tenant_api_key is not None:
        destination.api_key = wanted.destination_tenant_api_key.get_secret_value()
    if wanted.story_ids is not None:
        stories = _syncable(tines, destination.team_id, wanted.story_ids)
        kept = {story.id for story in stories}
        removed = set(destination.subscriptions) - kept
        for story_id in removed:
            del destination.subscriptions[story_id]
        keep = tines.switches.removed_copies is RemovedCopies.DETACHED
        _release_copies(tines, destination, removed, keep=keep)
        _subscribe(tines, destination, [s for s in stories if s.id not in destination.subscriptions], first=False)
    return destination


def delete_destination(tines: LocalTines, destination_id: int, body: object) -> None:
    """Delete a sync destination, and later its copies unless `keep_stories`. Raises `RefusalError` 404 or 422."""
    destination = find_destination(tines, destination_id)
    keep = _read(_Delete, body if body is not None else {}).keep_stories
    del tines.destinations[destination_id]
    _release_copies(tines, destination, None, keep=keep)


def _release_copies(tines: LocalTines, destination: Destination, story_ids: set[int] | None, *, keep: bool) -> None:
    """Let copies be stories of their own, or delete them later; those of these stories, or all of the destination."""
    target = tines.world.at(destination.url)
    if target is None:
        return
    released = [
        copy
        for copy in target.copies
        if (copy.origin, copy.destination_id, copy.detached) == (tines.name, destination.id, False)
        and (story_ids is None or copy.source_story_id in story_ids)
    ]

    def remove() -> None:
        for copy in released:
            target.copies.remove(copy)
            target.stories.pop(copy.story_id, None)

    for copy in released:
        copy.detached = True
    if not keep:
        tines.world.schedule(tines.switches.sync_seconds, remove)
        return
    most = target.switches.most_stories
    above = 0 if most is None else len(target.stories) - most
    for copy in released[max(0, len(released) - max(0, above)) :]:
        if copy.story_id in target.stories:
            target.stories[copy.story_id].disabled = True


def _refuse_newer_fields(tines: LocalTines, body: object) -> None:
    """Refuse what an older tenant does not know."""
    older = tines.switches.manual_sync is ManualSync.REFUSED
    if older and isinstance(body, dict) and "manual_sync_only" in body:
        raise RefusalError(422, "Unpermitted parameter: manual_sync_only")


def find_destination(tines: LocalTines, destination_id: int) -> Destination:
    """Return a sync destination. Raises `RefusalError` 404."""
    try:
        return tines.destinations[destination_id]
    except KeyError:
        raise RefusalError(404, "Sync destination not found") from None


def sync(tines: LocalTines, destination: Destination, story_ids: Iterable[int]) -> None:
    """Bring stories over, one after the other, after the configured time; statuses tell the end only."""
    for position, story_id in enumerate(story_ids):
        if story_id not in destination.subscriptions:
            raise RefusalError(404, "Story is not part of this sync destination")
        seconds = tines.switches.sync_seconds
        later = seconds + position * tines.switches.sync_spread if seconds else 0.0
        tines.world.schedule(later, partial(_sync_one, tines, destination.id, story_id))


def publish_story(tines: LocalTines, story_id: int) -> None:
    """Push a change through change control: automatic destinations sync it, on the others it needs a sync now."""
    tines.edit_story(story_id)
    for request in tines.change_requests:
        if request.story_id == story_id and request.status != "REJECTED":
            request.status = "PUSHED"
    for destination in tines.destinations.values():
        subscription = destination.subscriptions.get(story_id)
        if subscription is None:
            continue
        subscription.status = tines.switches.progress_status
        subscription.error_message = None
        if not destination.manual_only:
            sync(tines, destination, [story_id])


def rival_create(tines: LocalTines, body: object) -> None:
    """Let another person create the very same destination now: a `meanwhile` for a fault."""
    create_destination(tines, body)


def _read(model: type[_Model], body: object) -> _Model:
    """Read a body, or refuse it in words that never repeat what was sent."""
    try:
        return model.model_validate(body)
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, e['loc'])) or 'body'}: {e['msg']}" for e in error.errors(include_input=False)]
        raise RefusalError(422, "Validation failed", "; ".join(faults)) from None


def _syncable(tines: LocalTines, team_id: int, story_ids: list[int]) -> list[StoryRow]:
    stories = []
    for story_id in dict.fromkeys(story_ids):
        story = tines.stories.get(story_id)
        if story is None:
            raise RefusalError(tines.switches.missing_reference_status, f"Story {story_id} could not be found")
        if story.team_id != team_id:
            raise RefusalError(422, f"Story {story_id} does not belong to team {team_id}")
        if not story.change_control:
            raise RefusalError(
                422, "Change control must be enabled", f"Story {story_id} ({story.name}) cannot be synced"
            )
        stories.append(story)
    return stories


def _subscribe(tines: LocalTines, destination: Destination, stories: list[StoryRow], *, first: bool) -> None:
    """Add stories that wait for their sync, and start it where it starts by itself."""
    for story in stories:
        waiting = Subscription(story.id, story.name, tines.switches.progress_status)
        destination.subscriptions[story.id] = waiting
    if not destination.manual_only or (first and tines.switches.initial_sync_when_manual):
        sync(tines, destination, [story.id for story in stories])


def _sync_one(tines: LocalTines, destination_id: int, story_id: int) -> None:
    destination = tines.destinations.get(destination_id)
    subscription = destination.subscriptions.get(story_id) if destination else None
    if destination is None or subscription is None:
        return  # taken away while the sync was on its way
    try:
        story = _source(tines, story_id)
        target = _target(tines, destination)
        _check_credentials(target, destination, story)
    except _SyncFailedError as error:
        subscription.status, subscription.error_message = "failed", str(error)
        return
    _bring(tines, destination, story, target)
    subscription.status, subscription.error_message, subscription.name = "synced", None, story.name


def _source(tines: LocalTines, story_id: int) -> StoryRow:
    story = tines.stories.get(story_id)
    if story is None:
        message = "Story no longer exists on the origin tenant"
        raise _SyncFailedError(message)
    if not story.change_control:
        message = "Change control is not enabled for this story"
        raise _SyncFailedError(message)
    if story_id in tines.failing:
        raise _SyncFailedError(tines.failing[story_id])
    return story


def _target(tines: LocalTines, destination: Destination) -> LocalTines:
    """Return the tenant that copies go to, when its key and team let them in."""
    target = tines.world.at(destination.url)
    if target is None:
        message = f"Could not connect to {origin(destination.url)}"
        raise _SyncFailedError(message)
    if target is not tines or destination.api_key is not None:
        key = target.keys.get(destination.api_key or "")
        if key is None or key.revoked:
            message = "The destination tenant rejected the API key (401 Unauthorized)"
            raise _SyncFailedError(message)
        if key.right is Right.READER:
            message = "The API key may not publish stories on the destination tenant (403 Forbidden)"
            raise _SyncFailedError(message)
        if key.personal and target.switches.refuses_personal_keys:
            message = "Stories cannot be published with a personal API key (403 Forbidden)"
            raise _SyncFailedError(message)
    if destination.destination_team_id not in target.teams:
        message = f"Team {destination.destination_team_id} could not be found on the destination tenant"
        raise _SyncFailedError(message)
    return target


def _check_credentials(target: LocalTines, destination: Destination, story: StoryRow) -> None:
    missing = sorted(set(story.credentials) - target.readable_credentials(destination.destination_team_id))
    if missing:
        team = target.teams[destination.destination_team_id].name
        references = ", ".join(f"CREDENTIAL.{slug}" for slug in missing)
        message = f"{references} could not be found in team {team} on the destination tenant"
        raise _SyncFailedError(message)


def _bring(tines: LocalTines, destination: Destination, story: StoryRow, target: LocalTines) -> None:
    """Make the copy, or bring an older one up to date."""
    now = tines.world.now()
    same = (tines.name, destination.id, story.id)
    copy = next(
        (c for c in target.copies if (c.origin, c.destination_id, c.source_story_id) == same and not c.detached), None
    )
    if copy is None:
        copy = Copy(*same, next(target.story_ids), destination.destination_team_id, 0, now)
        target.copies.append(copy)
    copy.versions += 1
    copy.at = now
    target.put_story(
        replace(
            story,
            id=copy.story_id,
            team_id=copy.team_id,
            edited_at=now,
            copied_from=f"{tines.name}/{story.id}",
            content=actions_of(story),
            origin_identifier=story.origin_identifier if tines.switches.keeps_origin_identifier else "",
        )
    )
