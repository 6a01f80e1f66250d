"""The review: opened at once, filled with what Tines says now, and decided by exactly what it shows."""

import asyncio
import re
from dataclasses import dataclass, replace
from typing import Any, Final

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.listeners.responder import Body, Responder, action_value, person, view_of
from bot.listeners.responses import ended_by, said, settled_view
from bot.slack_errors import SLACK_ERRORS, read_error
from bot.views import ids
from bot.views.asides import loading_view, problem_view
from bot.views.carried import ChangesRef, RequestRef, ReviewMeta
from bot.views.dialogs import decided_view, parse_reject, refused_view, reject_view
from bot.views.preflight import changes_view
from bot.views.review import parse_review, review_view
from bot.views.text import Block
from handlers.execution.call_journal import CallJournal
from handlers.models import Problem, Request
from handlers.operations import Preview
from handlers.people import Person
from handlers.policy import (
    Ruling,
    groups_of,
    may_run_for,
    quorum,
)
from handlers.preflight import Report, ReportProgress, whole_text
from handlers.requests import (
    APPROVE,
    Changed,
    Done,
    NotNow,
    Refused,
    ReviewedVersion,
    Slow,
    abilities,
    able,
    approve,
    compared,
    deadline,
    defer,
    keep_assessment,
    looked_up,
    record_diff,
    record_review,
    refuse,
    reject,
    threads_of,
)
from handlers.routes import Route, retired_route

_UNKNOWN: Final = Ruling(allowed=False)
_OUT_OF_DATE: Final = "This review is outdated. Open it again."
_NOT_THERE: Final = "This story is no longer part of the request, or Tines does not answer right now."
_LONGEST_DIFF: Final = 5_000_000  # characters of a file
_FILES: Final = frozenset({"files:write"})
_PROGRESS_SECONDS: Final = 1.0  # between two lines about how far a comparison is
_LONGEST_PREVIEW: Final = 30.0  # seconds; after that the view says that Tines does not answer


def register(app: AsyncApp, review: "Reviews") -> None:
    """Listen for the review's buttons and submissions."""
    app.action(ids.ACTION_REVIEW)(review.open)
    app.action(ids.ACTION_REVIEW_REFRESH)(review.refresh)
    app.action(re.compile(rf"{ids.ACTION_SHOW_CHANGES}:\d+"))(review.show_changes)
    app.action(ids.ACTION_POST_DIFF)(review.post_diff)
    app.action(ids.ACTION_PICK_CHANGES)(review.show_changes)
    app.action(ids.ACTION_REJECT)(review.ask_why)
    app.view(ids.VIEW_REVIEW)(review.approved)
    app.view(ids.VIEW_REJECT)(review.rejected)


