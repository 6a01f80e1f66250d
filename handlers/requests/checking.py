"""Checking what a form asks for against Tines: by the operation itself, in bounded time, with what is wrong at its field.

Nothing is kept.
"""

import asyncio
from typing import Final

from pydantic import JsonValue

from handlers.models import Frozen, Params
from handlers.operations import AnyOperation, Wrong
from handlers.requests.answers import Field, Invalid, NotNow, Slow
from handlers.requests.services import Services
from handlers.routes import Route
from handlers.tines import TinesError

_REASON_LENGTH: Final = 1000


class Submission(Frozen):
    """What a form asks for. Every id in it is still to be checked."""

    operation: str
    route: str
    asked: dict[str, JsonValue]  # what the operation's check takes
    kept_from: str | None = None  # also what this request asked for, which the form could not show one by one
    reason: str
    emergency: bool = False
    draft_id: str


async def check_params(
    services: Services, operation: AnyOperation, submission: Submission, route: Route, *, until: float | None
) -> Params | Invalid | NotNow | Slow:
    """Return the parameters that a form asks for, or what is wrong with it, at its fields.

    `until`: the loop's time by when Tines must have answered; None waits for it.
    """
    try:
        async with asyncio.timeout_at(until):
            asked = await _with_kept(services, submission)
            checked = await operation.check(asked, services.executor.access(route))
    except TimeoutError:
        return Slow()
    except TinesError as error:
        problem = error.problem()
        return NotNow(problem=problem.model_copy(update={"advice": f"Nothing was sent. {problem.advice}".strip()}))
    fields = _wrong_reason(submission)
    if isinstance(checked, Wrong):
        return Invalid(fields={**checked.fields, **fields})
    if fields:
        return Invalid(fields=fields)
    params: Params = checked
    return params


def _wrong_reason(submission: Submission) -> dict[str, str]:
    reason = submission.reason.strip()
    if not reason:
        return {Field.REASON: "Add a reason for the approvers."}
    if len(reason) > _REASON_LENGTH:
        return {Field.REASON: f"At most {_REASON_LENGTH:,} characters, please."}
    return {}


async def _with_kept(services: Services, submission: Submission) -> dict[str, JsonValue]:
    """Return what is asked for, with the parameters of the request that the form began from and could not show whole."""
    if submission.kept_from is None:
        return dict(submission.asked)
    async with services.store.reading() as reader:
        before = await reader.requests.get(submission.kept_from)
    if before is None or (before.route, before.operation) != (submission.route, submission.operation):
        return dict(submission.asked)
    return {**submission.asked, "kept": before.params.model_dump(mode="json")}
