"""The review: opened at once, filled with what Tines says now, and decided by exactly what it shows."""

from typing import Any, Final

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.listeners.responder import Body, Responder, action_value, person, view_of
from bot.listeners.responses import ended_by, said, settled_view
from bot.views import ids
from bot.views.carried import RequestRef, ReviewMeta
from bot.views.dialogs import decided_view, parse_reject, refused_view, reject_view
from bot.views.review import parse_review, review_view
from bot.views.text import Block
from handlers.execution.call_journal import CallJournal
from handlers.models import Problem, Request
from handlers.operations import Preview
from handlers.people import Person
from handlers.policy import (
    Ruling,
    groups_of,
    may_approve,
    may_cancel,
    may_edit,
    may_reject,
    may_run_for,
    may_withdraw,
    quorum,
)
from handlers.requests import (
    APPROVE,
    Changed,
    Done,
    NotNow,
    Refused,
    ReviewedVersion,
    Slow,
    able,
    approve,
    deadline,
    defer,
    looked_up,
    record_review,
    refuse,
    refuse_unread,
    reject,
)
from handlers.routes import Route, retired_route

_UNKNOWN: Final = Ruling(allowed=False)
_OUT_OF_DATE: Final = "This review is outdated. Open it again."
_LONGEST_PREVIEW: Final = 30.0  # seconds; after that the view says that Tines does not answer


def register(app: AsyncApp, responder: Responder) -> None:
    """Listen for the review's buttons and submissions."""
    review = Reviews(responder)
    app.action(ids.ACTION_REVIEW)(review.open)
    app.action(ids.ACTION_REVIEW_REFRESH)(review.refresh)
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
            self._look(str(opened["id"]), actor, request, route)
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
            self._look(view_id, actor, request, route)
        await ack()

    async def _reviewed(self, actor: str, request_id: str | None) -> tuple[Request, Route] | Refused | NotNow:
        """Return a request that waits for a decision, and its route, to somebody who may read it; else what to answer."""
        services = self._responder.services
        found = await able(services, actor, request_id, lambda can: can.review, what="review", unread=_OUT_OF_DATE)
        return found if isinstance(found, Refused | NotNow) else found[:2]

    def _look(self, view_id: str, actor: str, request: Request, route: Route) -> None:
        """Fill the open review with what Slack and Tines say now, and record what was shown."""
        self._looking.add(view_id)
        self._responder.follow_up(self._look_up(view_id, actor, request, route))

    async def _look_up(self, view_id: str, actor: str, request: Request, route: Route) -> None:
        async with CallJournal(self._responder.services.store, request.id, actor) as journal:

            async def shown(view: Block) -> None:
                meta = ReviewMeta.read(view.get("private_metadata"))
                await record_review(journal, actor, request, meta.digest if meta else "")

            async def filled_in() -> Block:
                try:
                    return await self._filled_in(actor, request, route, journal)
                finally:
                    self._looking.discard(view_id)

            await self._responder.filled(view_id, actor, "review", filled_in(), shown)

    async def _filled_in(self, actor: str, request: Request, route: Route, journal: CallJournal) -> Block:
        services = self._responder.services
        someone = await services.people.person(actor, groups_of(route))
        if not may_approve(route, someone, requester=request.requester, editor=request.editor).allowed:
            someone = await services.people.person(actor, groups_of(route), fresh=True)
        preview = await looked_up(services, request, route, deadline(_LONGEST_PREVIEW), journal)
        if preview is None:
            preview = Preview(
                problem=Problem(what=f"{request.source} does not answer", advice="Open the review again in a minute.")
            )
        requester = await services.people.person(request.requester, groups_of(route), fresh=True)
        against = may_run_for(route, requester).reasons
        return _review(self._responder, request, route, someone, preview, against=against)

    async def ask_why(self, ack: AsyncAck, body: Body) -> None:
        """Push the view that asks for the reason of a rejection."""
        meta = ReviewMeta.read(view_of(body).get("private_metadata")) or ReviewMeta.read(action_value(body))
        if meta is None:
            lost = await self._lost(body, "reject")
            await self._responder.refuse(body, lost.reasons)
        else:
            await self._responder.open_view(body, reject_view(meta))
        await ack()

    async def approved(self, ack: AsyncAck, body: Body) -> None:
        """Take an approval of what the review shows."""
        view = view_of(body)
        meta = parse_review(view)
        if meta is None:
            await ack(response_action="update", view=settled_view(await self._lost(body, "approve")))
            return
        actor = person(body)
        shown = _shown(meta)
        answer = await approve(self._responder.services, actor, shown, budget=self._responder.budget)
        match answer:
            case Done():
                await ack(response_action="clear")
            case Changed(request=request, preview=preview, changes=changes):
                again = await review_again(self._responder, actor, request, preview, changes)
                await ack(response_action="update", view=again)
            case Slow():
                # Kept before Slack is answered: the approval counts even if this process ends now
                await defer(
                    self._responder.services,
                    APPROVE,
                    actor,
                    view_id=str(view.get("id", "")),
                    shown=shown.model_dump(mode="json"),
                )
                await ack(response_action="update", view=_checking(meta.request))
            case _:
                await ack(response_action="update", view=settled_view(answer))

    async def rejected(self, ack: AsyncAck, body: Body) -> None:
        """Take a rejection with its reason."""
        typed = parse_reject(view_of(body))
        services, actor = self._responder.services, person(body)
        if typed.errors:
            await refuse_unread(services, actor, typed.errors.values(), what="reject", request_id=typed.request_id)
            await ack(response_action="errors", errors=typed.errors)
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


async def review_again(
    responder: Responder, actor: str, request: Request, preview: Preview | None, changes: tuple[str, ...]
) -> Block:
    """Return the review as it is now, saying what changed since it was shown. Raises `PeopleUnavailableError`."""
    services = responder.services
    route = services.topology.route_for(request) or retired_route(request)
    someone = await services.people.person(actor, groups_of(route))
    return _review(responder, request, route, someone, preview, changed=changes)


def _shown(meta: ReviewMeta) -> ReviewedVersion:
    return ReviewedVersion(request_id=meta.request, revision=meta.revision, digest=meta.digest)


def _review(
    responder: Responder,
    request: Request,
    route: Route,
    someone: Person | None,
    preview: Preview | None,
    *,
    changed: tuple[str, ...] = (),
    against: tuple[str, ...] = (),
) -> Block:
    """Return the review as one person may use it; nothing is offered to somebody of whom nothing is known yet."""
    rulings: dict[str, Any] = {"may_approve": _UNKNOWN, "may_reject": _UNKNOWN}
    if someone is not None:
        approvals = request.approvals()
        rulings = {
            "may_approve": may_approve(
                route, someone, requester=request.requester, editor=request.editor, already=approvals
            ),
            "may_reject": may_reject(route, someone, requester=request.requester),
            "may_withdraw": may_withdraw(someone, approvals).allowed,
            "may_edit": may_edit(route, someone, requester=request.requester).allowed,
            "may_cancel": may_cancel(route, someone, requester=request.requester).allowed,
        }
    return review_view(
        request,
        route,
        responder.presentation(request),
        origins=_origins(responder, request, route),
        quorum=quorum(route, request.approvals()),
        preview=preview,
        changed=changed,
        against_requester=against,
        **rulings,
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
