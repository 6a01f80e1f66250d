"""What a channel reads about a whole route, outside of any request's thread: that it was frozen, or unfrozen."""

from collections.abc import Mapping

from bot.views import kit
from bot.views.fallback_text import message
from bot.views.text import Message


def route_note_message(kind: str, data: Mapping[str, object]) -> Message:
    """Return the message for a route that was frozen or unfrozen; `data` holds by, reason and route."""
    by = kit.user(str(data.get("by", "")))
    route = kit.name(str(data.get("route", "")), 80)
    if kind == "unfrozen":
        return message(kit.rich(kit.para("☀️ ", by, " unfroze ", route, ". Approved requests are running now.")))
    return message(
        kit.rich(
            kit.para(
                "❄️ ",
                by,
                " froze ",
                route,
                ". Requests can still be made and approved, but nothing runs until it is unfrozen.",
            ),
            kit.quote(str(data.get("reason", "")), 1000),
        )
    )
