from handlers.models import State

from .harness import STORY, FlowHarness


async def test_a_sync_goes_from_the_command_to_the_statuses(harness: FlowHarness) -> None:
    """What is asked for in the form and approved in the channel is created once, and its thread shows every story."""
    request = await harness.asked_and_approved(STORY)
    done = await harness.rests(request, State.SUCCEEDED)
    assert done.destination_id in harness.playground.dev.destinations
    assert len(harness.creates()) == 1
    assert any(STORY in text and "synced" in text.casefold() for text in harness.thread(request)[1:])
