import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, time, timedelta
from functools import partial

import pytest

from handlers.models import State
from handlers.policy import Freeze
from handlers.requests import Answer, Done, Refused, approve, cancel, edit, freeze, reject, thaw
from handlers.routes import Calendar, Route

from .conftest import OpenRoom
from .room import ADA, BEN, MONDAY, RINA, TOM, Room, reasons


async def test_expiry(open_room: OpenRoom) -> None:
    """A request that nobody approved in time ends as expired: its message changes and its requester is told."""
    room = await open_room(expires_after=timedelta(hours=2))
    request = await room.asks()
    room.clock.passes(hours=2, seconds=-1)
    assert (await room.works(request.id)).state is State.PENDING
    room.clock.passes(seconds=1)
    expired = await room.works(request.id)
    assert (expired.state, expired.due_at) == (State.EXPIRED, None)
    assert [each["kind"] for each in await room.told(f"@{RINA}")] == ["expired"]
    assert await room.kinds(request.id) == ["asked", "expired"]


@pytest.mark.parametrize("what", ["approve", "reject", "cancel", "edit"])
async def test_what_comes_after_the_end_finds_it_expired(open_room: OpenRoom, what: str) -> None:
    """A click after the end finds the request expired, also when no sweep has come by yet."""
    room = await open_room(expires_after=timedelta(hours=2))
    request = await room.asks()
    shown = await room.shown(request.id)
    room.clock.passes(hours=2)
    clicks: dict[str, Callable[[], Awaitable[Answer]]] = {
        "approve": partial(approve, room.desk, ADA, shown, patience=None),
        "reject": partial(reject, room.desk, ADA, shown, "No"),
        "cancel": partial(cancel, room.desk, RINA, request.id, "No"),
        "edit": partial(edit, room.desk, RINA, request.id, 1, room.form(), patience=None),
    }
    assert "expired before it was approved" in reasons(await clicks[what]())
    assert (await room.now(request.id)).state is State.EXPIRED
    assert await room.kinds(request.id) == ["asked", "expired", "refused"]


async def test_reminders_in_working_hours(open_room: OpenRoom) -> None:
    """Reminders come every so often, only in working hours of the team's zone, and say what is missing."""
    calendar = Calendar(time_zone="Europe/Berlin", from_time=time(9), to_time=time(17), days_off=("2026-03-03",))
    room = await open_room(remind_after=timedelta(hours=4), expires_after=timedelta(days=9), calendar=calendar)
    request = await room.asks()  # Monday 11:00 in Berlin
    reminded: list[datetime] = []
    for _ in range(72):
        room.clock.passes(hours=1)
        before = len(await room.kinds(request.id))
        await room.works(request.id)
        reminded += [room.clock()] * (len(await room.kinds(request.id)) - before)
    berlin = [each.astimezone(UTC).strftime("%a %H") for each in reminded]
    # 15:00 on Monday; four hours later is evening, Tuesday is off, so Wednesday at 9:00 and 13:00; then Thursday
    assert berlin == ["Mon 14", "Wed 08", "Wed 12", "Thu 08"]
    notes = [each for each in await room.told() if each.get("kind") == "reminder"]
    assert [note["missing"] for note in notes] == ["1 more approval"] * 4


async def test_no_reminder_for_what_is_decided(open_room: OpenRoom) -> None:
    """Nobody is reminded of a request that was decided."""
    room = await open_room(remind_after=timedelta(hours=1))
    request = await room.asks()
    await reject(room.desk, ADA, await room.shown(request.id), "No")
    room.clock.passes(hours=3)
    await room.works(request.id)
    assert "reminded" not in await room.kinds(request.id)


async def test_an_edit_starts_the_time_anew(open_room: OpenRoom) -> None:
    """An edited request waits its whole time again, since its approvers have something new to read."""
    room = await open_room(expires_after=timedelta(hours=2))
    request = await room.asks()
    room.clock.passes(hours=1, minutes=30)
    await edit(room.desk, RINA, request.id, 1, room.form(reason="Better"), patience=None)
    room.clock.passes(hours=1)
    assert (await room.works(request.id)).state is State.PENDING
    room.clock.passes(hours=1)
    assert (await room.works(request.id)).state is State.EXPIRED


async def _froze(room: Room, who: str = ADA) -> Freeze:
    frozen = await freeze(room.desk, who, room.route.name, "Change freeze until Monday")
    assert isinstance(frozen, Freeze)
    return frozen


