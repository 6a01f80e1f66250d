"""Events of the record as lines that people read: what kind of thing happened, and the one detail that matters.

The record itself is for audits and holds everything; this is what `/tines-sync history` shows.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final

from bot.views.lists import HistoryEvent
from bot.views.presentation import Presentation
from bot.views.statuses import bare_words
from bot.views.text import plural
from handlers.announcements import APPROVAL, NOTIFY
from handlers.execution.call_journal import CALLED
from handlers.models import ApiCall
from handlers.store import SYSTEM, Event

_DESTINATION: Final = re.compile(r"/admin/sync_destinations(?:/(\d+))?")
_NAMED: Final = 10  # sync destinations by number in a line
_SECONDS: Final = 10_000  # milliseconds from which on they are told in seconds
_MINUTES: Final = timedelta(minutes=2)
_POSTED: Final = frozenset({APPROVAL, NOTIFY})


_DONE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "asked": "requested this",
        "break_glass": "ran this without approval",
        "edited": "edited the request",
        "rejected": "rejected it",
        "cancelled": "cancelled it",
        "withdrawn": "withdrew their approval",
        "approval_void": "an approval no longer counts",
        "quorum_lowered": "fewer approvals are required now",
        "reminded": "reminded the approvers",
        "expired": "the request expired",
        "close": "closed it",
        "check_again": "checked Tines again",
        "refused": "was refused",
        "undelivered": "could not post",
        "unknown_outcome": "Tines did not answer",
        "look_failed": "Tines could not be checked",
        "not_reached": "Tines was not reached",
        "called": "called Tines",
        "call_unrecorded": "stopped before it could record a call",
        "paused": "paused between two calls",
        "diff_posted": "posted the whole diff",
    }
)
_STEPS: Final = frozenset({"shown", "shown_again", "repeated"})


def history_event(event: Event, presentation: Presentation) -> HistoryEvent:
    """Return an event of a request as a line of its history: who did what, and the detail that matters."""
    posted = event.data.get("announcement") if event.kind == "announced" else None
    kind = "posted to" if posted else _DONE.get(event.kind, event.kind)
    if event.kind == "status":
        kind = f"story {event.data.get('story_id')} failed" if event.data.get("error") else "status"
    return HistoryEvent(
        at=event.at,
        actor=event.actor,
        kind=kind,
        detail=_detail(event.kind, event.data, presentation),
        channel=str(event.data.get("channel", "")) if posted else "",
        technical=_is_technical(event.kind, event.data),
    )


def _is_technical(kind: str, data: Mapping[str, Any]) -> bool:
    """Whether an event says nothing to most readers: looks at Tines, posts besides the first one, what was clicked."""
    match kind:
        case "called":
            return data.get("method") == "GET"
        case "announced":
            return data.get("announcement") not in _POSTED
        case "status":
            return not data.get("error")
        case _:
            return kind in _STEPS or kind.endswith("_begun")


def going_on(call: ApiCall) -> HistoryEvent:
    """Return calls that wait on the request's row, until something new comes of them, as a line of the history."""
    return HistoryEvent(
        at=call.latest,
        actor=SYSTEM,
        kind=_DONE[CALLED],
        detail=f"{_call(call.model_dump(mode='json'))}; continues",
        technical=call.method == "GET",
    )


def _detail(kind: str, data: Mapping[str, Any], presentation: Presentation) -> str:
    match kind:
        case "asked" | "break_glass" | "edited":
            return presentation.recorded(data)
        case "approved" | "quorum_lowered":
            comment = f". {data['comment']}" if data.get("comment") else ""
            return f"{data.get('have')} of {data.get('needed')}{comment}"
        case "rejected" | "cancelled" | "close":
            return str(data.get("comment") or data.get("reason") or "")
        case "refused" | "approval_void":
            return f"{data.get('what') or data.get('approver', '')}: {' '.join(data.get('reasons', ()))}"
        case "status":
            return str(data.get("error") or f"story {data.get('story_id')} {bare_words(str(data.get('status')))}")
        case "called":
            return _call(data)
        case "failed" | "not_reached" | "look_failed" | "unknown_outcome" if isinstance(data.get("problem"), Mapping):
            return str(data["problem"].get("what", ""))
        case "undelivered":
            return str(data.get("words", ""))
        case _:
            return "; ".join(filter(None, (*_destinations(data), str(data.get("note") or ""))))


def _destinations(data: Mapping[str, Any]) -> Iterator[str]:
    """Yield which sync destinations an event is about: first those that refused, since they matter most."""
    if "destination_ids" in data:  # only then are those that refused sync destinations
        if refused := _ids(data.get("refused")):
            yield f"refused by {_numbered(refused)}"
        if done := _ids(data["destination_ids"]):
            yield _numbered(done)
    elif data.get("destination_id") is not None:
        yield f"sync destination {data['destination_id']}"


def _ids(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list | tuple) else []


def _numbered(ids: list[str]) -> str:
    more = f" and {len(ids) - _NAMED:,} more" if len(ids) > _NAMED else ""
    return f"sync destination{'s' * (len(ids) > 1)} {', '.join(ids[:_NAMED])}{more}"


def _call(data: Mapping[str, Any]) -> str:
    """Say what was asked of Tines, what came of it and how long it took."""
    outcome, why, words = data.get("outcome"), data.get("why", ""), str(data.get("words", ""))
    match outcome:
        case "ok":
            came = _came_back(data.get("back") or {})
        case "unanswered":
            came = f"no answer ({why})"
        case _:
            came = f"{outcome} ({data.get('status')})"
    said = f": {words}" if words else ""
    return f"{_asked(data)} → {came}{said}, {_took(data.get('ms', 0))}{_often(data)}"


def _asked(data: Mapping[str, Any]) -> str:
    method, path, tenant = data.get("method", ""), str(data.get("path", "")), data.get("tenant", "")
    found = _DESTINATION.fullmatch(path)
    verb = {"GET": "show", "POST": "create", "PATCH": "update", "DELETE": "delete"}.get(str(method), "")
    if found and verb:
        one = f"sync destination {found[1]}" if found[1] else "a sync destination"
        return f"{tenant}: list sync destinations" if verb == "show" and not found[1] else f"{tenant}: {verb} {one}"
    return f"{tenant}: list stories" if path == "/stories" else f"{tenant}: {method} {path}"


def _came_back(back: Mapping[str, Any]) -> str:
    statuses = back.get("statuses")
    if isinstance(statuses, Mapping):
        counted = ", ".join(f"{number} {bare_words(str(status))}" for status, number in statuses.items())
        return f"number {back.get('sync_destination')}: {counted or 'no stories'}"
    page = f", page {back['page']}" if "page" in back else ""
    if "sync_destinations" in back:
        return f"{plural(int(back['sync_destinations']), 'sync destination')}{page}"
    return f"{plural(int(back['stories']), 'story')}{page}" if "stories" in back else f"ok{page}"


def _took(ms: int) -> str:
    return f"{ms:,} ms" if ms < _SECONDS else f"{ms // 1000:,} s"


def _often(data: Mapping[str, Any]) -> str:
    """Say how often, and for how long, calls that ended alike were made; nothing for a single one."""
    times = int(data.get("times", 1))
    if times == 1:
        return ""
    lasted = datetime.fromisoformat(str(data["latest"])) - datetime.fromisoformat(str(data["began"]))
    seconds = int(lasted.total_seconds())
    return f"; {times:,} times within " + (f"{seconds} s" if lasted < _MINUTES else f"{seconds // 60} min")
