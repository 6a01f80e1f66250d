"""The review: opened at once, filled with what Tines says now, and decided by exactly what it shows."""

import asyncio
import re
from collections.abc import Awaitable, Sequence
from typing import Final

from slack_bolt.async_app import AsyncAck, AsyncApp

from bot.listeners.responder import Body, Responder, action_value, person, view_of
from bot.listeners.responses import ended_by, said, settled_view
from bot.slack_errors import SLACK_ERRORS, read_error
from bot.views import ids
from bot.views.asides import loading_view
from bot.views.carried import ChangesRef, RequestRef, ReviewMeta
from bot.views.dialogs import decided_view, parse_reject, refused_view, reject_view
from bot.views.preflight import changes_view
from bot.views.review import parse_review, review_view
from bot.views.text import Block
from handlers.preflight import Report, ReportProgress, whole_text
from handlers.requests import (
    APPROVE,
    OUTDATED_REVIEW,
    Changed,
    Done,
    NotNow,
    Refused,
    Review,
    ReviewedVersion,
    Slow,
    able,
    approve,
    compared,
    defer,
    keep_assessment,
    look_up_review,
    record_diff,
    refuse,
    reject,
    review_again,
    review_for,
    threads_of,
    whole_diff,
)

_LONGEST_DIFF: Final = 5_000_000  # characters of a file
_FILES: Final = frozenset({"files:write"})
_PROGRESS_SECONDS: Final = 1.0  # between two lines about how far a comparison is


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
        found = await review_for(self._responder.services, actor, ref.request if ref else None)
        if isinstance(found, Refused | NotNow):
            await self._responder.refuse(body, (said(found),), by=ended_by(found))
            await ack()
            return
        opened = await self._responder.open_view(body, _view(self._responder, found))
        if opened is not None:
            self._look(str(opened["id"]), actor, found)
        await ack()

    async def refresh(self, ack: AsyncAck, body: Body) -> None:
        """Look everything up again within the open review."""
        meta = ReviewMeta.read(view_of(body).get("private_metadata"))
        actor = person(body)
        view_id = str(view_of(body).get("id", ""))
        if view_id in self._looking:  # one look-up per review at a time, whoever clicks how often
            await ack()
            return
        found = await review_for(self._responder.services, actor, meta.request if meta else None)
        if isinstance(found, Refused | NotNow):
            await self._responder.update_view(view_id, refused_view((said(found),), by=ended_by(found)))
        else:
            await self._responder.update_view(view_id, _view(self._responder, found))
            self._look(view_id, actor, found)
        await ack()

    def _look(self, view_id: str, actor: str, opened: Review) -> None:
        """Fill the open review with what Slack and Tines say now."""
        self._looking.add(view_id)
        self._responder.follow_up(self._look_up(view_id, actor, opened))

    async def _look_up(self, view_id: str, actor: str, opened: Review) -> None:
        """Show what can be decided as soon as that is known, then what would change on the destination."""
        mark = ""

        async def show(looking: Awaitable[Review]) -> str | None:
            nonlocal mark
            shown = await self._responder.filled(view_id, actor, "review", self._filled(view_id, looking))
            if shown is None:
                return None
            mark = shown[1]
            meta = ReviewMeta.read(shown[0].get("private_metadata"))
            return meta.digest if meta else ""

        review = await look_up_review(self._responder.services, actor, opened, show)
        if review is not None:
            await self._compare(actor, view_id, mark, review)

    async def _filled(self, view_id: str, looking: Awaitable[Review]) -> Block:
        try:
            review = await looking
        finally:
            self._looking.discard(view_id)
        return _view(self._responder, review, progress=ReportProgress(0))

    async def _compare(self, actor: str, view_id: str, mark: str, review: Review) -> None:
        """Compare the stories with their copies, and show how far that is until it is done.

        A view that was changed meanwhile, by a decision for one, is left alone: `mark` is Slack's hash of it.
        """
        services, request, preview = self._responder.services, review.request, review.preview
        facts = preview.facts if preview is not None else None
        if preview is None or facts is None:
            return
        progress = ReportProgress(0)
        comparing = asyncio.ensure_future(
            compared(services, request, review.route, facts, progress=progress, actor=actor)
        )
        try:
            latest: str | None = mark
            while not (await asyncio.wait({comparing}, timeout=_PROGRESS_SECONDS))[0]:
                if latest is not None:
                    view = _view(self._responder, review, progress=progress)
                    latest = await self._responder.replace_view(view_id, view, hash_=latest or None)
            report = await comparing
        finally:
            comparing.cancel()
        if report is None:
            return
        if latest is not None:
            done = review.model_copy(update={"preview": preview.model_copy(update={"report": report})})
            await self._responder.replace_view(view_id, _view(self._responder, done), hash_=latest or None)
        await keep_assessment(services, request, facts, report)

    async def show_changes(self, ack: AsyncAck, body: Body) -> None:
        """Push a view with the changes of one story, and fill it in."""
        ref = ChangesRef.read(action_value(body))
        actor = person(body)
        found = await review_for(self._responder.services, actor, ref.request if ref else None)
        if isinstance(found, Refused | NotNow) or ref is None:
            refused = found if isinstance(found, Refused | NotNow) else await self._lost(body, "review")
            await self._responder.refuse(body, (said(refused),), by=ended_by(refused))
            await ack()
            return
        opened = await self._responder.open_view(body, loading_view("Changes"))
        if opened is not None:
            self._responder.fill(str(opened["id"]), actor, "review", self._changes(actor, found, ref.story))
        await ack()

    async def post_diff(self, ack: AsyncAck, body: Body) -> None:
        """Put the whole diff as a file into the thread, and say in a pushed view what came of it."""
        ref = RequestRef.read(action_value(body))
        actor = person(body)
        found = await review_for(self._responder.services, actor, ref.request if ref else None)
        if isinstance(found, Refused | NotNow):
            await self._responder.refuse(body, (said(found),), by=ended_by(found))
            await ack()
            return
        opened = await self._responder.open_view(body, loading_view("Whole diff"))
        if opened is not None:
            self._responder.fill(str(opened["id"]), actor, "review", self._posted(actor, found))
        await ack()

    async def _posted(self, actor: str, review: Review) -> Block:
        services, request = self._responder.services, review.request
        report = await whole_diff(services, actor, review, None)
        if not isinstance(report, Report):
            return settled_view(report)
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

    async def _changes(self, actor: str, review: Review, story: int) -> Block:
        report = await whole_diff(self._responder.services, actor, review, story)
        if not isinstance(report, Report):
            return settled_view(report)
        return changes_view(review.request, report.stories[0])

    async def ask_why(self, ack: AsyncAck, body: Body) -> None:
        """Push the view that asks for the reason of a rejection."""
        meta = ReviewMeta.read(view_of(body).get("private_metadata")) or ReviewMeta.read(action_value(body))
        services, id_ = self._responder.services, meta.request if meta else None
        found = await able(services, person(body), id_, lambda can: can.reject, what="reject", unread=OUTDATED_REVIEW)
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
            case Changed():
                again = await changed_view(self._responder, actor, answer, typed.comment)
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
        return await refuse(self._responder.services, person(body), (OUTDATED_REVIEW,), what=what)


