"""Events of the record as lines that people read: what kind of thing happened, and the one detail that matters.

The record itself is for audits and holds everything; this is what `/tines-sync history` shows.
"""

from collections.abc import Mapping
from typing import Any

from bot.views.lists import HistoryEvent
from bot.views.text import plural
from handlers.store import Event


def history_event(event: Event) -> HistoryEvent:
    """Return an event of the record as a line of the history."""
    return HistoryEvent(at=event.at, actor=event.actor, kind=event.kind, detail=_detail(event.kind, event.data))


def _detail(kind: str, data: Mapping[str, Any]) -> str:
    match kind:
        case "asked" | "break_glass" | "edited":
            return f"{plural(len(data.get('stories', ())), 'story')}. {data.get('reason', '')}"
        case "approved":
            return f"{data.get('have')} of {data.get('needed')}"
        case "rejected" | "cancelled" | "close":
            return str(data.get("comment") or data.get("reason") or "")
        case "refused":
            return f"{data.get('what', '')}: {' '.join(data.get('reasons', ()))}"
        case "created" | "adopted" | "added" | "adding":
            return f"sync destination {data.get('destination_id')}"
        case "status":
            error = f": {data['error']}" if data.get("error") else ""
            return f"story {data.get('story_id')} {data.get('status')}{error}"
        case "failed" | "not_reached" | "unknown_outcome" if isinstance(data.get("problem"), Mapping):
            return str(data["problem"].get("what", ""))
        case "undelivered":
            return str(data.get("words", ""))
        case _:
            return str(data.get("note") or "")
