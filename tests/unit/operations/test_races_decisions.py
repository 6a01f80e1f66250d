import asyncio
from datetime import datetime

from handlers.models import State
from handlers.requests import Changed, Done, Refused, Shown, approve, edit, reject, submit, withdraw
from tests.unit.requests.room import ADA, BEN, RINA, Room

from .conftest import OpenShop
from .workshop import DESTINATIONS, Workshop


async def clicked_on(shop: Workshop) -> tuple[Room, Shown, datetime]:
    """Have a request asked for and shown, and Approve clicked five seconds ago; its job is still to run."""
    room = shop.room
    request = await room.asks()
    shown, clicked = await room.shown(request.id), room.clock()
    room.clock.passes(seconds=5)
    return room, shown, clicked


async def test_an_approval_that_runs_twice_stays_withdrawn(open_shop: OpenShop) -> None:
    """A job that finishes an approval and runs again after the person took it back does not approve once more."""
    room, shown, clicked = await clicked_on(await open_shop(approvals=2))
    first = await approve(room.desk, ADA, shown, patience=None, since=clicked)
    assert isinstance(first, Done)
    room.clock.passes(seconds=5)
    assert isinstance(await withdraw(room.desk, ADA, shown.request_id), Done)
    again = await approve(room.desk, ADA, shown, patience=None, since=clicked)
    assert isinstance(again, Done)
    assert "counts already" in again.text
    assert (await room.now(shown.request_id)).approvals() == ()
    assert (await room.kinds(shown.request_id)).count("approved") == 1
    # a new click after that is a new approval
    assert isinstance(await approve(room.desk, ADA, shown, patience=None, since=room.clock()), Done)
    assert len((await room.now(shown.request_id)).approvals()) == 1


async def test_a_job_that_runs_again_is_no_second_form(open_shop: OpenShop) -> None:
    """A job that made a request and runs again leaves no row; the same form sent again later leaves one, told the same."""
    shop = await open_shop()
    room = shop.room
    form, sent = room.form(), room.clock()
    room.clock.passes(seconds=5)
    made = await submit(room.desk, RINA, form, patience=None, since=sent)
    room.clock.passes(seconds=5)
    again = await submit(room.desk, RINA, form, patience=None, since=sent)
    assert isinstance(made, Done)
    assert isinstance(again, Done)
    assert again.request.id == made.request.id
    assert "was asked for already" in again.text
    assert await room.kinds(made.request.id) == ["asked"]

    later = await submit(room.desk, RINA, form, patience=None, since=room.clock())
    assert later == again
    assert await room.kinds(made.request.id) == ["asked", "repeated"]


async def test_a_job_that_runs_again_is_no_second_click(open_shop: OpenShop) -> None:
    """A job that gave an approval and runs again leaves no row; another click on the same review leaves one."""
    room, shown, clicked = await clicked_on(await open_shop(approvals=2))
    for _ in range(2):
        assert isinstance(await approve(room.desk, ADA, shown, patience=None, since=clicked), Done)
    assert "repeated" not in await room.kinds(shown.request_id)

    room.clock.passes(seconds=5)
    later = await approve(room.desk, ADA, shown, patience=None, since=room.clock())
    assert isinstance(later, Done)
    assert "counts already" in later.text
    assert (await room.kinds(shown.request_id)).count("repeated") == 1


async def test_what_was_looked_up_for_an_older_revision_is_not_shown(open_shop: OpenShop) -> None:
    """An approval during which the request is edited is shown again, without what was looked up for its old stories."""
    shop = await open_shop()
    room = shop.room
    request = await room.asks()
    shown = await room.shown(request.id)

    async def rina_edits() -> None:
        answer = await edit(room.desk, RINA, request.id, 1, room.form(reason="Better"), patience=None)
        assert isinstance(answer, Done)

    shop.line.after("GET", DESTINATIONS, rina_edits)
    answer = await approve(room.desk, ADA, shown, patience=None)
    assert isinstance(answer, Changed)
    assert (answer.request.revision, answer.preview) == (2, None)
    assert answer.changes == ("The request was changed by the person who asked. Below is what it asks for now.",)
    assert (await room.now(request.id)).approvals() == ()


