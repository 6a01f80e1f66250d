"""Sync destinations to look at: a page of those that a person may see, and one of them with what can be done about it.

Both are modals, opened at once and filled in when Tines has answered. Buttons carry ids only: rights are looked up
again at every click.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from bot.views import describe, ids, kit, tines_links
from bot.views.carried import DestinationButton, ListMeta
from bot.views.presentation import DestinationAction, Presentation
from bot.views.states import general_words, icon
from bot.views.statuses import in_order, status_words
from bot.views.text import Block, clip, date_element, line, mention, plural, tidy, when
from bot.views.view_values import typed, values_of_view
from handlers.models import StoryStatus
from handlers.operations.destination import DestinationRef
from handlers.operations.keys import KeyStanding
from handlers.requests import DestinationPage, Mute, RequestLine, SeenDestination

LONGEST_QUERY: Final = 200
_TITLE: Final = "Sync destinations"
_ROOM: Final = 200_000  # bytes of JSON for the stories; a view takes 250,000
_IN_A_BLOCK: Final = 25  # stories
_SHOWN: Final = 500  # stories
_LENGTHS: Final = ((120, 250), (80, 100), (60, 30), (40, 0))  # of names and errors, from the best to the shortest
_REQUESTS: Final = 10
_REASON: Final = 300  # characters of why it is muted


# --- the list ------------------------------------------------------------------------------------------------------


def list_view(found: DestinationPage, meta: ListMeta, presentations: Mapping[str, Presentation]) -> Block:
    """Return a page of the sync destinations that a person may see, with a search."""
    blocks = [_search(meta.query)]
    blocks.extend(
        kit.rich(
            kit.para("⚠️ The sync destinations on ", kit.name(each.tenant, 60), " cannot be shown:"),
            *describe.problem(each.problem),
        )
        for each in found.problems
    )
    for item in found.items:
        blocks.extend(_item(item, presentations))
    if not found.items and not found.problems:
        nothing = "No sync destination matches." if meta.query else "There is no sync destination on your routes yet."
        blocks.append(kit.rich(kit.para(nothing)))
    blocks.extend(_unread(found.unreadable))
    if found.incomplete:
        blocks.append(kit.context("There are more sync destinations than can be read at once."))
    blocks.extend(_turning(found, meta))
    return kit.modal(
        ids.VIEW_DESTINATIONS, _TITLE, blocks, submit="Search", meta=meta.model_copy(update={"page": found.page}).dump()
    )


def query_of(view: Mapping[str, object]) -> str:
    """Return what was typed into the search of the list."""
    return clip(" ".join(tidy(typed(values_of_view(view), ids.BLOCK_SEARCH, ids.ACTION_SEARCH)).split()), LONGEST_QUERY)


def _search(query: str) -> Block:
    element: Block = {
        "type": "plain_text_input",
        "action_id": ids.ACTION_SEARCH,
        "max_length": LONGEST_QUERY,
        "placeholder": kit.plain("Story, team or id", kit.PLACEHOLDER),
        "dispatch_action_config": {"trigger_actions_on": ["on_enter_pressed"]},
    }
    if query:
        element["initial_value"] = clip(query, LONGEST_QUERY)
    return kit.field(ids.BLOCK_SEARCH, "Search", element, optional=True, dispatch=True)


def _item(seen: SeenDestination, presentations: Mapping[str, Presentation]) -> Iterator[Block]:
    ref = seen.detail.ref
    button = kit.button(
        "Open",
        ids.ACTION_DESTINATION,
        button_of(seen),
        says=f"Open sync destination {ref.id}",
    )
    title = (
        f"{line(ref.source_team.name, 80)} ({line(seen.source, 40)}) → "
        f"{line(ref.destination_team.name, 80)} ({line(seen.destination, 40)})"
    )
    yield {
        "type": "section",
        "text": {"type": "plain_text", "text": title, "emoji": False},
        "accessory": button,
    }
    facts = [f"#{ref.id}", _counts(seen), _mode(seen.detail.manual)]
    if seen.created is not None:
        facts.append(f"created by {mention(seen.created.requester)} {when(seen.created.created_at)}")
    if seen.key is not None and seen.key.older:
        facts.append("⚠️ older key")
    if seen.mute is not None:
        facts.append(f"🔕 muted until {when(seen.mute.until)}")
    if seen.under_way:
        facts.append("⏳ " + ", ".join(_stands(each, presentations) for each in seen.under_way[:3]))
    yield kit.context(" · ".join(facts))


def _turning(found: DestinationPage, meta: ListMeta) -> Iterator[Block]:
    place = f"Page {found.page} of {found.pages} · " if found.pages > 1 else ""
    if found.items:
        yield kit.context(f"{place}{plural(found.total, 'sync destination')}")
    buttons = [
        kit.button(
            text, action, meta.model_copy(update={"page": to}).dump(), says=f"{text}: page {to} of {found.pages}"
        )
        for text, action, to, there in (
            ("◀ Previous", ids.ACTION_DESTINATIONS_PREVIOUS, found.page - 1, found.page > 1),
            ("Next ▶", ids.ACTION_DESTINATIONS_NEXT, found.page + 1, found.page < found.pages),
        )
        if there
    ]
    if buttons:
        yield kit.actions(*buttons)


# --- one destination -----------------------------------------------------------------------------------------------


def destination_view(
    seen: SeenDestination,
    presentations: Mapping[str, Presentation],
    links: Mapping[str, str] | None = None,
    origins: tuple[str, str] = ("", ""),
) -> Block:
    """Return one sync destination: its facts, stories, what is in progress, and what the person may ask for.

    `links` are those to the threads of its requests, by request id; `origins` the addresses of both tenants.
    """
    ref, links = seen.detail.ref, links or {}
    facts = [
        kit.para(
            kit.name(ref.source_team.name, 120),
            " (",
            kit.name(seen.source, 60),
            ") → ",
            kit.name(ref.destination_team.name, 120),
            " (",
            kit.name(seen.destination, 60),
            ")",
        ),
        kit.para(f"{_counts(seen)} · {_mode(seen.detail.manual)} · route ", kit.name(seen.detail.route, 100)),
        kit.para(*_creation(seen.created)),
        *_key(seen.key),
        *_muted(seen.mute),
        *address_warning(ref, seen.destination),
    ]
    blocks = [kit.rich(*facts)]
    if seen.under_way:
        blocks.append(kit.rich(kit.para(kit.bold("In progress for these teams"))))
        blocks.append(
            kit.rich(kit.bullets(_request(each, presentations, links) for each in seen.under_way[:_REQUESTS]))
        )
    blocks.extend((*_offered(seen, presentations), kit.divider(), *_stories(seen, origins[0])))
    shown = {each.id for each in seen.under_way[:_REQUESTS]}
    if others := [each for each in seen.latest if each.id not in shown]:
        blocks.extend((kit.divider(), kit.rich(kit.para(kit.bold("Latest requests")))))
        blocks.append(kit.rich(kit.bullets(_request(each, presentations, links) for each in others[:_REQUESTS])))
    if tenants := tines_links.to_tenants((seen.source, origins[0]), (seen.destination, origins[1])):
        blocks.append(kit.context(tenants))
    return kit.modal(ids.VIEW_DESTINATION, f"Sync destination {ref.id}"[: kit.VIEW_TITLE], blocks, meta=button_of(seen))


def _key(key: KeyStanding | None) -> Iterator[Block]:
    """Yield which key it was sent, as far as is known here."""
    if key is None:
        return
    if key.sent_at is None:
        yield kit.para("🔑 Its key was not sent from here, so it is not known which one it has.")
    elif not key.older:
        yield kit.para(
            "🔑 It has the configured key, ", kit.mono(key.name, 100), ", sent ", date_element(key.sent_at), "."
        )
    else:
        since = (" since ", date_element(key.configured_at)) if key.configured_at else ()
        yield kit.para(
            "⚠️ 🔑 It has an older key, sent ",
            date_element(key.sent_at),
            ". Another ",
            kit.mono(key.name, 100),
            " is configured",
            *since,
            ". Rotate it before the old one ends.",
        )


def _muted(mute: Mute | None) -> Iterator[Block]:
    """Yield until when nothing new is posted about it, who wanted that, and why."""
    if mute is not None:
        until, why = date_element(mute.until), kit.words(line(mute.reason, _REASON, empty="no reason"), _REASON)
        yield kit.para("🔕 Muted by ", kit.user(mute.by), " until ", until, ": ", why)


def address_warning(ref: DestinationRef, tenant: str) -> Iterator[Block]:
    """Yield a paragraph that says why it is taken for one of a tenant's, where its address does not say so."""
    if ref.written is None:
        return
    address = ("is ", kit.name(ref.written, 200)) if ref.written else ("is not told",)
    yield kit.para(
        "⚠️ Its address on Tines ",
        *address,
        f". It is taken for one of {line(tenant, 60)} because of its team. ",
        "Make sure that it is.",
    )


