"""How a request is put into words: its state, what it asks for, who decided what. Shared by all that show requests.

One place, so that the channel, the thread, a list and the App Home never use two words for the same thing.
"""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from bot.views import ids, kit
from bot.views.carried import RequestRef
from bot.views.text import Block, date_element, line, plural
from handlers.models import Decision, Problem, Request, State, Story, SyncMode, Verdict
from handlers.policy import Freeze, Quorum

NAMES_SHOWN: Final = 10  # story names in a message; the review shows all
DECISIONS_SHOWN: Final = 20
_WORDS: Final[Mapping[State, tuple[str, str]]] = MappingProxyType(
    {
        State.PENDING: ("🕓", "waiting for approval"),
        State.APPROVED: ("👍", "approved"),
        State.RUNNING: ("⏳", "being created in Tines"),
        State.FOLLOWING: ("⏳", "syncing"),
        State.SUCCEEDED: ("✅", "synced"),
        State.PARTIAL: ("⚠️", "synced in part"),
        State.FAILED: ("❌", "failed"),
        State.UNCERTAIN: ("❓", "uncertain: somebody must look"),
        State.REJECTED: ("⛔", "rejected"),
        State.CANCELLED: ("🚫", "cancelled"),
        State.EXPIRED: ("⌛", "expired"),
    }
)
MODE_WORDS: Final[Mapping[SyncMode, str]] = MappingProxyType(
    {
        SyncMode.AUTOMATIC: "automatically, each time a story is published",
        SyncMode.MANUAL: "only when somebody triggers it",
    }
)


def sign(state: State) -> str:
    """Return the emoji for a state."""
    return _WORDS[state][0]


def state_words(state: State) -> str:
    """Return a state in words, e.g. "waiting for approval"."""
    return _WORDS[state][1]


def ref(request: Request) -> str:
    """Return what a button about the request carries."""
    return RequestRef(request=request.id, revision=request.revision).dump()


def from_to(request: Request) -> tuple[kit.Part, ...]:
    """Return "dev / SecOps → prod / SecOps" as parts."""
    content = request.content
    return (
        kit.name(content.source, 60),
        " / ",
        kit.name(content.source_team.name, 100),
        " → ",
        kit.name(content.destination, 60),
        " / ",
        kit.name(content.destination_team.name, 100),
    )


def what(request: Request) -> tuple[kit.Part, ...]:
    """Return "12 stories from dev / SecOps → prod / SecOps" as parts."""
    return (kit.bold(plural(len(request.content.stories), "story")), ": ", *from_to(request))


def names(stories: Sequence[Story], shown: int = NAMES_SHOWN, *, limit: int = 150) -> Block:
    """Return the first names as a list, then "and n more"."""
    lines: list[Sequence[kit.Part]] = [[{"type": "text", "text": line(story.name, limit)}] for story in stories[:shown]]
    if len(stories) > shown:
        lines.append([f"and {len(stories) - shown:,} more"])
    return kit.bullets(lines)


def details(request: Request) -> Iterator[Block]:
    """Yield what is asked for, as rich text: who, route, teams, stories, mode, reason."""
    content = request.content
    yield kit.para(kit.user(request.requester), " asks to sync ", *what(request))
    if request.editor != request.requester:
        yield kit.para("Last edited by ", kit.user(request.editor))
    yield names(content.stories)
    yield kit.para(kit.bold("Route:"), " ", kit.words(content.route, 100))
    yield kit.para(kit.bold("Syncs again:"), " ", MODE_WORDS[content.mode])
    yield kit.para(kit.bold("Reason:"))
    yield kit.quote(content.reason)


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
                ". It can be reviewed and approved; it runs when the route is unfrozen.",
            ),
            kit.quote(freeze.reason, 500),
        )


def progress(quorum: Quorum) -> tuple[kit.Part, ...]:
    """Return how far the approvals are: "1 of 2 approvals", and what is missing besides."""
    parts: list[kit.Part] = [kit.bold(f"{quorum.have} of {plural(quorum.needed, 'approval')}")]
    if quorum.separate_needed > 1:
        parts.append(f", from {quorum.separate_have} of {quorum.separate_needed} separate groups")
    return tuple(parts)


def decisions(request: Request, *, all_revisions: bool = False) -> Iterator[Block]:
    """Yield who decided what and when, newest last; comments as quotations.

    Without `all_revisions` only what was decided about the present revision, not withdrawn.
    """
    shown = [
        decision
        for decision in request.decisions
        if all_revisions or (decision.revision == request.revision and decision.withdrawn_at is None)
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
        yield ", no longer counts: the request has changed since"


def problem(found: Problem, limit: int = 2000) -> Iterator[Block]:
    """Yield what went wrong, as rich text: our words, up to `limit` characters of Tines's words, what to do."""
    yield kit.para(kit.words(found.what, 500))
    if found.words.strip():
        yield kit.para("Tines said:")
        yield kit.quote(found.words, limit)
    if found.advice.strip():
        yield kit.para(kit.bold("What to do:"), " ", kit.words(found.advice, 500))


def review_button(request: Request) -> Block:
    """Return the button that opens the review."""
    return kit.button(
        "Review", ids.ACTION_REVIEW, ref(request), says=f"Review sync request {request.id}", style="primary"
    )


def ask_again_button(request: Request) -> Block:
    """Return the button that opens the form filled in with the same."""
    return kit.button("Ask again", ids.ACTION_ASK_AGAIN, ref(request), says=f"Ask again for what {request.id} asked")


def edit_button(request: Request) -> Block:
    """Return the button that opens the form to change the request."""
    return kit.button("Edit…", ids.ACTION_EDIT, ref(request), says=f"Edit sync request {request.id}")


def cancel_button(request: Request) -> Block:
    """Return the button that asks whether to cancel the request."""
    return kit.button("Cancel request…", ids.ACTION_CANCEL, ref(request), says=f"Cancel sync request {request.id}")


def can_be_asked_again(request: Request) -> bool:
    """Whether the request ended without a sync destination, so that asking again makes sense."""
    return request.state in {State.EXPIRED, State.REJECTED, State.CANCELLED} or (
        request.state is State.FAILED and request.destination_id is None
    )
