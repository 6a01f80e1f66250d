import pytest

from bot.playground.tines.syncing import publish_story
from handlers.models import State
from handlers.requests import Done, approve
from tests.unit.requests.room import ADA, BEN, CLEO, STORIES, TOM

from .conftest import OpenShop
from .workshop import DESTINATIONS


async def test_every_approver_must_have_seen_what_is_there(open_shop: OpenShop) -> None:
    """Of two approvers only the second was shown a destination that had appeared: both are asked again, and then it runs."""
    shop = await open_shop(approvals=2)
    room = shop.room
    request = await room.asks()
    assert isinstance(await approve(room.desk, ADA, await room.shown(request.id), patience=None), Done)
    there = shop.somebody_creates(STORIES[0])
    seen = await room.shown(request.id)
    assert seen.seen == (there.id,)
    assert isinstance(await approve(room.desk, BEN, seen, patience=None), Done)
    again = await room.works(request.id)
    assert (again.state, again.revision, again.approvals()) == (State.PENDING, 2, ())
    assert shop.line.tries("POST") == 0
    assert await shop.notes(request) == ["existing_found"]
    for who in (ADA, CLEO):
        assert isinstance(await approve(room.desk, who, await room.shown(request.id), patience=None), Done)
    assert (await room.finishes(request.id)).state is State.SUCCEEDED
    assert room.creates() == 2


async def test_one_approver_who_saw_it_is_enough_where_one_is_needed(open_shop: OpenShop) -> None:
    """Where one approval is needed, whoever gave it has seen what is there, and it runs beside it."""
    shop = await open_shop()
    shop.somebody_creates(STORIES[0])
    request = await shop.approved()
    assert (await shop.room.finishes(request.id)).state is State.SUCCEEDED
    assert shop.room.creates() == 2


async def test_what_was_listed_before_another_create_is_not_trusted(open_shop: OpenShop) -> None:
    """A request whose look came before another one's create, and its turn after it, looks again and sees what is there."""
    shop = await open_shop()
    room = shop.room
    first, second = await shop.approved(), await shop.approved(reason="The same again")

    async def the_first_is_done() -> None:
        assert (await room.works(first.id)).state is State.SUCCEEDED

    shop.line.after("GET", DESTINATIONS, the_first_is_done)
    waiting = await room.works(second.id)
    assert (waiting.state, waiting.posts) == (State.APPROVED, 0)
    room.clock.passes(seconds=10)
    assert (await room.works(second.id)).state is State.PENDING
    assert await shop.notes(second) == ["existing_found"]
    assert room.creates() == 1


@pytest.mark.parametrize("what", ["edited", "gone", "moved", "no change control"])
async def test_what_was_approved_is_what_is_sent(open_shop: OpenShop, what: str) -> None:
    """A story that changed during a freeze is not sent as it is by now: the request goes back to its approvers."""
    shop = await open_shop()
    room = shop.room
    await shop.freezes()
    request = await shop.approved()
    await room.works(request.id)
    room.clock.passes(hours=3)
    story = room.story(STORIES[0])
    match what:
        case "edited":
            publish_story(room.dev, story)
        case "gone":
            room.dev.delete_story(story)
        case "moved":
            room.dev.stories[story].team_id = next(
                team for team in room.dev.teams if team != request.content.source_team.id
            )
        case _:
            room.dev.set_change_control(story, enabled=False)
    await shop.thaws()
    again = await room.works(request.id)
    assert (again.state, again.revision, again.approvals()) == (State.PENDING, 2, ())
    assert shop.line.tries("POST") == 0
    told = next(each for each in await room.told() if each.get("kind") == "stories_changed")
    assert STORIES[0] in told["changes"][0]
    assert told["changes"][-1] == "So it needs approval again."
    if what == "edited":
        assert isinstance(await approve(room.desk, BEN, await room.shown(request.id), patience=None), Done)
        assert (await room.finishes(request.id)).state is State.SUCCEEDED


async def test_a_story_edited_right_after_the_approval(open_shop: OpenShop) -> None:
    """Also without a freeze the stories are looked at once more right before the call."""
    shop = await open_shop()
    room = shop.room
    request = await shop.approved()
    room.clock.passes(seconds=1)
    publish_story(room.dev, room.story(STORIES[1]))
    assert (await room.works(request.id)).state is State.PENDING
    assert shop.line.tries("POST") == 0


async def test_breaking_the_glass_asks_nobody_again(open_shop: OpenShop) -> None:
    """Who runs a request without approval runs it with the stories as they are, also after a freeze."""
    shop = await open_shop(break_glass=(TOM,))
    room = shop.room
    shop.somebody_creates(STORIES[0])
    await shop.freezes()
    request = await room.asks(TOM, emergency=True)
    await room.works(request.id)
    room.clock.passes(hours=3)
    publish_story(room.dev, room.story(STORIES[0]))
    await shop.thaws()
    assert (await room.finishes(request.id)).state is State.SUCCEEDED
    assert shop.line.tries("POST", DESTINATIONS) == 1
