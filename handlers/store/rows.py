"""Rows to values and back, so that no other module knows column names or JSON layouts."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import RowMapping

from handlers.models import (
    ApiCall,
    Content,
    Decision,
    Frozen,
    Problem,
    Request,
    Story,
    StoryStatus,
    Team,
)

_STORIES: Final = TypeAdapter(tuple[Story, ...])
_STATUSES: Final = TypeAdapter(tuple[StoryStatus, ...])
_CALLS: Final = TypeAdapter(tuple[ApiCall, ...])


class Posted(Frozen):
    """One message of an announcement as it stands in Slack."""

    ts: str
    hash: str  # of what was rendered: an edit that would change nothing is not sent


class Announcement(Frozen):
    """A message that somebody must see, and how far its delivery is."""

    id: int
    key: str
    request_id: str | None
    kind: str
    data: dict[str, Any]
    conversation: str
    thread_key: str | None
    desired_version: int
    delivered_version: int
    channel: str | None
    messages: tuple[Posted, ...]
    posting_at: datetime | None
    attempts: int
    failure: str | None
    created_at: datetime


class Event(Frozen):
    """One thing that happened, as the chain holds it."""

    seq: int
    at: datetime
    request_id: str | None
    actor: str
    kind: str
    data: dict[str, Any]
    previous: str
    hash: str


class DeferredCommand(Frozen):
    """A form or decision that was taken from Slack and still has to be checked against Tines."""

    id: str
    kind: str
    actor: str
    data: dict[str, Any]
    created_at: datetime


def content_columns(content: Content) -> dict[str, Any]:
    """Return the columns of `requests` that hold the content, with its digest."""
    return {
        "route": content.route,
        "source": content.source,
        "destination": content.destination,
        "source_team_id": content.source_team.id,
        "source_team_name": content.source_team.name,
        "destination_team_id": content.destination_team.id,
        "destination_team_name": content.destination_team.name,
        "mode": content.mode.value,
        "reason": content.reason,
        "stories": _STORIES.dump_python(content.stories, mode="json"),
        "digest": content.digest(),
    }


def request_columns(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Turn changed fields of a `Request` into columns."""
    columns = dict(changes)
    content = columns.pop("content", None)
    if content is not None:
        columns.update(content_columns(content))
    if "statuses" in columns:
        columns["statuses"] = _STATUSES.dump_python(columns["statuses"], mode="json")
    if "calls" in columns:
        columns["calls"] = _CALLS.dump_python(columns["calls"], mode="json")
    if columns.get("problem") is not None:
        columns["problem"] = columns["problem"].model_dump(mode="json")
    if columns.get("preexisting_ids") is not None:
        columns["preexisting_ids"] = list(columns["preexisting_ids"])
    if "state" in columns:
        columns["state"] = str(columns["state"])
    return columns


def read_request(row: RowMapping, decisions: Iterable[RowMapping] = ()) -> Request:
    """Return the request that a row of `requests` holds."""
    content = Content(
        route=row["route"],
        source=row["source"],
        destination=row["destination"],
        source_team=Team(id=row["source_team_id"], name=row["source_team_name"]),
        destination_team=Team(id=row["destination_team_id"], name=row["destination_team_name"]),
        stories=_STORIES.validate_python(row["stories"]),
        mode=row["mode"],
        reason=row["reason"],
    )
    fields = {name: row[name] for name in Request.model_fields if name in row}
    fields["content"] = content
    fields["decisions"] = tuple(read_decision(decision) for decision in decisions)
    fields["preexisting_ids"] = None if row["preexisting_ids"] is None else tuple(row["preexisting_ids"])
    fields["problem"] = None if row["problem"] is None else Problem.model_validate(row["problem"])
    return Request.model_validate(fields)


def read_decision(row: RowMapping) -> Decision:
    """Return the decision that a row of `decisions` holds."""
    return Decision.model_validate(dict(row))


def read_announcement(row: RowMapping) -> Announcement:
    """Return the announcement that a row of `announcements` holds."""
    return Announcement.model_validate(dict(row))


def read_event(row: RowMapping) -> Event:
    """Return the event that a row of `events` holds."""
    return Event.model_validate(dict(row))


def read_deferred(row: RowMapping) -> DeferredCommand:
    """Return the deferred command that a row of `deferred_commands` holds."""
    return DeferredCommand.model_validate(dict(row))