async def test_freeze_holds_back_and_thaw_lets_go(open_room: OpenRoom) -> None:
    """On a frozen route one asks and approves, and nothing is executed; the thaw runs what was approved."""
    room = await open_room()
    frozen = await _froze(room)
    assert (frozen.by, frozen.reason, frozen.at) == (ADA, "Change freeze until Monday", MONDAY)
    request = await room.asks()
    assert isinstance(await approve(room.desk, ADA, await room.shown(request.id), patience=None), Done)
    held = await room.finishes(request.id)
    assert held.state is State.APPROVED
    assert "frozen" in held.note
    assert room.creates() == 0
    assert isinstance(await thaw(room.desk, BEN, room.route.name), Route)
    assert (await room.finishes(request.id)).state is State.SUCCEEDED
    assert room.creates() == 1


async def test_freeze_is_told_and_recorded(open_room: OpenRoom) -> None:
    """A freeze and a thaw are told in the approval channel with who and why, and are in the record."""
    room = await open_room()
    await room.asks()
    await _froze(room)
    await thaw(room.desk, BEN, room.route.name)
    notes = [each for each in await room.told() if each.get("kind") in {"frozen", "thawed"}]
    assert [(note["kind"], note["by"], note["reason"]) for note in notes] == [
        ("frozen", ADA, "Change freeze until Monday"),
        ("thawed", BEN, ""),
    ]
    async with room.store.reading() as reader:
        events = await reader.events_after(0)
    assert [(each.kind, each.actor) for each in events if each.request_id is None] == [("frozen", ADA), ("thawed", BEN)]


async def test_who_freezes(open_room: OpenRoom) -> None:
    """Only approvers freeze and thaw; an unknown route and a thaw of what is not frozen are refused with a reason."""
    room = await open_room()
    assert "Only approvers" in " ".join(_refused(await freeze(room.desk, TOM, room.route.name, "No")))
    assert "Only approvers" in " ".join(_refused(await thaw(room.desk, RINA, room.route.name)))
    assert "The routes are: dev-to-prod" in " ".join(_refused(await freeze(room.desk, ADA, "nowhere", "No")))
    assert "is not frozen" in " ".join(_refused(await thaw(room.desk, ADA, room.route.name)))


def _refused(answer: object) -> tuple[str, ...]:
    assert isinstance(answer, Refused)
    return answer.reasons


async def test_two_freezes_at_once(open_room: OpenRoom) -> None:
    """Two approvers who freeze a route at the same moment both do, and one of them is named."""
    room = await open_room()
    answers = await asyncio.gather(*(freeze(room.desk, who, room.route.name, "Hold on") for who in (ADA, BEN, ADA)))
    assert {answer.by for answer in answers if isinstance(answer, Freeze)} == {ADA, BEN}
    async with room.store.reading() as reader:
        found = await reader.freeze(room.route.name)
    assert found in answers


async def test_break_glass(open_room: OpenRoom) -> None:
    """A break-glass person runs a request at once, alone; it is told loudly with the reason, and recorded as such."""
    room = await open_room(break_glass=(TOM,))
    request = await room.asks(TOM, emergency=True, reason="Phishing wave right now")
    assert (request.state, request.emergency) == (State.APPROVED, True)
    note = next(each for each in await room.told() if each.get("kind") == "break_glass")
    assert (note["actor"], note["reason"]) == (TOM, "Phishing wave right now")
    assert (await room.finishes(request.id)).state is State.SUCCEEDED
    first = (await room.events(request.id))[0]
    assert (first.kind, first.actor, first.data["reason"]) == ("break_glass", TOM, "Phishing wave right now")
    assert (await room.now(request.id)).decisions == ()


async def test_break_glass_is_for_those_listed(open_room: OpenRoom) -> None:
    """Nobody else runs a request without approval: it is refused at its field, and recorded."""
    room = await open_room(break_glass=(TOM,))
    with pytest.raises(AssertionError, match="You are not among the people who may run"):
        await room.asks(RINA, emergency=True)
    async with room.store.reading() as reader:
        events = await reader.events_after(0)
    assert [(each.kind, each.actor, each.data["what"]) for each in events] == [("refused", RINA, "break_glass")]


async def test_a_freeze_holds_back_break_glass_too(open_room: OpenRoom) -> None:
    """A frozen route executes nothing at all, whoever asks; it runs at the thaw."""
    room = await open_room(break_glass=(TOM,))
    await _froze(room)
    request = await room.asks(TOM, emergency=True)
    assert (await room.finishes(request.id)).state is State.APPROVED
    assert room.creates() == 0