def button_of(seen: SeenDestination, operation: str = "", option: str = "") -> str:
    """Return what a button about a sync destination carries."""
    return DestinationButton(
        destination=seen.detail.ref.id, route=seen.detail.route, operation=operation, option=option
    ).dump()


def _request(
    each: RequestLine, presentations: Mapping[str, Presentation], links: Mapping[str, str]
) -> tuple[kit.Part, ...]:
    link = links.get(each.id)
    return (
        f"{icon(each.state)} {_stands(each, presentations)}, requested by ",
        kit.user(each.requester),
        " ",
        date_element(each.created_at),
        "  ",
        kit.link(link, f"Open the thread of {each.id}") if link else kit.mono(each.id),
    )


def _offered(seen: SeenDestination, presentations: Mapping[str, Presentation]) -> Iterator[Block]:
    every = [(name, each) for name, found in presentations.items() if name in seen.may for each in found.actions(seen)]
    on_stories = [_action(seen, name, each) for name, each in every if each.on_stories]
    on_itself = [_action(seen, name, each) for name, each in every if not each.on_stories and each.style != "danger"]
    last = [_action(seen, name, each) for name, each in every if not each.on_stories and each.style == "danger"]
    refresh = kit.button(
        "Refresh",
        ids.ACTION_DESTINATION_REFRESH,
        button_of(seen),
        says=f"Refresh sync destination {seen.detail.ref.id}",
    )
    if on_stories:
        yield kit.actions(*on_stories)
    yield kit.actions(*on_itself, _mute_button(seen), refresh, *last)


