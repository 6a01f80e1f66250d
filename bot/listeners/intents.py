"""Forms and decisions that Slack was told are being checked: kept as rows, finished by a job, whatever happens.

When Tines is slower than Slack's three seconds, the person reads "Checking…". From that moment the answer must come,
even if this process dies: so what they sent is committed first, and a job asks the use case again with all patience.
"""

from collections.abc import Mapping

import structlog
from pydantic import ValidationError

from bot.listeners.answering import said, settled_view
from bot.listeners.drawing import FormDrawing
from bot.listeners.keeping import APPROVE, EDIT, KINDS, SUBMIT
from bot.listeners.reviews import review_again
from bot.listeners.surface import Surface
from bot.views.form import parse_form
from bot.views.text import Block
from handlers import announcing
from handlers.jobs import LEFT_FOR, NewerVersionError
from handlers.models import Frozen
from handlers.people import PeopleUnavailableError
from handlers.requests import Answer, Changed, Done, Invalid, Shown, Submission, approve, edit, refuse, submit
from handlers.store import Intent, StoreUnavailableError


async def finish(surface: Surface, intent_id: str) -> None:
    """Ask the use case again, without hurry, and tell the person what came of it."""
    store = surface.desk.store
    async with store.reading() as reader:
        intent = await reader.intent(intent_id)
    if intent is None:
        return
    if intent.kind not in KINDS and store.clock() - intent.created_at < LEFT_FOR:
        message = f"{intent.id} is a {intent.kind}"
        raise NewerVersionError(message)
    async with store.transaction() as transaction:
        if not await transaction.claim_intent(intent_id):
            return
    answer = await _ask(surface, intent)
    shown = await surface.update_view(str(intent.data.get("view_id", "")), await _view(surface, intent, answer))
    async with store.transaction() as transaction:
        first = await transaction.finish_intent(intent_id, type(answer).__name__)
        if first and not shown:
            # the view was closed: the answer goes where the person will see it
            await transaction.announce(
                f"{announcing.DIRECT}:{intent_id}",
                announcing.DIRECT,
                announcing.direct_lane(intent.actor),
                data={"kind": "told", "text": said(answer)},
            )
    structlog.get_logger(__name__).info("an intent is finished", intent=intent_id, answer=type(answer).__name__)


class _Asked(Frozen):
    """What an intent holds, by its kind."""

    submission: Submission


class _Edited(_Asked):
    request_id: str
    revision: int


class _Approved(Frozen):
    shown: Shown


async def _ask(surface: Surface, intent: Intent) -> Answer:
    desk, actor = surface.desk, intent.actor
    try:
        kept = _read(intent)
    except ValidationError:
        kept = None
    match kept:
        case _Edited():
            before = await _edited_before(surface, intent, kept)
            if before is not None:
                return before
            return await edit(desk, actor, kept.request_id, kept.revision, kept.submission, patience=None)
        case _Asked():
            return await submit(desk, actor, kept.submission, patience=None, since=intent.created_at)
        case _Approved():
            return await approve(desk, actor, kept.shown, patience=None, since=intent.created_at)
        case None:
            reasons = ("This was sent by a newer version and cannot be finished here. Try again.",)
            return await refuse(desk, actor, reasons, what=intent.kind)


def _read(intent: Intent) -> _Asked | _Approved | None:
    """Return what an intent holds, None for a kind that is not known. Raises `ValidationError`."""
    kinds: Mapping[str, type[_Asked | _Approved]] = {SUBMIT: _Asked, EDIT: _Edited, APPROVE: _Approved}
    kind = kinds.get(intent.kind)
    return kind.model_validate(intent.data) if kind is not None else None


async def _view(surface: Surface, intent: Intent, answer: Answer) -> Block:
    """Return what takes the place of "Checking…": the form or the review again where there is something to mend."""
    try:
        match answer:
            case Invalid(fields=fields) if isinstance(intent.data.get("form"), Mapping):
                typed = parse_form(intent.data["form"])
                return await FormDrawing(surface.desk).again(intent.actor, typed, fields)
            case Changed(request=request, preview=preview, changes=changes) if preview is not None:
                return await review_again(surface.desk, intent.actor, request, preview, changes)
    except (PeopleUnavailableError, StoreUnavailableError):
        structlog.get_logger(__name__).info("an intent is answered in a sentence", intent=intent.id)
    return settled_view(answer)


async def _edited_before(surface: Surface, intent: Intent, kept: _Edited) -> Done | None:
    """Return the answer of an earlier run that changed the request and ended before it could say so."""
    async with surface.desk.store.reading() as reader:
        request = await reader.request(kept.request_id)
    if request is None or request.revision != kept.revision + 1 or request.editor != intent.actor:
        return None
    return Done(request=request, text=f"{request.id} was changed and waits for approval.")
