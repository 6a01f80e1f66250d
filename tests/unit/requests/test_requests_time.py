import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, time, timedelta
from functools import partial

import pytest

from handlers.models import State
from handlers.policy import Freeze
from handlers.requests import Answer, Done, Refused, approve, cancel, edit, freeze, reject, unfreeze
from handlers.routes import Calendar, Route

from .conftest import OpenHarness
from .harness import ADA, BEN, MONDAY, RINA, TOM, RequestHarness, reasons


async def test_expiry(open_harness: OpenHarness) -> None:
    """A request that nobody approved in time ends as expired: its message changes and its requester is told."""
    harness = await open_harness(expires_after=timedelta(hours=2))
    request = await harness.asks()
    harness.clock.passes(hours=2, seconds=-1)
    assert (await harness.works(request.id)).state is State.PENDING
    harness.clock.passes(seconds=1)
    expired = await harness.works(request.id)
    assert (expired.state, expired.next_run_at) == (State.EXPIRED, None)
    assert [each["kind"] for each in await harness.told(f"@{RINA}")] == ["expired"]
    assert await harness.kinds(request.id) == ["asked", "expired"]


@pytest.mark.parametrize("what", ["approve", "reject", "cancel", "edit"])
async def test_what_comes_after_the_end_finds_it_expired(open_harness: OpenHarness, what: str) -> None:
    """A click after the end finds the request expired, also when no sweep has come by yet."""
    harness = await open_harness(expires_after=timedelta(hours=2))
    request = await harness.asks()
    shown = await harness.shown(request.id)
    harness.clock.passes(hours=2)
    clicks: dict[str, Callable[[], Awaitable[Answer]]] = {
        "approve": partial(approve, harness.services, ADA, shown, budget=None),
        "reject": partial(reject, harness.services, ADA, shown, "No"),
        "cancel": partial(cancel, harness.services, RINA, request.id, "No"),
        "edit": partial(edit, harness.services, RINA, request.id, 1, harness.form(), budget=None),
    }
    assert "expired before it was approved" in reasons(await clicks[what]())
    assert (await harness.now(request.id)).state is State.EXPIRED
    assert await harness.kinds(request.id) == ["asked", "expired", "refused"]


async def test_reminders_in_working_hours(open_harness: OpenHarness) -> None:
    """Reminders come every so often, only in working hours of the team's zone, and say what is missing."""
    calendar = Calendar(time_zone="Europe/Berlin", from_time=time(9), to_time=time(17), days_off=("2026-03-03",))
    harness = await open_harness(remind_after=timedelta(hours=4), expires_after=timedelta(days=9), calendar=calendar)
    request = await harness.asks()  # Monday 11:00 in Berlin
    reminded: list[datetime] = []
    for _ in range(72):
        harness.clock.passes(hours=1)
        before = len(await harness.kinds(request.id))
        await harness.works(request.id)
        reminded += [harness.clock()] * (len(await harness.kinds(request.id)) - before)
    berlin = [each.astimezone(UTC).strftime("%a %H") for each in reminded]
    # 15:00 on Monday; four hours later is evening, Tuesday is off, so Wednesday at 9:00 and 13:00; then Thursday
    assert berlin == ["Mon 14", "Wed 08", "Wed 12", "Thu 08"]
    notes = [each for each in await harness.told() if each.get("kind") == "reminder"]
    assert [note["missing"] for note in notes] == ["1 more approval"] * 4


async def test_no_reminder_for_what_is_decided(open_harness: OpenHarness) -> None:
    """Nobody is reminded of a request that was decided."""
    harness = await open_harness(remind_after=timedelta(hours=1))
    request = await harness.asks()
    await reject(harness.services, ADA, await harness.shown(request.id), "No")
    harness.clock.passes(hours=3)
    await harness.works(request.id)
    assert "reminded" not in await harness.kinds(request.id)


async def test_an_edit_starts_the_time_anew(open_harness: OpenHarness) -> None:
    """An edited request waits its whole time again, since its approvers have something new to read."""
    harness = await open_harness(expires_after=timedelta(hours=2))
    request = await harness.asks()
    harness.clock.passes(hours=1, minutes=30)
    await edit(harness.services, RINA, request.id, 1, harness.form(reason="Better"), budget=None)
    harness.clock.passes(hours=1)
    assert (await harness.works(request.id)).state is State.PENDING
    harness.clock.passes(hours=1)
    assert (await harness.works(request.id)).state is State.EXPIRED


async def _froze(harness: RequestHarness, who: str = ADA) -> Freeze:
    frozen = await freeze(harness.services, who, harness.route.name, "Change freeze until Monday")
    assert isinstance(frozen, Freeze)
    return frozen


