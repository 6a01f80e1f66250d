"""The form with which a sync is asked for, edited and asked for again, and what stands in its place meanwhile.

_state    what the form shows, and what was typed into it
_build    state → view
_parse    view → what was typed, with an error at each field that needs one
_asides   checking, loading, something is wrong, nothing is allowed
"""

from bot.views.carried import FormMeta
from bot.views.form._asides import checking_view, loading_view, no_routes_view, problem_view
from bot.views.form._build import form_view
from bot.views.form._parse import parse_form
from bot.views.form._state import (
    FormInput,
    FormState,
    RouteChoice,
    Selection,
    destination_block,
    source_block,
    state_of,
    stories_block,
)

__all__ = [
    "FormInput",
    "FormMeta",
    "FormState",
    "RouteChoice",
    "Selection",
    "checking_view",
    "destination_block",
    "form_view",
    "loading_view",
    "no_routes_view",
    "parse_form",
    "problem_view",
    "source_block",
    "state_of",
    "stories_block",
]
