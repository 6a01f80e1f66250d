from handlers.models import State

from .office import STORY, Office


async def test_a_sync_goes_from_the_command_to_the_statuses(office: Office) -> None:
    """What is asked for in the form and approved in the channel is created once, and its thread shows every story."""
    request = await office.asked_and_approved(STORY)
    done = await office.rests(request, State.SUCCEEDED)
    assert done.destination_id in office.stage.dev.destinations
    assert len(office.creates()) == 1
    assert any(STORY in text and "synced" in text.casefold() for text in office.thread(request)[1:])