async def test_freeze_holds_back_and_unfreeze_lets_go(open_harness: OpenHarness) -> None:
    """On a frozen route one asks and approves, and nothing is executed; the unfreeze runs what was approved."""
    harness = await open_harness()
    frozen = await _froze(harness)
    assert (frozen.by, frozen.reason, frozen.at) == (ADA, "Change freeze until Monday", MONDAY)
    request = await harness.asks()
    assert isinstance(await approve(harness.services, ADA, await harness.shown(request.id), budget=None), Done)
    held = await harness.finishes(request.id)
    assert held.state is State.APPROVED
    assert "frozen" in held.note
    assert harness.creates() == 0
    assert isinstance(await unfreeze(harness.services, BEN, harness.route.name), Route)
    assert (await harness.finishes(request.id)).state is State.SUCCEEDED
    assert harness.creates() == 1


async def test_freeze_is_told_and_recorded(open_harness: OpenHarness) -> None:
    """A freeze and an unfreeze are told in the approval channel with who and why, and are in the record."""
    harness = await open_harness()
    await harness.asks()
    await _froze(harness)
    await unfreeze(harness.services, BEN, harness.route.name)
    notes = [each for each in await harness.told() if each.get("kind") in {"frozen", "unfrozen"}]
    assert [(note["kind"], note["by"], note["reason"]) for note in notes] == [
        ("frozen", ADA, "Change freeze until Monday"),
        ("unfrozen", BEN, ""),
    ]
    async with harness.store.reading() as reader:
        events = await reader.audit.events_after(0)
    assert [(each.kind, each.actor) for each in events if each.request_id is None] == [
        ("frozen", ADA),
        ("unfrozen", BEN),
    ]


async def test_who_freezes(open_harness: OpenHarness) -> None:
    """Only approvers freeze and unfreeze; an unknown route and an unfreeze of what is not frozen are refused with a reason."""
    harness = await open_harness()
    assert "Only approvers" in " ".join(_refused(await freeze(harness.services, TOM, harness.route.name, "No")))
    assert "Only approvers" in " ".join(_refused(await unfreeze(harness.services, RINA, harness.route.name)))
    assert "The routes are: dev-to-prod" in " ".join(_refused(await freeze(harness.services, ADA, "nowhere", "No")))
    assert "is not frozen" in " ".join(_refused(await unfreeze(harness.services, ADA, harness.route.name)))


def _refused(answer: object) -> tuple[str, ...]:
    assert isinstance(answer, Refused)
    return answer.reasons


async def test_two_freezes_at_once(open_harness: OpenHarness) -> None:
    """Two approvers who freeze a route at the same moment both do, and one of them is named."""
    harness = await open_harness()
    answers = await asyncio.gather(
        *(freeze(harness.services, who, harness.route.name, "Hold on") for who in (ADA, BEN, ADA))
    )
    assert {answer.by for answer in answers if isinstance(answer, Freeze)} == {ADA, BEN}
    async with harness.store.reading() as reader:
        found = await reader.freezes.get(harness.route.name)
    assert found in answers


async def test_break_glass(open_harness: OpenHarness) -> None:
    """A break-glass person runs a request at once, alone; it is told loudly with the reason, and recorded as such."""
    harness = await open_harness(break_glass=(TOM,))
    request = await harness.asks(TOM, emergency=True, reason="Phishing wave right now")
    assert (request.state, request.emergency) == (State.APPROVED, True)
    note = next(each for each in await harness.told() if each.get("kind") == "break_glass")
    assert (note["actor"], note["reason"]) == (TOM, "Phishing wave right now")
    assert (await harness.finishes(request.id)).state is State.SUCCEEDED
    first = (await harness.events(request.id))[0]
    assert (first.kind, first.actor, first.data["reason"]) == ("break_glass", TOM, "Phishing wave right now")
    assert (await harness.now(request.id)).decisions == ()


async def test_break_glass_is_for_those_listed(open_harness: OpenHarness) -> None:
    """Nobody else runs a request without approval: it is refused at its field, and recorded."""
    harness = await open_harness(break_glass=(TOM,))
    with pytest.raises(AssertionError, match="You cannot run requests"):
        await harness.asks(RINA, emergency=True)
    async with harness.store.reading() as reader:
        events = await reader.audit.events_after(0)
    assert [(each.kind, each.actor, each.data["what"]) for each in events] == [("refused", RINA, "break_glass")]


async def test_a_freeze_holds_back_break_glass_too(open_harness: OpenHarness) -> None:
    """A frozen route executes nothing at all, whoever asks; it runs at the unfreeze."""
    harness = await open_harness(break_glass=(TOM,))
    await _froze(harness)
    request = await harness.asks(TOM, emergency=True)
    assert (await harness.finishes(request.id)).state is State.APPROVED
    assert harness.creates() == 0
