"""Answers to the slash command that only the person who typed it sees: help, lists, one request, its history, refusals.

Pages carry nothing but a page number: what is on it is looked up again, with the rights of who clicks.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bot.views import describe, ids, kit
from bot.views.carried import PageRef
from bot.views.fallback_text import message
from bot.views.presentation import Presentation
from bot.views.states import icon
from bot.views.statuses import next_buttons
from bot.views.text import Block, Message, date_element, inert, is_channel_id, line, mention, plural, when
from handlers.models import Request, State, Verdict
from handlers.policy import Freeze, Quorum
from handlers.routes import Route

HISTORY_PAGE_SIZE: Final = 15
REASON_SHOWN: Final = 100  # characters
FAILED_SHOWN: Final = 10  # stories that failed, in the answer about one request


@dataclass(frozen=True)
class ListItem:
    """A request in somebody's list."""

    request: Request
    waits_for_me: bool = False  # for the reader's decision


@dataclass(frozen=True)
class HistoryEvent:
    """One line of a request's record, in words."""

    at: datetime
    actor: str  # Slack user id, or the name of what did it
    kind: str  # what was done, in words
    detail: str = ""
    channel: str = ""  # id of the channel that it is about
    technical: bool = False  # a step that says nothing to most readers


def help_message(command: str, presentations: Iterable[Presentation]) -> Message:
    """Return what can be typed after the command; `presentations` of the operations, some of which have a word of their own."""
    known = [each for each in presentations if each.command is not None]
    lines = (
        *((each.command, each.help) for each in known if each.narrowed_by is None),
        ("list", "lists your requests, and those waiting for you"),
        ("status ID", "shows the state of a request, and what you can do"),
        ("history ID", "shows everything that happened to a request"),
        ("cancel ID", "cancels a request that is not running yet"),
        ("destinations ROUTE", "lists the sync destinations of your routes, or of one route"),
        ("destination ID", "shows a sync destination: its stories, and what you can do"),
        *(
            (" ".join((str(each.command), "ID", *each.narrowed_by)), each.help)
            for each in known
            if each.narrowed_by is not None
        ),
        ("health", "shows the health of your sync destinations, the worst first"),
        ("mute ID 3d reason", "mutes a sync destination for a time; unmute ID ends that"),
        ("freeze ROUTE reason", "pauses a route (approvers only)"),
        ("unfreeze ROUTE", "resumes a frozen route (approvers only)"),
        ("help", "shows this help"),
    )
    return message(
        kit.rich(
            kit.para("With ", kit.mono(command), " you request syncs of Tines stories to another tenant."),
            kit.bullets([kit.mono(f"{command} {typed}".strip()), f"  {says}"] for typed, says in lines),
        ),
        kit.actions(new_sync_button()),
    )


def list_message(
    items: Sequence[ListItem],
    presentations: Callable[[Request], Presentation],
    *,
    page: int,
    pages: int,
    total: int | None = None,
) -> Message:
    """Return one page of a person's list: what waits for them first. `page` counts from 1."""
    if not items:
        return message(
            kit.rich(kit.para("You have no requests, and none are waiting for you.")),
            kit.actions(new_sync_button()),
        )
    blocks: list[Block] = []
    for waits, title in ((True, "Waiting for you"), (False, "Your requests")):
        found = [item.request for item in items if item.waits_for_me is waits]
        if found:
            blocks.append(kit.header(title))
        for request in found:
            blocks.extend(request_lines(request, presentations(request), waits=waits))
    count = plural(total, "request") if total is not None else ""
    return message(
        *blocks, *_turning(page, pages, ids.ACTION_LIST_PREVIOUS, ids.ACTION_LIST_NEXT, count, newest_first=True)
    )