class Reviews:
    """The listeners of the review."""

    def __init__(self, responder: Responder) -> None:
        self._responder = responder
        self._looking: set[str] = set()  # ids of the views that are being filled in

    async def open(self, ack: AsyncAck, body: Body) -> None:
        """Open the review with what the row says, then fill in what Tines says."""
        ref = RequestRef.read(action_value(body))
        actor = person(body)
        found = await self._reviewed(actor, ref.request if ref else None)
        if isinstance(found, Refused | NotNow):
            await self._responder.refuse(body, (said(found),), by=ended_by(found))
            await ack()
            return
        request, route = found
        someone = self._responder.services.people.cached_person(actor, groups_of(route))
        opened = await self._responder.open_view(body, _review(self._responder, request, route, someone, None))
        if opened is not None:
            self._look(str(opened["id"]), actor, request, route, someone)
        await ack()

    async def refresh(self, ack: AsyncAck, body: Body) -> None:
        """Look everything up again within the open review."""
        meta = ReviewMeta.read(view_of(body).get("private_metadata"))
        actor = person(body)
        view_id = str(view_of(body).get("id", ""))
        if view_id in self._looking:  # one look-up per review at a time, whoever clicks how often
            await ack()
            return
        found = await self._reviewed(actor, meta.request if meta else None)
        if isinstance(found, Refused | NotNow):
            await self._responder.update_view(view_id, refused_view((said(found),), by=ended_by(found)))
        else:
            request, route = found
            someone = self._responder.services.people.cached_person(actor, groups_of(route))
            await self._responder.update_view(view_id, _review(self._responder, request, route, someone, None))
            self._look(view_id, actor, request, route, someone)
        await ack()

    async def _reviewed(self, actor: str, request_id: str | None) -> tuple[Request, Route] | Refused | NotNow:
        """Return a request that waits for a decision, and its route, to somebody who may read it; else what to answer."""
        services = self._responder.services
        found = await able(services, actor, request_id, lambda can: can.review, what="review", unread=_OUT_OF_DATE)
        return found if isinstance(found, Refused | NotNow) else found[:2]

    def _look(self, view_id: str, actor: str, request: Request, route: Route, someone: Person | None) -> None:
        """Fill the open review with what Slack and Tines say now, and record what was shown."""
        self._looking.add(view_id)
        self._responder.follow_up(self._look_up(view_id, actor, request, route, someone))

    async def _look_up(self, view_id: str, actor: str, request: Request, route: Route, known: Person | None) -> None:
        """Show what can be decided as soon as that is known, then what would change on the destination.

        Rejecting and cancelling need nothing from Tines: where the person was not `known`, that comes first.
        """
        looked: list[_Looked] = []
        async with CallJournal(self._responder.services.store, request.id, actor) as journal:

            async def filled_in() -> Block:
                try:
                    if known is None:
                        someone = await self._responder.services.people.person(actor, groups_of(route))
                        await self._responder.update_view(
                            view_id, _review(self._responder, request, route, someone, None)
                        )
                    looked.append(await self._looked(actor, request, route, journal))
                finally:
                    self._looking.discard(view_id)
                return looked[0].view(self._responder, ReportProgress(0))

            shown = await self._responder.filled(view_id, actor, "review", filled_in())
            if shown is None:
                return
            meta = ReviewMeta.read(shown[0].get("private_metadata"))
            await record_review(journal, actor, request, meta.digest if meta else "")
        await self._compare(view_id, shown[1], looked[0])

    async def _looked(self, actor: str, request: Request, route: Route, journal: CallJournal) -> "_Looked":
        services = self._responder.services
        someone = await services.people.person(actor, groups_of(route))
        if not abilities(route, someone, request).approve.allowed:
            someone = await services.people.person(actor, groups_of(route), fresh=True)
        preview = await looked_up(services, request, route, deadline(_LONGEST_PREVIEW), journal)
        if preview is None:
            preview = Preview(
                problem=Problem(what=f"{request.source} does not answer", advice="Open the review again in a minute.")
            )
        requester = await services.people.person(request.requester, groups_of(route), fresh=True)
        return _Looked(request, route, someone, preview, may_run_for(route, requester).reasons)

    async def _compare(self, view_id: str, mark: str, looked: "_Looked") -> None:
        """Compare the stories with their copies, and show how far that is until it is done.

        A view that was changed meanwhile, by a decision for one, is left alone: `mark` is Slack's hash of it.
        """
        services, request, facts = self._responder.services, looked.request, looked.preview.facts
        if facts is None:
            return
        progress = ReportProgress(0)
        comparing = asyncio.ensure_future(compared(services, request, looked.route, facts, progress=progress))
        try:
            latest: str | None = mark
            while not (await asyncio.wait({comparing}, timeout=_PROGRESS_SECONDS))[0]:
                if latest is not None:
                    view = looked.view(self._responder, progress)
                    latest = await self._responder.replace_view(view_id, view, hash_=latest or None)
            report = await comparing
        finally:
            comparing.cancel()
        if report is None:
            return
        if latest is not None:
            done = replace(looked, preview=looked.preview.model_copy(update={"report": report}))
            await self._responder.replace_view(view_id, done.view(self._responder, None), hash_=latest or None)
        await keep_assessment(services, request, facts, report)

    async def show_changes(self, ack: AsyncAck, body: Body) -> None:
        """Push a view with the changes of one story, and fill it in."""
        ref = ChangesRef.read(action_value(body))
        actor = person(body)
        found = await self._reviewed(actor, ref.request if ref else None)
        if isinstance(found, Refused | NotNow) or ref is None:
            refused = found if isinstance(found, Refused | NotNow) else await self._lost(body, "review")
            await self._responder.refuse(body, (said(refused),), by=ended_by(refused))
            await ack()
            return
        opened = await self._responder.open_view(body, loading_view("Changes"))
        if opened is not None:
            self._responder.fill(str(opened["id"]), actor, "review", self._changes(actor, *found, ref.story))
        await ack()

    async def post_diff(self, ack: AsyncAck, body: Body) -> None:
        """Put the whole diff as a file into the thread, and say in a pushed view what came of it."""
        ref = RequestRef.read(action_value(body))
        actor = person(body)
        found = await self._reviewed(actor, ref.request if ref else None)
        if isinstance(found, Refused | NotNow):
            await self._responder.refuse(body, (said(found),), by=ended_by(found))
            await ack()
            return
        opened = await self._responder.open_view(body, loading_view("Whole diff"))
        if opened is not None:
            self._responder.fill(str(opened["id"]), actor, "review", self._posted(actor, *found))
        await ack()

    async def _posted(self, actor: str, request: Request, route: Route) -> Block:
        services = self._responder.services
        report = await self._reported(actor, request, route, None)
        if not isinstance(report, Report):
            return report
        place = (await threads_of(services, [request.id])).get(request.id)
        if place is None:
            return refused_view(("The request has no thread yet. Try again in a moment.",))
        text = await asyncio.to_thread(whole_text, report, _LONGEST_DIFF)
        channel, ts = place
        try:
            await self._responder.client.upload(f"{request.id}.diff", text.encode(), channel=channel, thread_ts=ts)
        except SLACK_ERRORS as error:
            return refused_view((f"Slack did not accept the file: {read_error(error).words}.",))
        await record_diff(services, actor, request)
        return decided_view(f"The whole diff is in the thread of {request.id}.")

    async def _changes(self, actor: str, request: Request, route: Route, story: int) -> Block:
        report = await self._reported(actor, request, route, story)
        if not isinstance(report, Report):
            return report
        found = next(iter(report.stories), None)
        return changes_view(request, found) if found is not None else refused_view(report.remarks or (_NOT_THERE,))

    async def _reported(self, actor: str, request: Request, route: Route, story: int | None) -> Report | Block:
        """Return the whole diff of one story, or of all for None; else the view that says why there is none."""
        services = self._responder.services
        async with CallJournal(services.store, request.id, actor) as journal:
            preview = await looked_up(services, request, route, deadline(_LONGEST_PREVIEW), journal)
        if preview is None or preview.facts is None:
            what = f"{request.source} does not answer"
            problem = preview.problem if preview is not None else None
            return problem_view(problem or Problem(what=what, advice="Try again in a minute."))
        subject = services.executor.subject(request, preview.facts)
        every = frozenset(each.id for each in subject.stories) if subject is not None else frozenset[int]()
        whole = every if story is None else frozenset({story})
        progress = ReportProgress(0)
        report = await compared(services, request, route, preview.facts, progress=progress, whole=whole)
        return report if report is not None else refused_view((_NOT_THERE,))

    async def ask_why(self, ack: AsyncAck, body: Body) -> None:
        """Push the view that asks for the reason of a rejection."""
        meta = ReviewMeta.read(view_of(body).get("private_metadata")) or ReviewMeta.read(action_value(body))
        services, id_ = self._responder.services, meta.request if meta else None
        found = await able(services, person(body), id_, lambda can: can.reject, what="reject", unread=_OUT_OF_DATE)
        if isinstance(found, Refused | NotNow):
            await self._responder.refuse(body, (said(found),), by=ended_by(found))
        elif meta is not None:
            await self._responder.open_view(body, reject_view(meta))
        await ack()

    async def approved(self, ack: AsyncAck, body: Body) -> None:
        """Take an approval of what the review shows."""
        view = view_of(body)
        typed = parse_review(view)
        services, actor = self._responder.services, person(body)
        if await self._responder.says_what_to_mend(ack, actor, typed, what="approve"):
            return
        if typed.meta is None:
            await ack(response_action="update", view=settled_view(await self._lost(body, "approve")))
            return
        shown = _shown(typed.meta)
        answer = await approve(services, actor, shown, typed.comment, budget=self._responder.budget)
        match answer:
            case Done():
                await ack(response_action="clear")
            case Changed(request=request, preview=preview, changes=changes):
                again = await review_again(self._responder, actor, request, preview, changes, typed.comment)
                await ack(response_action="update", view=again)
            case Slow():
                # Kept before Slack is answered: the approval counts even if this process ends now
                await defer(
                    services,
                    APPROVE,
                    actor,
                    view_id=str(view.get("id", "")),
                    shown=shown.model_dump(mode="json"),
                    comment=typed.comment,
                )
                await ack(response_action="update", view=_checking(typed.meta.request))
            case _:
                await ack(response_action="update", view=settled_view(answer))

    async def rejected(self, ack: AsyncAck, body: Body) -> None:
        """Take a rejection with its reason."""
        typed = parse_reject(view_of(body))
        services, actor = self._responder.services, person(body)
        if await self._responder.says_what_to_mend(ack, actor, typed, what="reject"):
            return
        if typed.meta is None:
            await ack(response_action="update", view=settled_view(await self._lost(body, "reject")))
            return
        answer = await reject(services, actor, _shown(typed.meta), typed.comment)
        if isinstance(answer, Done):
            await ack(response_action="clear")
        else:
            await ack(response_action="update", view=settled_view(answer))

    async def _lost(self, body: Body, what: str) -> Refused:
        """Record that what a review carries cannot be read."""
        return await refuse(self._responder.services, person(body), (_OUT_OF_DATE,), what=what)