async def changed_view(responder: Responder, actor: str, changed: Changed, comment: str) -> Block:
    """Return the review as it is now, saying what changed since it was shown, with the comment that was typed.

    Raises `PeopleUnavailableError`.
    """
    review = await review_again(responder.services, actor, changed.request, changed.preview)
    return _view(responder, review, changed=changed.changes, comment=comment)


def _shown(meta: ReviewMeta) -> ReviewedVersion:
    missing = None if meta.missing is None else frozenset(meta.missing.split())
    return ReviewedVersion(request_id=meta.request, revision=meta.revision, digest=meta.digest, missing=missing)


def _view(
    responder: Responder,
    review: Review,
    *,
    changed: Sequence[str] = (),
    comment: str = "",
    progress: ReportProgress | None = None,
) -> Block:
    """Return the review; `progress` is how far the comparison with the copies is, while it goes on."""
    can = review.can
    return review_view(
        review.request,
        review.route,
        responder.presentation(review.request),
        origins=review.origins,
        quorum=review.quorum,
        preview=review.preview,
        may_approve=can.approve,
        may_reject=can.reject,
        may_withdraw=can.withdraw.allowed,
        may_edit=can.edit.allowed,
        may_cancel=can.cancel.allowed,
        may_post_diff=responder.client.scopes >= _FILES,
        against_requester=review.against,
        changed=changed,
        comment=comment,
        progress=progress,
    )


def _checking(request_id: str) -> Block:
    return decided_view(
        f"Checking… Tines is slow to answer. Your approval of {request_id} is saved and will be completed."
    )