def request_lines(request: Request, presentation: Presentation, *, waits: bool) -> Iterator[Block]:
    """Yield a request as three lines with a button, for lists."""
    text = f"{icon(request.state)} {presentation.line(request)}"
    button = describe.review_button(request) if waits else _details(request)
    yield {"type": "section", "text": {"type": "plain_text", "text": text, "emoji": True}, "accessory": button}
    who = f" · requested by {mention(request.requester)}" if waits else ""
    yield kit.context(f"`{request.id}` · {presentation.state_words(request)} · {when(request.created_at)}{who}")
    if request.reason.strip():
        yield kit.context(f"Reason: {inert(line(request.reason, REASON_SHOWN))}")


def status_message(  # noqa: PLR0913 - what the reader may do is decided by policy, one flag for each
    request: Request,
    presentation: Presentation,
    *,
    quorum: Quorum,
    route: Route | None = None,
    repair: str = "",
    freeze: Freeze | None = None,
    permalink: str | None = None,
    may_review: bool = False,
    may_edit: bool = False,
    may_cancel: bool = False,
) -> Message:
    """Return where a request stands, with the buttons for what the reader may do.

    `repair` is the name of the operation that syncs stories again, "" for none.
    """
    state = kit.para(
        f"{icon(request.state)} ", kit.bold(f"{request.id} is "), kit.bold(presentation.state_words(request))
    )
    elements = [state, *describe.details(request, presentation)]
    if request.state is State.PENDING:
        elements.append(kit.para(*describe.progress(quorum), "."))
    elements.extend(describe.closing(request))
    elements.extend(describe.decisions(request, but_for=Verdict.REJECT if request.closed_by else None))
    if request.state.final or request.state is State.UNCERTAIN:
        elements.extend(_result(request, presentation))
    else:
        elements.extend(describe.waiting(request))
    if permalink:
        elements.append(kit.para(kit.link(permalink, "Open the thread")))
    buttons = [
        *([describe.review_button(request)] if may_review else []),
        *([describe.edit_button(request)] if may_edit else []),
        *([describe.cancel_button(request)] if may_cancel else []),
        *([describe.ask_again_button(request)] if presentation.nothing_came_of(request) else []),
    ]
    waits = request.state in {State.PENDING, State.APPROVED}
    return message(
        *describe.emergency(request),
        kit.rich(*elements),
        *(describe.frozen(freeze) if waits else ()),
        kit.context(links) if (links := describe.tenant_links(request)) else None,
        kit.actions(*buttons) if buttons else None,
        *(next_buttons(request, presentation, route, repair) if route is not None else ()),
    )


def _result(request: Request, presentation: Presentation) -> Iterator[Block]:
    """Yield the totals, the stories that failed with their errors, what went wrong and what to do."""
    if totals := presentation.totals(request):
        yield kit.para(totals, ".")
    failed = [status for status in presentation.rows(request) if status.failed]
    if failed:
        yield kit.bullets(
            [
                describe.story(request, status.story_id, status.name, 100),
                ": ",
                kit.words(line(status.error or "", 200, empty="no error told"), 200),
            ]
            for status in failed[:FAILED_SHOWN]
        )
    if len(failed) > FAILED_SHOWN:
        yield kit.para(f"… and {len(failed) - FAILED_SHOWN:,} more failed. The thread shows all.")
    if request.note.strip():
        yield kit.para("💬 ", kit.words(request.note, 500))
    if request.problem is not None:
        yield from describe.problem(request.problem, 500)
    yield from describe.next_steps(request, presentation)


def history_message(request_id: str, events: Sequence[HistoryEvent], *, page: int, technical: bool = False) -> Message:
    """Return one page of a request's record, oldest first. `page` counts from 1; one that is too high is the last.

    `technical`: whether steps are shown that say nothing to most readers.
    """
    told = [event for event in events if technical or not event.technical]
    pages = max(1, math.ceil(len(told) / HISTORY_PAGE_SIZE))
    page = min(max(page, 1), pages)
    lines = [_event(event) for event in told[(page - 1) * HISTORY_PAGE_SIZE : page * HISTORY_PAGE_SIZE]]
    return message(
        kit.header(f"What happened to {line(request_id, 40)}"),
        kit.rich(*(lines or [kit.para("Nothing is recorded.")])),
        *_turning(
            page,
            pages,
            ids.ACTION_HISTORY_PREVIOUS,
            ids.ACTION_HISTORY_NEXT,
            "",
            PageRef(page=page, request=request_id, technical=technical),
        ),
        *_steps(request_id, sum(event.technical for event in events), shown=technical),
    )


