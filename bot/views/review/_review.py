"""The review: everything an approver decides about, and the decision.

What is shown is what is decided: the view carries the revision, the digest of the stories as they are shown, and
the sync destinations that were listed. A decision comes back with these, and is refused if anything has changed.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from bot.views import describe, ids, kit
from bot.views.carried import ReviewMeta
from bot.views.review._stories import story_blocks, view_size
from bot.views.text import Block, date_element, plural
from handlers.models import Request, Story, SyncMode
from handlers.operations import ExistingDestination, Preview
from handlers.policy import Quorum, Ruling
from handlers.routes import Existing, Route

_DESTINATIONS_SHOWN: Final = 5
_VIEW_BYTES: Final = 240_000  # for all blocks; Slack takes 250,000 with the rest of the view
_SEEN: Final = 100  # as many ids as the view can carry


def review_view(  # noqa: PLR0913 - what a person may do is decided by policy, one ruling for each
    request: Request,
    route: Route,
    *,
    quorum: Quorum,
    preview: Preview | None,
    may_approve: Ruling,
    may_reject: Ruling,
    may_withdraw: bool = False,
    may_edit: bool = False,
    may_cancel: bool = False,
    changed: Sequence[str] = (),
) -> Block:
    """Return the review of a pending request.

    `preview` is None while Tines is still being asked. *Approve* is offered only when everything that would be done
    is in sight: not before the preview is there, not when Tines could not be asked, not when a story is gone.
    `changed` says in sentences what is different from what was shown before.
    """
    meta = review_meta(request, preview)
    complete = preview is not None and preview.problem is None and not preview.gone
    shown = request.content.stories if preview is None or preview.problem else preview.stories
    above = [
        *_changes(changed),
        *describe.emergency(request),
        kit.rich(*_summary(request)),
        *_preview(preview),
    ]
    below = [
        *_existing(preview, route),
        kit.rich(*_call(request, route, len(shown))),
        kit.divider(),
        kit.rich(*_approvals(request, route, quorum)),
        *_rulings(may_approve, may_reject),
        *_buttons(request, meta, may_reject=may_reject.allowed, offers=(may_withdraw, may_edit, may_cancel)),
        kit.context(f"`{request.id}` · revision {request.revision} · `{meta.digest[:12]}`"),
    ]
    title = "Stories, as they are now" if shown is not request.content.stories else "Stories, as they were asked for"
    stories = story_blocks(shown, title, _VIEW_BYTES - view_size([*above, *below]))
    return kit.modal(
        ids.VIEW_REVIEW,
        f"Review {request.id}",
        [*above, *stories, *below],
        submit="Approve" if may_approve.allowed and complete else "",
        close="Not now" if may_approve.allowed else "Close",
        meta=meta.dump(),
    )


def review_meta(request: Request, preview: Preview | None) -> ReviewMeta:
    """Return what the review of the request carries: the digest is of the stories as the preview shows them."""
    content = request.content if preview is None or preview.problem else request.content.with_stories(preview.stories)
    existing = preview.existing if preview is not None else ()
    return ReviewMeta(
        request=request.id,
        revision=request.revision,
        digest=content.digest(),
        acknowledged_ids=tuple(destination.id for destination in existing[:_SEEN]),
    )


def parse_review(view: Mapping[str, object]) -> ReviewMeta | None:
    """Return what the submitted review had shown, or None when that cannot be read.

    The value of its *Reject…* button is the same: `ReviewMeta.read(value)`.
    """
    return ReviewMeta.read(view.get("private_metadata"))


def _changes(changed: Sequence[str]) -> Iterator[Block]:
    if changed:
        yield kit.rich(
            kit.para("⚠️ ", kit.bold("This has changed since you looked.")),
            kit.bullets([kit.words(change, 200)] for change in changed[:10]),
            kit.para("Please look again before you decide."),
        )


def _summary(request: Request) -> Iterator[Block]:
    content = request.content
    yield kit.para(kit.user(request.requester), " asks to sync ", *describe.what(request))
    if request.editor != request.requester:
        yield kit.para("Last edited by ", kit.user(request.editor))
    yield kit.para(kit.bold("Route:"), " ", kit.words(content.route, 100))
    yield kit.para(kit.bold("Syncs again:"), " ", describe.MODE_WORDS[content.mode])
    yield kit.para(kit.bold("Asked:"), " ", date_element(request.created_at))
    yield kit.para(kit.bold("Expires:"), " ", date_element(request.expires_at))
    yield kit.para(kit.bold("Reason:"))
    yield kit.quote(content.reason)


def _preview(preview: Preview | None) -> Iterator[Block]:
    if preview is None:
        yield kit.context("⏳ Asking Tines how these stories stand now…")
    elif preview.problem is not None:
        yield kit.rich(
            kit.para("⚠️ ", kit.bold("How the stories stand now could not be looked up.")),
            *describe.problem(preview.problem, 1000),
            kit.para("It can be approved once Tines answers again."),
        )
    elif preview.gone:
        yield kit.rich(
            kit.para("⚠️ ", kit.bold(f"{plural(len(preview.gone), 'story')} can no longer be synced:")),
            describe.names(preview.gone, 20),
            kit.para("Deleted, moved, or without change control by now. The requester can edit the request."),
        )


def _existing(preview: Preview | None, route: Route) -> Iterator[Block]:
    if preview is None or preview.problem is not None:
        return
    if not preview.existing:
        yield kit.rich(kit.para("No sync destination for these two teams exists yet."))
        return
    elements: list[Block] = [
        kit.para("⚠️ ", kit.bold(f"{plural(len(preview.existing), 'sync destination')} for these two teams:"))
    ]
    for destination in preview.existing[:_DESTINATIONS_SHOWN]:
        elements.extend(_destination(destination))
    if len(preview.existing) > _DESTINATIONS_SHOWN:
        elements.append(kit.para(f"and {len(preview.existing) - _DESTINATIONS_SHOWN:,} more"))
    if route.existing is Existing.ADD and len(preview.existing) == 1:
        elements.append(kit.para("If this is approved, the stories are added to it, where it syncs in the same way."))
    else:
        elements.append(
            kit.para("If this is approved, one more is created beside that. Approve only if this is meant.")
        )
    yield kit.rich(*elements)


def _destination(destination: ExistingDestination) -> Iterator[Block]:
    mode = "only when triggered" if destination.manual else "automatically"
    shown = [Story(id=0, name=story) for story in destination.story_names]
    yield kit.para(f"Number {destination.id}, syncs {mode}, with {plural(len(shown), 'story')}")
    if shown:
        yield describe.names(shown, limit=60)


def _call(request: Request, route: Route, stories: int) -> Iterator[Block]:
    content = request.content
    mode = " It will sync only when triggered." if content.mode is SyncMode.MANUAL else ""
    yield kit.para(
        kit.bold("What will be called:"),
        " ",
        kit.mono("POST /api/v1/admin/sync_destinations"),
        " on ",
        kit.name(content.source, 60),
        f", once, with {plural(stories, 'story')} of team {content.source_team.id} (",
        kit.name(content.source_team.name, 100),
        f"), for team {content.destination_team.id} (",
        kit.name(content.destination_team.name, 100),
        ") on ",
        kit.name(content.destination, 60),
        f".{mode}",
    )
    then = "the stories are added to it" if route.existing is Existing.ADD else "you are asked again"
    yield kit.para(f"If another sync destination for these teams turns up before that, {then}.")


def _approvals(request: Request, route: Route, quorum: Quorum) -> Iterator[Block]:
    yield kit.para(*describe.progress(quorum), " so far.")
    if not route.self_approval:
        yield kit.para("Who asked for it, or edited it last, cannot approve it.")
    yield from describe.decisions(request, all_revisions=True)


def _rulings(may_approve: Ruling, may_reject: Ruling) -> Iterator[Block]:
    """Yield why the reader may not decide, each reason once."""
    denied = [ruling for ruling in (may_approve, may_reject) if not ruling.allowed]
    reasons = dict.fromkeys(reason for ruling in denied for reason in ruling.reasons)
    if not may_approve.allowed and reasons:  # without reasons it is only not known yet
        yield kit.rich(
            kit.para(kit.bold("You can read this, but not approve it.")),
            kit.bullets([kit.words(reason, 300)] for reason in list(reasons)[:5]),
        )


def _buttons(
    request: Request, meta: ReviewMeta, *, may_reject: bool, offers: tuple[bool, bool, bool]
) -> Iterator[Block]:
    may_withdraw, may_edit, may_cancel = offers
    reject = kit.button(
        "Reject…", ids.ACTION_REJECT, meta.dump(), says=f"Reject sync request {request.id}", style="danger"
    )
    withdraw = kit.button(
        "Withdraw my approval",
        ids.ACTION_WITHDRAW,
        describe.ref(request),
        says=f"Withdraw my approval of sync request {request.id}",
    )
    refresh = kit.button(
        "Look again", ids.ACTION_REVIEW_REFRESH, describe.ref(request), says="Ask Tines again how the stories stand"
    )
    yield kit.actions(
        reject if may_reject else None,
        withdraw if may_withdraw else None,
        describe.edit_button(request) if may_edit else None,
        describe.cancel_button(request) if may_cancel else None,
        refresh,
    )
