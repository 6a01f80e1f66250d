from datetime import timedelta

from handlers.models import State

from .conftest import OpenShop
from .workshop import DESTINATIONS, PATIENCE, no_answer, no_connection


async def test_a_freeze_never_leaves_a_begun_request_stuck(open_shop: OpenShop) -> None:
    """Frozen after a create that was lost, a request keeps a due time, sends nothing, and goes on at the thaw."""
    shop = await open_shop()
    room = shop.room
    request = await shop.approved()
    shop.line.before("POST", DESTINATIONS, no_answer)
    assert (await room.works(request.id)).state is State.CREATING
    await shop.freezes()
    room.clock.passes(minutes=5)  # longer than the lost call can be under way: it may be sent again
    held = await room.works(request.id)
    assert (held.state, held.note) == (State.CREATING, "The route is frozen; this runs when it is thawed.")
    assert held.due_at is not None
    assert held.due_at > room.clock()
    assert (shop.line.tries("POST"), room.creates()) == (1, 0)
    await shop.thaws()
    assert (await room.now(request.id)).due_at == room.clock()
    assert (await room.works(request.id)).state is State.SUCCEEDED
    assert (shop.line.tries("POST"), room.creates()) == (2, 1)


async def test_a_freeze_does_not_keep_the_teams_from_others_for_ever(open_shop: OpenShop) -> None:
    """Whoever waits for a request that a freeze held up runs after it, once the route is thawed."""
    shop = await open_shop()
    room = shop.room
    first = await shop.approved()
    second = await shop.approved(reason="The same again")
    shop.line.before("POST", DESTINATIONS, no_answer)
    await room.works(first.id)
    await shop.freezes()
    room.clock.passes(minutes=5)
    await room.works(first.id)
    await room.works(second.id)
    await shop.thaws()
    assert (await room.finishes(first.id)).state is State.SUCCEEDED
    # the second is not created unseen beside what the first one made
    again = await room.works(second.id)
    assert (again.state, again.revision) == (State.PENDING, 2)
    assert room.creates() == 1


async def test_a_freeze_right_before_the_create_stops_it(open_shop: OpenShop) -> None:
    """A freeze that comes while an approved request is looked into is asked again before anything is sent."""
    shop = await open_shop()
    request = await shop.approved()
    shop.line.after("GET", DESTINATIONS, shop.freezes)
    held = await shop.room.works(request.id)
    assert (held.state, held.posts) == (State.APPROVED, 0)
    assert held.due_at is not None
    assert shop.line.tries("POST") == 0
    await shop.thaws()
    assert (await shop.room.finishes(request.id)).state is State.SUCCEEDED


async def test_a_freeze_of_hours_is_no_trouble_of_the_tenant(open_shop: OpenShop) -> None:
    """The hour after which a request fails begins with the first failure: neither approval nor freeze count."""
    shop = await open_shop()
    room = shop.room
    await shop.freezes()
    request = await shop.approved()
    await room.works(request.id)
    room.clock.passes(hours=3)
    await shop.thaws()
    shop.line.before("GET", DESTINATIONS, *[no_connection] * PATIENCE.attempts)
    waiting = await room.works(request.id)
    assert waiting.state is State.APPROVED
    assert waiting.troubled_at == room.clock()
    await shop.freezes()
    room.clock.passes(minutes=5)
    await room.works(request.id)
    room.clock.passes(hours=3)
    await shop.thaws()
    shop.line.before("GET", DESTINATIONS, *[no_connection] * PATIENCE.attempts)
    assert (await room.works(request.id)).state is State.APPROVED
    room.clock.passes(minutes=2)
    assert (await room.finishes(request.id)).state is State.SUCCEEDED


async def test_a_cancelled_request_is_woken_by_nobody(open_shop: OpenShop) -> None:
    """Neither a thaw nor the next request in line makes a request due that was called off meanwhile."""
    shop = await open_shop()
    room = shop.room
    await shop.freezes()
    request = await shop.approved()
    async with room.store.transaction() as transaction:
        cancelled = await transaction.change(request, state=State.CANCELLED, due_at=None)
    async with room.store.transaction() as transaction:
        await transaction.wake({State.APPROVED, State.CREATING}, request.id)
        assert transaction.jobs == {}
    await shop.thaws()
    assert (await room.now(request.id)).due_at is None
    assert cancelled.due_at is None


async def test_a_final_row_that_is_due_is_cleared_once(open_shop: OpenShop) -> None:
    """A request that ended and is due all the same is looked at once, and never comes up in a sweep again."""
    shop = await open_shop()
    room = shop.room
    request = await shop.approved()
    async with room.store.transaction() as transaction:
        await transaction.change(request, state=State.CANCELLED, due_at=room.clock() - timedelta(seconds=1))
    ended = await room.works(request.id, rounds=1)
    assert (ended.state, ended.due_at) == (State.CANCELLED, None)
    async with room.store.reading() as reader:
        assert (await reader.due(room.store.executor))[0] == ()
