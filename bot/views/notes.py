"""What is told besides the approval message and the status list: notes in the thread and in channels, direct messages.

Each is one short message about one thing that happened, so that nobody has to read the whole request again to know
why they were told. What each kind of note says is in `note_kinds`.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from bot.views import describe, kit
from bot.views.fallback_text import message
from bot.views.note_kinds import Data, Note, note_lines
from bot.views.presentation import Presentation
from bot.views.states import icon
from bot.views.text import Block, Message
from handlers.models import Request, State
from handlers.policy import span
from handlers.routes import Route

_STATES: Final = frozenset(state.value for state in State)

__all__ = ["Data", "Note", "direct_message", "note_message", "notify_message", "route_note_message"]


def note_message(kind: str, data: Data, request: Request) -> Message:
    """Return a note about a request, for its thread. `kind` is a `Note`; what `data` may hold is told there."""
    note = message(kit.rich(*note_lines(kind, data, request)), _id(request))
    return replace(note, broadcast=kind == Note.REMINDER)  # nobody follows the thread of what they did not look at


def notify_message(request: Request, route: Route, presentation: Presentation, permalink: str | None) -> Message:
    """Return the short message for a channel that wants to know what was synced."""
    lines = [
        kit.para(
            f"{icon(request.state)} ",
            kit.bold(presentation.ended(request)),
            " ",
            *presentation.summary(request),
        ),
        kit.para("Requested by ", kit.user(request.requester), " on route ", kit.name(route.name, 80), "."),
    ]
    if totals := presentation.totals(request):
        lines.append(kit.para(totals, "."))
    return message(*describe.emergency(request), kit.rich(*lines, *_thread(permalink)), _id(request))


def direct_message(
    request: Request,
    route: Route,
    presentation: Presentation,
    permalink: str | None,
    *,
    repair: str,
    kind: str | None = None,
    data: Data | None = None,
) -> Message:
    """Return what the requester, or somebody else concerned, is told in person.

    `kind` is a state's value, or absent, for how the request stands now; or a `Note` for one thing that happened.
    `repair` is the name of the operation that syncs stories again, "" for none.
    """
    if kind is not None and (kind not in _STATES):
        told = note_lines(kind, data or {}, request)
        decides = kind in {Note.APPROVAL_WANTED, Note.APPROVAL_LOST} and request.state is State.PENDING
        return message(
            kit.rich(*told, kit.para(*presentation.summary(request)), *_thread(permalink)),
            kit.actions(describe.review_button(request)) if decides else None,
            _id(request),
        )
    lines = [
        kit.para(
            f"{icon(request.state)} ",
            kit.bold(presentation.yours(request)),
            " ",
            *presentation.summary(request),
        ),
        *_why(request, route, presentation),
        *describe.next_steps(request, presentation),
        *_thread(permalink),
    ]
    if presentation.nothing_came_of(request):
        again: Block | None = describe.ask_again_button(request)
    else:
        again = describe.sync_again_button(request, presentation.rows(request), route, repair)
    return message(kit.rich(*lines), kit.actions(again) if again else None, _id(request))


def _why(request: Request, route: Route, presentation: Presentation) -> Iterator[Block]:
    if request.state in {State.REJECTED, State.CANCELLED} and request.closed_by:
        yield kit.para("By ", kit.user(request.closed_by), ".")
    if request.closed_comment.strip():
        yield kit.quote(request.closed_comment)
    if request.state is State.EXPIRED:
        yield kit.para(f"Not enough people approved it within {span(route.expires_after)}.")
    if totals := presentation.totals(request):
        yield kit.para(totals, ".")
    if request.note.strip():
        yield kit.para("💬 ", kit.words(request.note, 500))
    if request.problem is not None:
        yield from describe.problem(request.problem)


def _thread(permalink: str | None) -> Iterator[Block]:
    if permalink:
        yield kit.para(kit.link(permalink, "Open the thread"))


def _id(request: Request) -> Block:
    return kit.context(f"`{request.id}`")


def route_note_message(kind: str, data: Data) -> Message:
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