@dataclass(frozen=True, slots=True)
class _Looked:
    """What was looked up for one person who reviews a request."""

    request: Request
    route: Route
    someone: Person
    preview: Preview
    against: tuple[str, ...]  # why it would not run

    def view(self, responder: Responder, progress: ReportProgress | None) -> Block:
        """Return the review; `progress` is how far the comparison with the copies is, while it goes on."""
        return _review(
            responder,
            self.request,
            self.route,
            self.someone,
            self.preview,
            against_requester=self.against,
            progress=progress,
        )


async def review_again(
    responder: Responder,
    actor: str,
    request: Request,
    preview: Preview | None,
    changes: tuple[str, ...],
    comment: str = "",
) -> Block:
    """Return the review as it is now, saying what changed since it was shown, with the comment that was typed.

    Raises `PeopleUnavailableError`.
    """
    services = responder.services
    route = services.topology.route_for(request) or retired_route(request)
    someone = await services.people.person(actor, groups_of(route))
    return _review(responder, request, route, someone, preview, changed=changes, comment=comment)


def _shown(meta: ReviewMeta) -> ReviewedVersion:
    told = None if meta.told is None else frozenset(meta.told.split())
    return ReviewedVersion(request_id=meta.request, revision=meta.revision, digest=meta.digest, told=told)