def _steps(request_id: str, count: int, *, shown: bool) -> Iterator[Block]:
    """Yield the button that shows, or hides, the steps that say nothing to most readers."""
    if count:
        text = "Hide technical steps" if shown else f"Show technical steps ({count:,})"
        ref = PageRef(page=1, request=request_id, technical=not shown)
        yield kit.actions(kit.button(text, ids.ACTION_HISTORY_STEPS, ref.dump(), says=f"{text} of {request_id}"))


def refusal_message(reasons: Sequence[str], *, by: str = "") -> Message:
    """Return why something is not done, to the person who asked for it.

    `by` is the user id of who was first, where that is the reason.
    """
    said = [reason for reason in reasons if reason.strip()][:20] or ["This is not allowed."]
    who = [kit.para("It was ", kit.user(by), ".")] if by else []
    if len(said) == 1:
        return message(kit.rich(kit.para("✋ ", kit.words(said[0], 1000)), *who))
    return message(kit.rich(kit.bullets(["✋ ", kit.words(reason, 500)] for reason in said), *who))


def error_message(error_id: str) -> Message:
    """Return what is said when something failed that nobody foresaw, with an id to quote."""
    return message(
        kit.rich(
            kit.para("😕 Something went wrong in tines-sync. Nothing you sent before is lost."),
            kit.para("If it happens again, please tell your tines-sync admin and quote ", kit.mono(error_id, 80), "."),
        )
    )


def notice_message(text: str) -> Message:
    """Return an answer in a sentence or two, such as that something was done."""
    return message(kit.rich(kit.para(kit.words(text))))


def _event(event: HistoryEvent) -> Block:
    said: tuple[kit.Part, ...] = (": ", kit.words(" ".join(event.detail.split()), 300)) if event.detail.strip() else ()
    what = kit.bold(line(event.kind.replace("_", " "), 60))
    where: tuple[kit.Part, ...] = (" ", kit.channel(event.channel)) if is_channel_id(event.channel) else ()
    return kit.para(date_element(event.at), "  ", kit.user(event.actor), "  ", what, *where, *said)


def _turning(
    page: int,
    pages: int,
    previous: str,
    following: str,
    count: str,
    ref: PageRef | None = None,
    *,
    newest_first: bool = False,
) -> Iterator[Block]:
    """Yield the page number and the buttons that turn the page; nothing for a single page without a count.

    The buttons say which way time goes.
    """
    back, on = ("◀ Newer", "Older ▶") if newest_first else ("◀ Earlier", "Later ▶")
    if pages > 1 or count:
        place = f"Page {page} of {pages}" if pages > 1 else ""
        yield kit.context(" · ".join(part for part in (place, count) if part))
    buttons = [
        kit.button(
            text,
            action,
            (ref or PageRef(page=1)).model_copy(update={"page": to}).dump(),
            says=f"{text}: page {to} of {pages}",
        )
        for text, action, to, there in (
            (back, previous, page - 1, page > 1),
            (on, following, page + 1, page < pages),
        )
        if there
    ]
    if buttons:
        yield kit.actions(*buttons)


def _details(request: Request) -> Block:
    return kit.button("Details", ids.ACTION_STATUS, describe.ref(request), says=f"Details: {request.id}")


def new_sync_button() -> Block:
    """Return the button that opens an empty form."""
    return kit.button("New request", ids.ACTION_NEW_SYNC, "new", says="New request", style="primary")


def destinations_button() -> Block:
    """Return the button that opens the list of sync destinations."""
    return kit.button("Sync destinations", ids.ACTION_DESTINATIONS, "all", says="Sync destinations: show all")
