"""How a request is put into words: its state, what it asks for, who decided what. Shared by all that show requests.

One place, so that the channel, the thread, a list and the App Home never use two words for the same thing.
"""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from bot.views import ids, kit, tines_links
from bot.views.carried import DestinationButton, RequestRef
from bot.views.presentation import Presentation
from bot.views.text import Block, date_element
from handlers.models import Decision, Problem, Request, State, StoryStatus, Verdict
from handlers.policy import Freeze, Quorum
from handlers.routes import Route

DECISIONS_SHOWN: Final = 20
_CLOSED: Final[Mapping[State, str]] = MappingProxyType(
    {State.REJECTED: "Rejected", State.CANCELLED: "Cancelled", State.FAILED: "Closed"}
)


def ref(request: Request) -> str:
    """Return what a button about the request carries."""
    return RequestRef(request=request.id, revision=request.revision).dump()


def details(request: Request, presentation: Presentation, *, brief: bool = False) -> Iterator[Block]:
    """Yield what is asked for, as rich text: who, what, route, reason; `brief` for where the stories are listed below."""
    yield kit.para(kit.user(request.requester), presentation.asks(request), *presentation.summary(request))
    if request.editor != request.requester:
        yield kit.para("Last edited by ", kit.user(request.editor))
    yield from presentation.brief(request) if brief else presentation.details(request)
    yield kit.para(kit.bold("Route:"), " ", kit.words(request.route, 100))
    yield kit.para(kit.bold("Reason:"))
    yield kit.quote(request.reason)


def emergency(request: Request) -> Iterator[Block]:
    """Yield the loud lines about a request that runs without approval; nothing for any other."""
    if request.emergency:
        yield kit.header("🚨 Break-glass: run without approval")


def frozen(freeze: Freeze | None) -> Iterator[Block]:
    """Yield the lines about a frozen route; nothing when it is not."""
    if freeze is not None:
        yield kit.rich(
            kit.para(
                "❄️ ",
                kit.bold("Frozen"),
                " by ",
                kit.user(freeze.by),
                " since ",
                date_element(freeze.at),
                ". Requests can be reviewed and approved. They run when the route is unfrozen.",
            ),
            kit.quote(freeze.reason, 500),
        )


def progress(quorum: Quorum) -> tuple[kit.Part, ...]:
    """Return how far the approvals are: "0 of 1 approvals", and what is missing besides."""
    parts: list[kit.Part] = [kit.bold(f"{quorum.have} of {quorum.needed} approvals")]
    if quorum.separate_needed > 1:
        parts.append(f", from {quorum.separate_have} of {quorum.separate_needed} separate groups")
    return tuple(parts)


def decisions(request: Request, *, all_revisions: bool = False, but_for: Verdict | None = None) -> Iterator[Block]:
    """Yield who decided what and when, newest last; comments as quotations.

    Without `all_revisions` only what was decided about the present revision, not withdrawn; `but_for` is left out.
    """
    shown = [
        decision
        for decision in request.decisions
        if (all_revisions or (decision.revision == request.revision and decision.withdrawn_at is None))
        and decision.verdict is not but_for
    ]
    if len(shown) > DECISIONS_SHOWN:
        yield kit.para(f"… {len(shown) - DECISIONS_SHOWN:,} earlier decisions")
    for decision in shown[-DECISIONS_SHOWN:]:
        yield kit.para(*_decision(decision, request))
        if decision.comment.strip():
            yield kit.quote(decision.comment, 200)


def _decision(decision: Decision, request: Request) -> Iterator[kit.Part]:
    approved = decision.verdict is Verdict.APPROVE
    yield "👍 " if approved else "⛔ "
    yield kit.user(decision.actor)
    yield " approved, " if approved else " rejected it, "
    yield date_element(decision.at)
    if decision.withdrawn_at is not None:
        yield ", withdrawn "
        yield date_element(decision.withdrawn_at)
    elif not approved:
        return
    elif not decision.counts_for(request.revision, request.digest):
        yield ", no longer counts: the request was edited afterwards"


def problem(found: Problem, limit: int = 2000) -> Iterator[Block]:
    """Yield what went wrong, as rich text: our words, up to `limit` characters of Tines's words, what to do."""
    yield kit.para(kit.words(found.what, 500))
    if found.words.strip():
        yield kit.para("Tines said:")
        yield kit.quote(found.words, limit)
    if found.advice.strip():
        yield kit.para(kit.bold("What to do:"), " ", kit.words(found.advice, 500))


