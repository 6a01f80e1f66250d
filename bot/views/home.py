"""The App Home: what waits for the reader, what they asked for, and a way to ask for more."""

from collections.abc import Callable, Sequence
from typing import Final

from bot.views import kit
from bot.views.lists import destinations_button, new_sync_button, request_lines
from bot.views.presentation import Presentation
from bot.views.text import Block
from handlers.models import Request

SHOWN: Final = 15  # requests in each part; a view takes 100 blocks


def home_view(
    mine: Sequence[Request],
    waiting: Sequence[Request],
    presentations: Callable[[Request], Presentation],
    *,
    more: bool = False,
) -> Block:
    """Return the App Home of one person: the requests that wait for their decision, and their own, newest first.

    At most 15 of each are shown; `more` says that the caller has left some out already.
    """
    blocks = [
        kit.header("Sync Tines stories to another tenant"),
        kit.section("Ask for it, have it approved, and see in a thread what became of every story."),
        kit.actions(new_sync_button(), destinations_button()),
    ]
    for title, found, waits, none in (
        ("Waiting for you", waiting, True, "Nothing waits for your decision."),
        ("Your requests", mine, False, "You have not asked for a sync yet."),
    ):
        blocks.extend([kit.divider(), kit.header(title)])
        for request in found[:SHOWN]:
            blocks.extend(request_lines(request, presentations(request), waits=waits))
        if not found:
            blocks.append(kit.context(none))
    if more or len(mine) > SHOWN or len(waiting) > SHOWN:
        blocks.append(kit.context("There are more. Type `/tines-sync list` to see all of them."))
    return {"type": "home", "blocks": blocks}


def home_unavailable_view(text: str) -> Block:
    """Return the App Home for when nothing can be looked up: why, in our words."""
    return {"type": "home", "blocks": [kit.rich(kit.para(kit.words(text, 1000))), kit.actions(new_sync_button())]}
