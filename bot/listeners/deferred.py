"""Finishes deferred commands: asks the use case again, and puts the answer in place of "Checking…"."""

from collections.abc import Mapping

import structlog
from pydantic import ValidationError

from bot.listeners.form_presenter import FormPresenter
from bot.listeners.forms import typed_in
from bot.listeners.responder import Responder
from bot.listeners.responses import said, settled_view
from bot.listeners.reviews import changed_view
from bot.views.text import Block
from handlers.models import Frozen
from handlers.people import PeopleUnavailableError
from handlers.requests import (
    APPROVE,
    EDIT,
    SUBMIT,
    Answer,
    Changed,
    Invalid,
    ReviewedVersion,
    Submission,
    approve,
    edit,
    finish_deferred,
    refuse,
    submit,
    take_deferred,
)
from handlers.store import DeferredCommand, StoreUnavailableError


async def finish(responder: Responder, deferred_id: str) -> None:
    """Ask the use case again, without a limit of time, and tell the person the result."""
    deferred = await take_deferred(responder.services, deferred_id)
    if deferred is None:
        return
    answer = await _ask(responder, deferred)
    shown = await responder.update_view(str(deferred.data.get("view_id", "")), await _view(responder, deferred, answer))
    # where the view was closed, the answer goes where the person will see it
    await finish_deferred(responder.services, deferred, type(answer).__name__, message=None if shown else said(answer))
    structlog.get_logger(__name__).info(
        "a deferred command is finished", deferred=deferred_id, answer=type(answer).__name__
    )


class _Asked(Frozen):
    """What a deferred command holds, by its kind."""

    submission: Submission


class _Edited(_Asked):
    request_id: str
    revision: int


class _Approved(Frozen):
    shown: ReviewedVersion
    comment: str = ""


async def _ask(responder: Responder, deferred: DeferredCommand) -> Answer:
    services, actor = responder.services, deferred.actor
    try:
        kept = _read(deferred)
    except ValidationError:
        kept = None
    match kept:
        case _Edited():
            return await edit(services, actor, kept.request_id, kept.revision, kept.submission, budget=None, again=True)
        case _Asked():
            return await submit(services, actor, kept.submission, budget=None, since=deferred.created_at)
        case _Approved():
            return await approve(services, actor, kept.shown, kept.comment, budget=None, since=deferred.created_at)
        case None:
            reasons = ("A newer version of tines-sync sent this, and it cannot be finished here. Try again.",)
            return await refuse(services, actor, reasons, what=deferred.kind)


def _read(deferred: DeferredCommand) -> _Asked | _Approved | None:
    """Return what a deferred command holds, None for a kind that is not known. Raises `ValidationError`."""
    kinds: Mapping[str, type[_Asked | _Approved]] = {SUBMIT: _Asked, EDIT: _Edited, APPROVE: _Approved}
    kind = kinds.get(deferred.kind)
    return kind.model_validate(deferred.data) if kind is not None else None


async def _view(responder: Responder, deferred: DeferredCommand, answer: Answer) -> Block:
    """Return what takes the place of "Checking…": the form or the review again where there is something to mend."""
    try:
        match answer:
            case Invalid(fields=fields) if isinstance(deferred.data.get("form"), Mapping):
                read = typed_in(responder, deferred.data["form"])
                if read is not None:
                    return await FormPresenter(responder).looked_up(deferred.actor, read[1].state, fields)
            case Changed(preview=preview) if preview is not None:
                comment = str(deferred.data.get("comment", ""))
                return await changed_view(responder, deferred.actor, answer, comment)
    except (PeopleUnavailableError, StoreUnavailableError):
        structlog.get_logger(__name__).info("a deferred command is answered in a sentence", deferred=deferred.id)
    return settled_view(answer)
