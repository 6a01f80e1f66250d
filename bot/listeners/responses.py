"""How a use case's answer looks in the view that asked for it: one mapping for every form and dialog."""

from collections.abc import Mapping
from typing import Any

from bot.views import ids
from bot.views.asides import problem_view
from bot.views.dialogs import decided_view, refused_view
from bot.views.presentation import FormState, Presentation
from bot.views.text import Block
from handlers.models import Request
from handlers.requests import Answer, Changed, Done, Field, Invalid, NotNow, Refused, Slow, what_happened


def settled_view(answer: Answer) -> Block:
    """Return the view that says what came of something, for every answer that needs no form."""
    match answer:
        case Done(text=text):
            return decided_view(text)
        case Refused(reasons=reasons):
            return refused_view(reasons, by=ended_by(answer))
        case Invalid(fields=fields):
            return refused_view(tuple(fields.values()))
        case NotNow(problem=problem):
            return problem_view(problem)
        case Changed(changes=changes):
            return refused_view(changes)
        case Slow():
            return decided_view("Tines is slow to answer. This continues in the background.")


def ended_by(answer: Answer) -> str:
    """Return who ended the request that somebody comes too late for, "" when that is not why they are refused."""
    match answer:
        case Refused(reasons=reasons, request=Request() as request) if reasons == (what_happened(request),):
            return request.closed_by
        case _:
            return ""


def said(answer: Answer) -> str:
    """Return what came of something as plain sentences, for a message to one person."""
    match answer:
        case Done(text=text):
            return text
        case Refused(reasons=reasons):
            return " ".join(reasons)
        case Invalid(fields=fields):
            return " ".join(fields.values())
        case NotNow(problem=problem):
            return " ".join(part for part in (f"{problem.what}.", problem.words, problem.advice) if part)
        case Changed(changes=changes):
            return " ".join(changes)
        case Slow():
            return ""


def field_errors(
    presentation: Presentation, state: FormState, view: Mapping[str, Any], fields: Mapping[str, str]
) -> dict[str, str]:
    """Return errors by block id, each at a block that the view has; Slack refuses an error at any other."""
    where = places(presentation, state)
    inputs = input_blocks(view)
    errors: dict[str, str] = {}
    for field, text in fields.items():
        place = where.get(field, "")
        if place not in inputs:
            place = next(iter(inputs), ids.BLOCK_REASON)
        errors[place] = f"{errors[place]} {text}" if place in errors else text
    return errors


def places(presentation: Presentation, state: FormState) -> Mapping[str, str]:
    """Return the block of each field of an operation's form."""
    return {
        Field.ROUTE: ids.BLOCK_ROUTE,
        Field.REASON: ids.BLOCK_REASON,
        Field.EMERGENCY: ids.BLOCK_EMERGENCY,
        **presentation.places(state),
    }


def input_blocks(view: Mapping[str, Any]) -> list[str]:
    """Return the ids of the view's fields, from top to bottom."""
    blocks = view.get("blocks")
    return [
        str(block.get("block_id"))
        for block in (blocks if isinstance(blocks, list) else ())
        if isinstance(block, Mapping) and block.get("type") == "input"
    ]
