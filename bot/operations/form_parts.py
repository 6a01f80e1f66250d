"""What every operation's form has: the route, the reason, break-glass, and how they are read back.

Slack keeps what was typed in a field as long as the field's block id stays the same, and applies initial values
only to new fields. The block ids therefore name the route they belong to: choosing another one makes Slack forget what
no longer fits, with no code of ours that could forget to.

Nothing that reads raises: a field that is missing, foreign or malformed reads as not filled in, and is asked for again
at the field itself.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from bot.views import ids, kit
from bot.views.carried import FormMeta
from bot.views.presentation import FormState, RouteChoice
from bot.views.text import Block, tidy
from bot.views.view_values import ViewValues, selected, typed

MAX_CHOICES: Final = 100  # options that Slack keeps in one select
_ELSEWHERE: Final = (ids.BLOCK_ROUTE, ids.BLOCK_REASON)  # where an error goes whose own field is not there


def form_modal(
    state: FormState,
    blocks: Iterable[Block],
    errors: Mapping[str, str] | None,
    *,
    title: str,
    submit: str = "Request sync",
    meta: FormMeta | None = None,
) -> Block:
    """Return a form as a view: the operation's own `blocks` between the route and the reason.

    `errors` (block id or "" → text) are shown above their fields: for what was found out after the view was
    submitted, when Slack no longer takes field errors.
    """
    wrong = dict(errors or {})
    shown: list[Block] = []
    for block in (*_before(state), *blocks, *_after(state)):
        if (text := wrong.pop(block.get("block_id", ""), None)) is not None:
            shown.append(warning(text))
        shown.append(block)
    shown[:0] = [warning(text) for text in wrong.values()]
    if state.revision is not None:
        title, submit = f"Edit {state.request_id}", "Save changes"
    elif state.request_id:
        title = "Request again"
    view_meta = (meta or state.meta).dump()
    return kit.modal(ids.VIEW_FORM, title, shown, submit=submit, close="Cancel", meta=view_meta)


def _before(state: FormState) -> Iterator[Block]:
    route = state.chosen
    if state.revision is not None:
        yield kit.context("Saving clears existing approvals.")
    if len(state.routes) == 1 and route is not None:
        yield kit.rich(kit.para(kit.bold("Route:"), " ", *_route_parts(route)))
    else:
        yield kit.field(ids.BLOCK_ROUTE, "Route", _route_element(state, route), dispatch=True)
    if route is not None and route.faults:
        yield kit.rich(
            kit.para("⚠️ ", kit.bold("A request on this route cannot succeed now.")),
            kit.bullets([kit.words(fault, 300)] for fault in route.faults[:5]),
        ) | {"block_id": ids.BLOCK_FAULTS}
    if route is not None and route.frozen_by is not None:
        yield kit.rich(
            kit.para("❄️ ", kit.bold("This route is frozen"), " by ", kit.user(route.frozen_by), "."),
            kit.quote(route.frozen_reason, 500),
            kit.para("You can request a sync, and it can be approved. It runs when the route is unfrozen."),
        )


def _after(state: FormState) -> Iterator[Block]:
    yield kit.field(
        ids.BLOCK_REASON,
        "Reason",
        kit.text_input(
            ids.ACTION_REASON, initial=state.reason, placeholder="What changes, and why now? The approvers read this."
        ),
    )
    if state.can_break_glass:
        yield from _run_now()


def _route_parts(route: RouteChoice) -> tuple[kit.Part, ...]:
    return (kit.name(route.source), " → ", kit.name(route.destination), " (", kit.words(route.name, 100), ")")


def _route_element(state: FormState, route: RouteChoice | None) -> Block:
    options = [
        (choice, kit.option(f"{choice.name}: {choice.source} → {choice.destination}", choice.name))
        for choice in state.routes[:MAX_CHOICES]
    ]
    element: Block = {
        "type": "static_select",
        "action_id": ids.ACTION_ROUTE,
        "placeholder": kit.plain("Choose a route", kit.PLACEHOLDER),
        "options": [option for _, option in options],
    }
    initial = next((option for choice, option in options if choice == route), None)
    return element if initial is None else element | {"initial_option": initial}


def _run_now() -> Iterator[Block]:
    yield kit.actions(
        kit.button(
            "Run now without approval…",
            ids.ACTION_RUN_NOW,
            "run",
            says="Run now without approval…",
            style="danger",
            confirm=kit.confirm(
                "Run this now, without approval?",
                "It starts at once. The approval channel is told that you did this, and why. It stays on record.",
                "Run now",
            ),
        )
    ) | {"block_id": ids.BLOCK_EMERGENCY}
    yield kit.context("For emergencies (break-glass). The reason above is shown to everybody.")


def warning(text: str) -> Block:
    """Return something to mend, to stand above its field."""
    return kit.rich(kit.para("⚠️ ", kit.words(text, 1000)))


def block_for(prefix: str, route: str) -> str:
    """Return the block id of a field that belongs to a route; a name too long for an id gets a stand-in."""
    short = route if len(route) <= 100 else hashlib.sha256(route.encode()).hexdigest()  # noqa: PLR2004 - well below 255
    return prefix + short


# Reading


def read_route(state: ViewValues, meta: FormMeta, errors: dict[str, str]) -> str:
    """Return the chosen route, "" when there is none, which is an error."""
    option = selected(state, ids.BLOCK_ROUTE, ids.ACTION_ROUTE)
    route = option.value if option is not None else ""
    if ids.BLOCK_ROUTE not in state:  # a single route is shown as text
        route = meta.route
    if not route:
        errors[ids.BLOCK_ROUTE] = "Choose a route."
    return route


def read_reason(state: ViewValues, errors: dict[str, str]) -> str:
    """Return the reason, which is required."""
    reason = tidy(typed(state, ids.BLOCK_REASON, ids.ACTION_REASON)).strip()
    if not reason:
        errors[ids.BLOCK_REASON] = "Add a reason for the approvers."
    elif len(reason) > kit.COMMENT:
        errors[ids.BLOCK_REASON] = f"Use at most {kit.COMMENT:,} characters. This has {len(reason):,}."
    return reason


def where_shown(state: ViewValues, errors: Mapping[str, str]) -> dict[str, str]:
    """Return the errors at fields that the form has: Slack shows none at others, such as a single route's text."""
    shown: dict[str, str] = {}
    for block, text in errors.items():
        place = block if block in state or not state else next((b for b in _ELSEWHERE if b in state), next(iter(state)))
        shown[place] = f"{shown[place]} {text}" if place in shown else text
    return shown
