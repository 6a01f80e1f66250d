"""The App Home: what waits for the reader, what they asked for, the health of sync destinations, frozen routes, and a way to ask for more.

Complete within the 100 blocks of a view: every part has pages.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from bot.views import ids, kit
from bot.views.carried import FreezeRef, HomeRef
from bot.views.contact import ADMIN
from bot.views.health import destination_blocks
from bot.views.lists import destinations_button, new_sync_button, request_lines
from bot.views.presentation import Presentation
from bot.views.text import Block, clip, inert, line, mention, plural, tidy, when
from handlers.models import Request
from handlers.requests import FrozenRoute, Overview, Part

_REASON = 300


def home_view(found: Overview, presentations: Callable[[Request], Presentation]) -> Block:
    """Return the App Home of one person."""
    blocks = [
        kit.header("Sync Tines stories to another tenant"),
        kit.actions(new_sync_button(), destinations_button()),
    ]
    if not (found.waiting.total or found.mine.total or found.destinations.total or found.frozen.total):
        blocks.extend(_first_steps(found))
        return {"type": "home", "blocks": blocks}
    blocks.extend(_requests("Waiting for you", found.waiting, presentations, "No requests are waiting for you."))
    blocks.extend(_turning(found, "waiting", found.waiting, "request"))
    blocks.extend(_requests("Your requests", found.mine, presentations, "You have no requests yet."))
    blocks.extend(_turning(found, "mine", found.mine, "request"))
    blocks.extend(_destinations(found))
    if found.frozen.total:
        blocks.extend([kit.divider(), kit.header("Frozen routes")])
        for each in found.frozen.items:
            blocks.extend(_frozen(each))
        blocks.extend(_turning(found, "frozen", found.frozen, "route"))
    return {"type": "home", "blocks": blocks}


def home_unavailable_view(text: str) -> Block:
    """Return the App Home for when nothing can be looked up: why, in our words."""
    return {"type": "home", "blocks": [kit.rich(kit.para(kit.words(text, 1000))), kit.actions(new_sync_button())]}


def _first_steps(found: Overview) -> Iterator[Block]:
    """Yield what somebody does first for whom there is nothing to see yet."""
    if not found.uses:
        yield kit.section(f"You cannot use any route yet. Ask {ADMIN} to add you to one.")
        return
    yield kit.rich(
        kit.para(kit.bold("Nothing here yet. This is how it works:")),
        kit.bullets(
            [
                ["Press ", kit.bold("New request"), ", choose a team and its stories, and add a reason."],
                ["An approver of the route reviews it. You get a message."],
                ["The stories are synced. A thread shows the result of every story."],
            ]
        ),
    )
    routes = ", ".join(f"{inert(line(name, 60))}" for name in found.uses[:10])
    more = f" and {len(found.uses) - 10} more" if len(found.uses) > 10 else ""  # noqa: PLR2004 - as many as are named
    yield kit.context(f"Your routes: {routes}{more}")


def _requests(
    title: str, part: Part[Request], presentations: Callable[[Request], Presentation], none: str
) -> Iterator[Block]:
    yield kit.divider()
    yield kit.header(title)
    for request in part.items:
        yield from request_lines(request, presentations(request), waits=title == "Waiting for you")
    if not part.items:
        yield kit.context(none)


def _destinations(found: Overview) -> Iterator[Block]:
    """Yield the sync destinations with their health, worst first, and what cannot be watched."""
    part = found.destinations
    if not found.uses:
        return
    yield kit.divider()
    yield kit.header("Sync destinations")
    if not part.watched:
        yield kit.context(
            "They are not watched here, so their health is not known. Press Sync destinations to see them."
        )
        return
    if part.unseen:
        names = ", ".join(
            f"{inert(line(each.tenant, 40))} since {when(each.failing_since or found.now)}" for each in part.unseen[:5]
        )
        yield kit.context(f"⚠️ Cannot be watched now, so this may have changed: {names}")
    for known in part.items:
        yield from destination_blocks(known, part.routes.get((known.source, known.destination), ""), found.now)
    if not part.items:
        yield kit.context("There is no sync destination on your routes yet.")
    yield from _turning(found, "destinations", part, "sync destination")


def _frozen(each: FrozenRoute) -> Iterator[Block]:
    freeze = each.freeze
    block: Block = {
        "type": "section",
        "text": {"type": "plain_text", "text": f"❄️ {line(freeze.route, 100)}: {_reason(freeze.reason)}", "emoji": True},
    }
    if each.may_unfreeze:
        block["accessory"] = kit.button(
            "Unfreeze",
            ids.ACTION_HOME_UNFREEZE,
            FreezeRef(route=freeze.route, at=freeze.at).dump(),
            says=f"Unfreeze {line(freeze.route, 60)}",
            confirm=kit.confirm("Unfreeze this route?", "Approved requests run at once.", "Unfreeze"),
        )
    yield block
    yield kit.context(f"frozen by {mention(freeze.by)} {when(freeze.at)}")


def _reason(text: str) -> str:
    return clip(" ".join(tidy(text).split()), _REASON) or "(no reason)"


def _turning(found: Overview, name: str, part: Part[Any], noun: str) -> Iterator[Block]:
    """Yield how many there are, and the buttons to other pages of a part; nothing where one page has all."""
    if part.pages == 1:
        return
    yield kit.context(f"Page {part.page} of {part.pages} · {plural(part.total, noun)}")
    yield kit.actions(*_pagers(found, name, part))


def _pagers(found: Overview, name: str, part: Part[Any]) -> Sequence[Block]:
    return [
        kit.button(
            text,
            f"{ids.ACTION_HOME_PAGE}{name}_{way}",
            HomeRef(**{**found.pages.model_dump(), name: to}).dump(),
            says=f"{text}: page {to} of {part.pages}",
        )
        for text, way, to in (("◀ Newer", "previous", part.page - 1), ("Older ▶", "next", part.page + 1))
        if 1 <= to <= part.pages
    ]
