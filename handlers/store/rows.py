"""Rows to values and back, so that no other module knows column names or JSON layouts."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple, Protocol

from pydantic import ConfigDict, TypeAdapter, ValidationError
from sqlalchemy import RowMapping

from handlers.models import ApiCall, Assessment, Decision, DestinationChange, Facts, Frozen, Params, Problem, Request

_CALLS: Final = TypeAdapter(tuple[ApiCall, ...])


class Posted(Frozen):
    """One message of an announcement as it stands in Slack."""

    ts: str
    hash: str  # of what was rendered: an edit that would change nothing is not sent
    thread_ts: str | None = None  # of the thread's head, for a reply
    buttons: tuple[str, ...] = ()  # marks of what can be clicked in it


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
    failure: str | None  # why Slack does not take it: for now while a newer version is open, else for good
    created_at: datetime
    ordered_at: datetime


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


class RowTypes(Protocol):
    """What the store knows of an operation: the types of what it keeps on a request's row, and what it changes."""

    @property
    def params(self) -> type[Params]:
        """What is asked for."""
        ...

    @property
    def facts(self) -> type[Facts]:
        """What was looked up."""
        ...

    @property
    def work(self) -> type[Frozen]:
        """What was written down right before the latest call."""
        ...

    @property
    def result(self) -> type[Frozen]:
        """What it came to."""
        ...

    @property
    def destination_changes(self) -> frozenset[DestinationChange]:
        """What it may do to a sync destination."""
        ...


class OpaqueParams(Params):
    """Parameters of an operation that this version does not know."""

    model_config = ConfigDict(frozen=True, extra="allow")


class OpaqueFacts(Facts):
    """Facts of an operation that this version does not know."""

    model_config = ConfigDict(frozen=True, extra="allow")


class Opaque(Frozen):
    """Work, or a result, of an operation that this version does not know."""

    model_config = ConfigDict(frozen=True, extra="allow")


class _OpaqueTypes(NamedTuple):
    params: type[Params] = OpaqueParams
    facts: type[Facts] = OpaqueFacts
    work: type[Frozen] = Opaque
    result: type[Frozen] = Opaque
    destination_changes: frozenset[DestinationChange] = frozenset()


_TYPED: Final = ("params", "facts", "work", "result")


def request_columns(changes: Mapping[str, Any]) -> dict[str, Any]:
    """Turn changed fields of a `Request` into columns."""
    columns = dict(changes)
    for name in _TYPED:
        if columns.get(name) is not None:
            columns[name] = columns[name].model_dump(mode="json")
    if "calls" in columns:
        columns["calls"] = _CALLS.dump_python(columns["calls"], mode="json")
    for name in ("problem", "assessment"):
        if columns.get(name) is not None:
            columns[name] = columns[name].model_dump(mode="json")
    if "origins" in columns:
        columns["origins"] = list(columns["origins"])
    if "state" in columns:
        columns["state"] = str(columns["state"])
    return columns


def read_request(row: RowMapping, types: Mapping[str, RowTypes], decisions: Iterable[RowMapping] = ()) -> Request:
    """Return the request that a row of `requests` holds, its JSON as the types of its operation.

    What a newer version wrote, for an operation or in a form that this one does not know, is kept as it is: it can be
    listed, and nothing is done with it.
    """
    fields = {name: value for name, value in row.items() if name in Request.model_fields}
    known = types.get(row["operation"], _OpaqueTypes())
    try:
        fields.update(_typed(row, known))
    except ValidationError:
        fields.update(_typed(row, _OpaqueTypes(), bare=True))
    fields["decisions"] = tuple(read_decision(decision) for decision in decisions)
    fields["problem"] = None if row["problem"] is None else Problem.model_validate(row["problem"])
    fields["assessment"] = _assessment(row["assessment"])
    return Request.model_validate(fields)


def read_result(row: RowMapping, types: Mapping[str, RowTypes]) -> Frozen | None:
    """Return what a request came to, as the type of its operation; None for what this version cannot read."""
    known = types.get(row["operation"])
    try:
        return None if known is None else known.result.model_validate(row["result"])
    except ValidationError:
        return None


def _assessment(value: object) -> Assessment | None:
    """Return what was found for people; what cannot be read is found anew."""
    try:
        return None if value is None else Assessment.model_validate(value)
    except ValidationError:
        return None


def _typed(row: RowMapping, types: RowTypes, *, bare: bool = False) -> dict[str, Frozen | None]:
    """Return what the columns hold as these types; `bare`: JSON that is no object may be there."""
    kinds = {"params": types.params, "facts": types.facts, "work": types.work, "result": types.result}
    values = {name: row[name] for name in kinds}
    if bare:
        values = {
            name: {"value": each} if isinstance(each, list | str | int | float) else each
            for name, each in values.items()
        }
    return {name: None if values[name] is None else kind.model_validate(values[name]) for name, kind in kinds.items()}


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
