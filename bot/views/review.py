"""The review: everything an approver decides about, and the decision.

First stands what is known at once: how many stories, both teams, who can approve, and the buttons. What is looked up
follows below them, so that they stay where they are when it arrives: what is missing and what would change, then every
story, and in small type at the end what is there to be looked up.

What is shown is what is decided: the view carries the revision, the digest of the stories as they are shown, and
the sync destinations that were listed. A decision comes back with these, and is refused if anything has changed.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final
from urllib.parse import urlsplit

from bot.views import describe, ids, kit
from bot.views.carried import ReviewMeta
from bot.views.dialogs import CommentInput, read_comment
from bot.views.fallback_text import small
from bot.views.preflight import review_blocks
from bot.views.presentation import Presentation
from bot.views.text import Block, date_element
from handlers.models import Facts, Request, digest_of
from handlers.operations import Preview
from handlers.policy import Quorum, Ruling
from handlers.policy.rulings import is_group
from handlers.preflight import ReportProgress, SourceFacts
from handlers.routes import EVERYBODY, Route

_MOST_GAPS: Final = 150  # whose marks a view carries
_APPROVERS: Final = 20  # entries of a policy
_VIEW_BYTES: Final = 240_000  # for all blocks; Slack takes 250,000 with the rest of the view


def review_view(  # noqa: PLR0913 - what a person may do is decided by policy, one ruling for each
    request: Request,
    route: Route,
    presentation: Presentation,
    *,
    origins: tuple[str, str],
    quorum: Quorum,
    preview: Preview | None,
    may_approve: Ruling,
    may_reject: Ruling,
    may_withdraw: bool = False,
    may_edit: bool = False,
    may_cancel: bool = False,
    changed: Sequence[str] = (),
    against_requester: Sequence[str] = (),
    progress: ReportProgress | None = None,
    may_post_diff: bool = False,
    comment: str = "",
) -> Block:
    """Return the review of a pending request.

    `against_requester` says why it would not run for the person who asked: they left, or may not ask any more.

    `preview` is None while Tines is still being asked; `origins` are the addresses of both tenants. *Approve* is
    offered only when everything that would be done is in sight: not before the preview is there, not when Tines could
    not be asked, not when something is gone. `progress` is how far the comparison with the copies is; `may_post_diff`: the app has the scope to post files. `changed` says in sentences what is different from what was shown before.
    """
    meta = review_meta(request, preview, origins)
    complete = presentation.complete(preview)
    decides = [
        *_changes(changed),
        *describe.emergency(request),
        kit.rich(*describe.details(request, presentation, brief=True)),
        kit.rich(*_approvals(request, route, quorum)),
        *_buttons(request, meta, may_reject=may_reject.allowed, offers=(may_withdraw, may_edit, may_cancel)),
        *_against(against_requester),
        *_rulings(may_approve, may_reject),
        *_preview(preview, presentation, request, route),
        *(
            review_blocks(request, preview.facts, preview.report, progress, may_post_diff=may_post_diff)
            if preview is not None
            else ()
        ),
        *(_comment(comment) if may_approve.allowed and complete else ()),
        kit.divider(),
    ]
    looked_up = [
        small(*_times(request), *_tenants(request, origins), *presentation.call(request, preview, route)),
        kit.context(describe.reference(request, meta.digest)),
    ]
    material = presentation.material(request, preview, _VIEW_BYTES - kit.json_size([*decides, *looked_up]))
    return kit.modal(
        ids.VIEW_REVIEW,
        f"Review {request.id}",
        [*decides, *material, *looked_up],
        submit="Approve" if may_approve.allowed and complete else "",
        close="Close",
        meta=meta.dump(),
    )


def review_meta(request: Request, preview: Preview | None, origins: tuple[str, str]) -> ReviewMeta:
    """Return what the review of the request carries: the digest covers what the preview shows."""
    facts = request.facts if preview is None else preview.facts
    digest = digest_of(request.operation, request.route, request.params, origins, facts)
    return ReviewMeta(request=request.id, revision=request.revision, digest=digest, missing=_missing(facts))


def _missing(facts: Facts | None) -> str | None:
    gaps = facts.gaps if isinstance(facts, SourceFacts) else None
    if gaps is None or len(gaps.missing) > _MOST_GAPS:
        return None
    return " ".join(gap.mark for gap in gaps.missing)


def parse_review(view: Mapping[str, object]) -> CommentInput:
    """Return what the submitted review had shown, and the comment, which may be empty.

    The value of its *Reject…* button is what it had shown as well: `ReviewMeta.read(value)`.
    """
    meta = ReviewMeta.read(view.get("private_metadata"))
    return read_comment(view, meta, meta.request if meta else None, required=False)


def _changes(changed: Sequence[str]) -> Iterator[Block]:
    if changed:
        yield kit.rich(
            kit.para("⚠️ ", kit.bold("This request changed after you opened it.")),
            kit.bullets([kit.words(change, 200)] for change in changed[:10]),
            kit.para("Please review it again before you decide."),
        )


def _against(reasons: Sequence[str]) -> Iterator[Block]:
    if reasons:
        yield kit.rich(
            kit.para("⚠️ ", kit.bold("This will not run, even if it is approved.")),
            kit.bullets([kit.words(reason, 300)] for reason in reasons[:5]),
        )


def _times(request: Request) -> Iterator[Block]:
    yield kit.para("Requested ", date_element(request.created_at), ", expires ", date_element(request.expires_at), ".")


def _tenants(request: Request, origins: tuple[str, str]) -> Iterator[Block]:
    yield kit.para(
        "Tenants: ",
        kit.name(request.source, 60),
        " is ",
        kit.mono(_host(origins[0])),
        ", ",
        kit.name(request.destination, 60),
        " is ",
        kit.mono(_host(origins[1])),
    )


def _host(url: str) -> str:
    return urlsplit(url).netloc or url


def _preview(preview: Preview | None, presentation: Presentation, request: Request, route: Route) -> Iterator[Block]:
    if preview is None:
        yield kit.context("⏳ Checking in Tines…")
    elif preview.problem is not None:
        yield kit.rich(
            kit.para("⚠️ ", kit.bold("Tines could not be checked.")),
            *describe.problem(preview.problem, 1000),
            kit.para("It can be approved once Tines answers again."),
        )
    yield from presentation.warnings(request, preview, route)


def _approvals(request: Request, route: Route, quorum: Quorum) -> Iterator[Block]:
    yield kit.para(*describe.progress(quorum), ".")
    entries = [each for each in route.approvers if each not in route.denied][:_APPROVERS]
    if EVERYBODY in entries:
        yield kit.para("Everybody can approve.")
    elif entries:
        who = [part for each in entries for part in (", ", kit.usergroup(each) if is_group(each) else kit.user(each))]
        yield kit.para("Can approve: ", *who[1:], ".")
    if not route.self_approval:
        yield kit.para("The requester and the last editor can't approve.")
    yield from describe.decisions(request, all_revisions=True)


def _rulings(may_approve: Ruling, may_reject: Ruling) -> Iterator[Block]:
    """Yield why the reader may not decide, each reason once."""
    denied = [ruling for ruling in (may_approve, may_reject) if not ruling.allowed]
    reasons = dict.fromkeys(reason for ruling in denied for reason in ruling.reasons)
    if not may_approve.allowed and reasons:
        yield kit.rich(
            kit.para(kit.bold("You can view this request but not approve it.")),
            kit.bullets([kit.words(reason, 300)] for reason in list(reasons)[:5]),
        )


def _comment(typed: str) -> Iterator[Block]:
    yield kit.field(
        ids.BLOCK_COMMENT,
        "Comment",
        kit.text_input(ids.ACTION_COMMENT, initial=typed, placeholder="Optional", required=False),
        hint="The requester and the channel read this.",
        optional=True,
    )


def _buttons(
    request: Request, meta: ReviewMeta, *, may_reject: bool, offers: tuple[bool, bool, bool]
) -> Iterator[Block]:
    may_withdraw, may_edit, may_cancel = offers
    reject = kit.button("Reject…", ids.ACTION_REJECT, meta.dump(), says=f"Reject… {request.id}", style="danger")
    withdraw = kit.button(
        "Withdraw my approval",
        ids.ACTION_WITHDRAW,
        describe.ref(request),
        says=f"Withdraw my approval: {request.id}",
    )
    refresh = kit.button("Refresh", ids.ACTION_REVIEW_REFRESH, describe.ref(request), says="Refresh: check Tines again")
    yield kit.actions(
        refresh,  # the first: the others may follow when the reader is looked up afresh
        reject if may_reject else None,
        withdraw if may_withdraw else None,
        describe.edit_button(request) if may_edit else None,
        describe.cancel_button(request) if may_cancel else None,
    )