def _action(seen: SeenDestination, operation: str, action: DestinationAction) -> Block:
    return kit.button(
        action.text,
        f"{ids.ACTION_OPERATE}{operation}{action.option and '_'}{action.option}",
        button_of(seen, operation, action.option),
        says=f"{action.text.rstrip('…')}: {action.about or f'sync destination {seen.detail.ref.id}'}",
        style=action.style,
    )


def _mute_button(seen: SeenDestination) -> Block | None:
    """Return the button that mutes it or ends that; None where nothing is told of it anyway."""
    about = f"sync destination {seen.detail.ref.id}"
    if seen.mute is not None:
        return kit.button("Unmute", ids.ACTION_UNMUTE, button_of(seen), says=f"Unmute: {about}")
    return kit.button("Mute…", ids.ACTION_MUTE, button_of(seen), says=f"Mute: {about}") if seen.watched else None


def _stories(seen: SeenDestination, origin: str) -> Iterator[Block]:
    statuses = in_order(seen.detail.statuses)
    if not statuses:
        yield kit.rich(kit.para("There are no stories in it."))
    shown = statuses[:_SHOWN]
    blocks: list[Block] = []
    for lengths in _LENGTHS:
        blocks = list(_lists(shown, origin, *lengths))
        if kit.json_size(blocks) <= _ROOM:
            break
    while blocks and kit.json_size(blocks) > _ROOM:
        blocks.pop()
        shown = shown[: len(blocks) * _IN_A_BLOCK]
    yield from blocks
    if len(shown) < len(statuses):
        yield kit.context(f"… and {plural(len(statuses) - len(shown), 'more story')}. Tines shows all of them.")
    yield from _unread(seen.unreadable)


def _lists(statuses: Sequence[StoryStatus], origin: str, name: int, error: int) -> Iterator[Block]:
    for start in range(0, len(statuses), _IN_A_BLOCK):
        yield kit.rich(kit.bullets(_story(each, origin, name, error) for each in statuses[start : start + _IN_A_BLOCK]))


def _story(status: StoryStatus, origin: str, name: int, error: int) -> tuple[kit.Part, ...]:
    said: tuple[kit.Part, ...] = ()
    if status.error and error:
        said = ("  Tines said: ", kit.words(line(status.error, error, empty="nothing"), error))
    named = tines_links.to_story(origin, status.story_id, status.name, name)
    return (f"{status_words(status)}  ", named, f"  #{status.story_id}", *said)


# --- in words ------------------------------------------------------------------------------------------------------


def _counts(seen: SeenDestination) -> str:
    total = len(seen.detail.statuses)
    other = total - seen.synced - seen.failed - seen.waiting
    parts = [
        f"{seen.synced:,} synced" if seen.synced else "",
        f"{seen.failed:,} failed" if seen.failed else "",
        plural(seen.waiting, "needs a sync", "need a sync") if seen.waiting else "",
        f"{other:,} with another status" if other else "",
    ]
    return f"{plural(total, 'story')}: {', '.join(part for part in parts if part)}" if total else "no stories"


def _mode(manual: bool | None) -> str:  # noqa: FBT001 - as Tines tells it
    return {None: "sync mode unknown", True: "manual", False: "automatic"}[manual]


def _creation(created: RequestLine | None) -> tuple[kit.Part, ...]:
    if created is None:  # the same whether there is none or the reader may not know of it
        return ("No request that you can see created it.",)
    return (
        "Created by ",
        kit.user(created.requester),
        " ",
        date_element(created.created_at),
        " ",
        kit.mono(created.id),
    )


def _stands(request: RequestLine, presentations: Mapping[str, Presentation]) -> str:
    """Return what is asked for and where it stands: "add stories waiting for approval"."""
    known = presentations.get(request.operation)
    word = "another operation" if known is None else known.label
    return f"{word} {general_words(request.state)}"


def _unread(count: int) -> Iterator[Block]:
    if count:
        yield kit.context(f"{plural(count, 'record')} could not be read.")
