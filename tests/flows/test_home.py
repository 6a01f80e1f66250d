"""The App Home: what a person sees in it, that it stays fresh while they look, and what can be done in it."""

from pathlib import Path

from bot.playground.actor import Actor
from bot.playground.launch import ADA, BEN, RINA, TOM
from bot.playground.slack import Fault, FaultKind, Json, ViewRef
from handlers.requests import freeze, unfreeze
from handlers.requests.overview import PART

from .conftest import OpenHarness
from .harness import OTHER_STORY, STORY, FlowHarness
from .test_operations_destination import CASES, asks
from .test_watching import watched


async def opens(harness: FlowHarness, who: Actor, pattern: str) -> str:
    """Open somebody's home, and return what it says once it says something."""
    await harness.playground.slack.open_home(who.user)
    return await says(harness, who, pattern)


async def says(harness: FlowHarness, who: Actor, pattern: str, *, no_more: bool = False) -> str:
    """Return what somebody's home says once it says something, or says it no more."""
    slack = harness.playground.slack

    def found() -> str | None:
        home = slack.home(who.user)
        said = slack.render(home) if home is not None else ""
        return said if home is not None and (pattern in said) is not no_more else None

    return await slack.until(found, 8)


async def presses(harness: FlowHarness, who: Actor, text: str, action: str) -> None:
    """Press a button in somebody's home whose action begins with a word."""
    slack = harness.playground.slack
    home = slack.home(who.user)
    assert home is not None
    block, element = next(
        (block, element)
        for block in home["blocks"]
        for element in buttons(block)
        if text in str(element["text"]["text"]) and element["action_id"].startswith(action)
    )
    await slack.click(who.user, ViewRef(home["id"]), block["block_id"], element["action_id"], None)


def buttons(block: Json) -> list[Json]:
    """Return the buttons of a block."""
    accessory = [block["accessory"]] if "accessory" in block else []
    return [each for each in (*block.get("elements", ()), *accessory) if each.get("type") == "button"]


async def test_a_home_follows_what_happens(harness: FlowHarness) -> None:
    """What waits for a person appears, and goes once they approved it, without opening the home again."""
    assert "This is how it works" in await opens(harness, harness.ada, "New request")
    await opens(harness, harness.rina, "New request")
    request = await harness.asks(STORY)
    await says(harness, harness.ada, request.id)
    assert "waiting for approval" in await says(harness, harness.rina, request.id)
    await harness.approves(request)
    await says(harness, harness.ada, request.id, no_more=True)
    await says(harness, harness.rina, "synced")


async def test_an_approval_among_several_takes_it_off_the_list(open_harness: OpenHarness) -> None:
    """Where two approvals are needed, the request waits for the second approver only."""
    harness = await open_harness(route={"approvals": 2})
    request = await harness.asks(STORY)
    await opens(harness, harness.ada, request.id)
    await opens(harness, harness.ben, request.id)
    await harness.approves(request)
    await says(harness, harness.ada, request.id, no_more=True)
    await says(harness, harness.ben, request.id)


async def test_only_what_a_person_may_read_is_in_their_home(open_harness: OpenHarness) -> None:
    """Strangers and denied people see nothing; who approves one operation only sees only its requests."""
    harness = await open_harness(
        route={
            "requesters": (RINA,),
            "approvers": (ADA,),
            "denied": (BEN,),
            "operations": {"delete": {"approvers": (TOM,)}},
        }
    )
    number = harness.somebody_creates(STORY)
    created = await harness.asks(OTHER_STORY)
    deleted = await asks(harness, CASES[5], number)
    services = harness.playground.bot.services
    await freeze(services, ADA, "dev-to-prod", "audit week")
    said = await opens(harness, harness.ada, created.id)
    assert deleted.id not in said
    assert "audit week" in said
    assert "Unfreeze" in said
    said = await opens(harness, harness.tom, deleted.id)
    assert created.id not in said
    assert "audit week" in said
    assert "Unfreeze" not in said
    assert "[Details]" in await opens(harness, harness.rina, created.id)
    said = await opens(harness, harness.ben, "cannot use any route")
    assert "audit week" not in said
    assert created.id not in said
    assert not [event for event in await harness.events() if event.kind == "refused"]


async def test_parts_have_pages(harness: FlowHarness) -> None:
    """A part with more than fits has pages, which stay where they are while the home is kept fresh."""
    number = harness.somebody_creates(STORY)
    requests = [await asks(harness, CASES[2], number) for _ in range(PART + 1)]
    said = await opens(harness, harness.rina, f"Page 1 of 2 · {PART + 1} requests")
    assert requests[0].id not in said
    await presses(harness, harness.rina, "Older", "home_page:mine")
    said = await says(harness, harness.rina, "Page 2 of 2")
    assert requests[0].id in said
    assert requests[-1].id not in said
    one_more = await asks(harness, CASES[2], number)
    said = await says(harness, harness.rina, f"{PART + 2} requests")
    assert "Page 2 of 2" in said
    assert one_more.id not in said
    await presses(harness, harness.rina, "Newer", "home_page:mine")
    assert one_more.id in await says(harness, harness.rina, "Page 1 of 2")


async def test_a_route_is_unfrozen_as_it_was_seen(harness: FlowHarness) -> None:
    """Unfreeze lets the route go on; pressed on a freeze that was replaced by another one, it changes nothing."""
    services = harness.playground.bot.services
    await freeze(services, ADA, "dev-to-prod", "audit week")
    await opens(harness, harness.ada, "audit week")
    harness.playground.slack.faults.inject("views.publish", Fault(FaultKind.SERVER_ERROR, times=None))
    await unfreeze(services, BEN, "dev-to-prod")
    await freeze(services, BEN, "dev-to-prod", "incident")
    await presses(harness, harness.ada, "Unfreeze", "home_unfreeze")
    await harness.ada.reads_in_view("was frozen again after you opened this")
    harness.playground.slack.faults.clear()
    await says(harness, harness.ada, "incident")
    await presses(harness, harness.ada, "Unfreeze", "home_unfreeze")
    await says(harness, harness.ada, "incident", no_more=True)
    async with services.store.reading() as reader:
        assert await reader.freezes.all() == {}


async def test_destinations_are_shown_worst_first(tmp_path: Path) -> None:
    """A home shows how the destinations of a person's routes are, worst first, follows what is seen, and opens them."""
    async with watched(tmp_path) as watching:
        harness = watching.harness
        well = harness.somebody_creates(STORY)
        failing = harness.somebody_creates(OTHER_STORY)
        await opens(harness, harness.rina, "This is how it works")
        watching.fails(harness.playground.dev.destinations[failing])
        await watching.later()
        said = await says(harness, harness.rina, f"Sync destination {failing} · failed since")
        assert said.index(f"Sync destination {failing}") < said.index(f"Sync destination {well} · synced since")
        await presses(harness, harness.rina, "Open", "destination")
        assert OTHER_STORY in await harness.rina.reads_in_view("1 failed")
        watching.fails(harness.playground.dev.destinations[failing], None)
        await watching.later()
        assert "failed since" not in await says(harness, harness.rina, f"Sync destination {failing} · synced since")
