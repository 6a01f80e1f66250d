"""The message in the approval channel: what is asked for, where it stands, and, while it waits, a way to decide.

It is edited in place at every step, so that a reader never has to scroll to know how things are, and so that a
button that no longer works is not there. It mentions the requester and no one else before a decision, unless the route
says that its approvers are mentioned (`ping_approvers`).
"""

from collections.abc import Iterator
from typing import Final

from bot.views import describe, kit
from bot.views.fallback_text import message
from bot.views.preflight import assessment_lines
from bot.views.presentation import Presentation
from bot.views.states import icon
from bot.views.text import Block, Message, date_element
from handlers.models import Request, State, Verdict
from handlers.policy import Freeze, Quorum
from handlers.policy.rulings import is_group
from handlers.routes import EVERYBODY, Ping, Route

_MENTIONED: Final = 20  # entries of a policy


def approval_message(
    request: Request,
    route: Route,
    quorum: Quorum,
    presentation: Presentation,
    *,
    repair: str,
    freeze: Freeze | None = None,
) -> Message:
    """Return the message for a request in whatever state it is.

    `quorum` is of the present revision; `freeze` is shown only while it holds something back. `repair` is the name of
    the operation that syncs stories again, "" for none.
    """
    waits = request.state in {State.PENDING, State.APPROVED}
    return message(
        kit.header(f"{icon(request.state)} Request: {presentation.state_words(request)}"),
        *describe.emergency(request),
        kit.rich(*describe.details(request, presentation)),
        *(describe.frozen(freeze) if waits else ()),
        kit.rich(*_standing(request, route, quorum, presentation)),
        *_buttons(request, presentation, route, repair),
        kit.context(describe.reference(request, request.digest)),
    )


def _standing(request: Request, route: Route, quorum: Quorum, presentation: Presentation) -> Iterator[Block]:
    """Yield where the request stands, who decided, and what went wrong."""
    match request.state:
        case State.PENDING:
            yield from _waiting(request, route, quorum)
            yield from assessment_lines(request)
        case State.REJECTED | State.CANCELLED:
            yield from describe.closing(request)
        case State.EXPIRED:
            yield kit.para("Not enough people approved it before ", date_element(request.expires_at), ".")
        case _:
            yield kit.para(presentation.sentence(request))
    yield from _what_keeps_it(request, presentation)
    yield from describe.decisions(request, but_for=Verdict.REJECT if request.closed_by else None)


def _what_keeps_it(request: Request, presentation: Presentation) -> Iterator[Block]:
    """Yield what a request waits for; what it came to is told once, in the thread, to which a line here leads."""
    if request.state in {State.PENDING, State.APPROVED}:
        yield from describe.waiting(request)
        return
    if request.note.strip():
        yield kit.para("💬 ", kit.words(request.note, 500))
    if request.problem is not None:
        yield kit.para(kit.words(request.problem.what, 300), ". The thread shows the details and what to do.")
    yield from describe.next_steps(request, presentation)


def _waiting(request: Request, route: Route, quorum: Quorum) -> Iterator[Block]:
    yield kit.para(*describe.progress(quorum), ". Expires ", date_element(request.expires_at), ".")
    if not route.self_approval:
        yield kit.para("The requester can't approve it.")
    yield from _pinged(request, route)


def _pinged(request: Request, route: Route) -> Iterator[Block]:
    """Yield the approvers whom the message mentions; nothing where the route does not say so."""
    own = () if route.self_approval else (request.requester, request.editor)
    left_out = {EVERYBODY, *route.denied, *own}
    entries = [each for each in route.approvers if each not in left_out][:_MENTIONED]
    if route.ping_approvers is Ping.MENTION and entries:
        yield kit.para(
            "Please review:",
            *(part for each in entries for part in (" ", kit.usergroup(each) if is_group(each) else kit.user(each))),
        )


def _buttons(request: Request, presentation: Presentation, route: Route, repair: str) -> Iterator[Block]:
    if request.state is State.PENDING:
        yield kit.actions(describe.review_button(request))
    elif presentation.nothing_came_of(request):
        yield kit.actions(describe.ask_again_button(request))
    elif again := describe.sync_again_button(request, presentation.rows(request), route, repair):
        yield kit.actions(again)