async def test_what_changed_on_tines_is_shown_with_what_is_there(open_shop: OpenShop) -> None:
    """An approval of stories that were edited since comes back with what was looked up, to be decided on at once."""
    shop = await open_shop()
    room = shop.room
    request = await room.asks()
    shown = await room.shown(request.id)
    room.clock.passes(seconds=5)
    room.dev.edit_story(request.content.stories[0].id)
    answer = await approve(room.desk, ADA, shown, patience=None)
    assert isinstance(answer, Changed)
    assert answer.preview is not None
    assert answer.preview.stories[0].edited_at == room.clock()


async def test_a_second_click_after_a_rejection_is_told_of_it(open_shop: OpenShop) -> None:
    """Who approved, and clicks again after somebody rejected the request, is not told that the approval counts."""
    shop = await open_shop(approvals=2)
    room = shop.room
    request = await room.asks()
    shown = await room.shown(request.id)
    assert isinstance(await approve(room.desk, ADA, shown, patience=None), Done)
    assert isinstance(await reject(room.desk, BEN, shown, "Not now"), Done)
    answer = await approve(room.desk, ADA, shown, patience=None)
    assert isinstance(answer, Refused)
    assert answer.reasons == (f"{request.id} was rejected.",)


async def test_a_click_during_a_rejection_is_told_of_it(open_shop: OpenShop) -> None:
    """The same is said when the rejection comes while the second click is being checked."""
    shop = await open_shop(approvals=2)
    room = shop.room
    request = await room.asks()
    shown = await room.shown(request.id)

    async def ben_rejects() -> None:
        assert isinstance(await reject(room.desk, BEN, shown, "Not now"), Done)

    shop.line.after("GET", DESTINATIONS, ben_rejects)
    answer = await approve(room.desk, ADA, shown, patience=None)
    assert isinstance(answer, Refused)
    assert answer.reasons == (f"{request.id} was rejected.",)
    assert (await room.now(request.id)).state is State.REJECTED


async def test_an_approval_on_a_frozen_route_says_when_it_runs(open_shop: OpenShop) -> None:
    """Who gives the last approval on a frozen route is not told that it runs now, and neither is who breaks the glass."""
    shop = await open_shop(break_glass=(RINA,))
    room = shop.room
    await shop.freezes()
    request = await room.asks()
    approved = await approve(room.desk, ADA, await room.shown(request.id), patience=None)
    assert isinstance(approved, Done)
    assert approved.text.endswith("dev-to-prod is frozen, so it runs when the route is thawed.")
    broken = await submit(room.desk, RINA, room.form(emergency=True), patience=None)
    assert isinstance(broken, Done)
    assert broken.text.endswith("dev-to-prod is frozen: it runs when it is thawed.")


async def test_a_form_that_arrives_twice_at_once_makes_one_request(open_shop: OpenShop) -> None:
    """Two clicks on one form at the same moment, in two processes, make one request; both are told of the same one."""
    shop = await open_shop()
    room = shop.room
    form = room.form()
    async with shop.beside() as other:
        answers = await asyncio.gather(
            *(submit(desk, RINA, form, patience=None) for desk in (room.desk, other.desk, room.desk, other.desk))
        )
    found = {answer.request.id for answer in answers if isinstance(answer, Done)}
    assert len(found) == 1
    assert {type(answer) for answer in answers} == {Done}
    async with room.store.reading() as reader:
        assert await reader.counts() == {"pending": 1}
    assert await room.kinds(found.pop()) == ["asked", *["repeated"] * 3]
    assert len(await room.told()) == 1