def closing(request: Request) -> Iterator[Block]:
    """Yield who rejected, cancelled or closed a request, when and why; nothing for one that nobody ended."""
    word = _CLOSED.get(request.state)
    if word is None or (request.state is State.FAILED and not request.closed_by):
        return
    by: tuple[kit.Part, ...] = (" by ", kit.user(request.closed_by)) if request.closed_by else ()
    yield kit.para(kit.bold(word), *by, ", ", date_element(request.finished_at or request.updated_at), ".")
    if request.closed_comment.strip():
        yield kit.quote(request.closed_comment)


def next_steps(request: Request, presentation: Presentation) -> Iterator[Block]:
    """Yield what to do after a request that ended without full success."""
    for step in presentation.next_steps(request) if request.state.final else ():
        yield kit.para(kit.bold("What to do:"), " ", kit.words(step, 500))


def reference(request: Request, digest: str) -> str:
    """Return what is there to be looked up, as mrkdwn: id, revision, digest, and links to both tenants."""
    parts = (f"`{request.id}`", f"revision {request.revision}", f"`{digest[:12]}`", tenant_links(request))
    return " · ".join(part for part in parts if part)


def tenant_links(request: Request) -> str:
    """Return links to both tenants, as mrkdwn: at their configured addresses, "" for what is no address."""
    return tines_links.to_tenants((request.source, request.origins[0]), (request.destination, request.origins[1]))


def story(request: Request, story_id: int, name: str, limit: int = kit.HEADER_TEXT) -> Block:
    """Return the name of one of a request's stories, as a link to it on the source tenant."""
    return tines_links.to_story(request.origins[0], story_id, name, limit)


def waiting(request: Request) -> Iterator[Block]:
    """Yield what a request that goes on by itself waits for now, with no advice where nothing can be pressed."""
    if request.note.strip():
        yield kit.para("💬 ", kit.words(request.note, 500))
    yield from trying(request)


def trying(request: Request) -> Iterator[Block]:
    """Yield what went wrong with a request that is tried again by itself, and when."""
    if request.problem is None:
        return
    yield from problem(request.problem.model_copy(update={"advice": ""}))
    next_try: tuple[kit.Part, ...] = ()
    if request.next_run_at is not None:
        next_try = (" Next try: ", date_element(request.next_run_at), ".")
    yield kit.para("tines-sync keeps trying by itself.", *next_try)


def review_button(request: Request) -> Block:
    """Return the button that opens the review."""
    return kit.button("Review", ids.ACTION_REVIEW, ref(request), says=f"Review {request.id}", style="primary")


def ask_again_button(request: Request) -> Block:
    """Return the button that opens the form filled in with the same."""
    return kit.button("Request again", ids.ACTION_ASK_AGAIN, ref(request), says=f"Request again: {request.id}")


def may_be_asked_for(operation: str, route: Route | None) -> bool:
    """Whether a button may offer an operation: "" is none; None is a route that is no longer configured."""
    return bool(operation) and route is not None and route.for_operation(operation).enabled


def sync_again_button(request: Request, rows: Iterable[StoryStatus], route: Route, repair: str) -> Block | None:
    """Return the button that opens the form to sync what failed, or still lacks a sync; None where nothing does.

    Only for a request that ended, with a sync destination, on a route where `repair` can be asked for: the operation
    that syncs stories again.
    """
    number, statuses = request.destination_id, tuple(rows)
    if not request.state.final or number is None or not may_be_asked_for(repair, route):
        return None
    for text, option, wanted in (
        ("Sync failed stories again…", ids.VALUE_FAILED, any(status.failed for status in statuses)),
        ("Start sync…", "", any(status.needs_sync for status in statuses)),
    ):
        if wanted:
            about = DestinationButton(destination=number, route=request.route, operation=repair, option=option)
            says = f"{text} Sync destination {number}"
            return kit.button(text, f"{ids.ACTION_OPERATE}{repair}", about.dump(), says=says)
    return None


def sync_story_button(request: Request, status: StoryStatus, route: Route, repair: str) -> Block | None:
    """Return the button that opens the form to sync one story that failed; None where there is nothing to repair."""
    number = request.destination_id
    if number is None or not (request.state.final and status.failed and may_be_asked_for(repair, route)):
        return None
    story = f"{ids.VALUE_STORY}{status.story_id}"
    about = DestinationButton(destination=number, route=request.route, operation=repair, option=story)
    action = f"{ids.ACTION_OPERATE}{repair}_{story}"
    return kit.button("Sync again", action, about.dump(), says=f"Sync again: {status.name}")


def edit_button(request: Request) -> Block:
    """Return the button that opens the form to change the request."""
    return kit.button("Edit…", ids.ACTION_EDIT, ref(request), says=f"Edit… {request.id}")


def cancel_button(request: Request) -> Block:
    """Return the button that asks whether to cancel the request."""
    return kit.button("Cancel request…", ids.ACTION_CANCEL, ref(request), says=f"Cancel request… {request.id}")