def _review(
    responder: Responder,
    request: Request,
    route: Route,
    someone: Person | None,
    preview: Preview | None,
    **told: Any,  # noqa: ANN401 - of `review_view`
) -> Block:
    """Return the review as one person may use it; nothing is offered to somebody of whom nothing is known yet."""
    rulings: dict[str, Any] = {"may_approve": _UNKNOWN, "may_reject": _UNKNOWN}
    if someone is not None:
        can = abilities(route, someone, request)
        rulings = {
            "may_approve": can.approve,
            "may_reject": can.reject,
            "may_withdraw": can.withdraw.allowed,
            "may_edit": can.edit.allowed,
            "may_cancel": can.cancel.allowed,
        }
    return review_view(
        request,
        route,
        responder.presentation(request),
        origins=_origins(responder, request, route),
        quorum=quorum(route, request.approvals()),
        preview=preview,
        may_post_diff=responder.client.scopes >= _FILES,
        **rulings,
        **told,
    )


def _origins(responder: Responder, request: Request, route: Route) -> tuple[str, str]:
    """Return the addresses of both tenants as they are configured now, or were where one is not any more."""
    topology = responder.services.topology
    known = {route.source, route.destination} <= topology.tenants.keys()
    return topology.origins(route) if known else request.origins


def _checking(request_id: str) -> Block:
    return decided_view(
        f"Checking… Tines is slow to answer. Your approval of {request_id} is saved and will be completed."
    )
