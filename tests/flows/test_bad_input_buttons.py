from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bot.playground.stage import Play

from .office import HURRIED, Office, database, opened, until


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    """Return an office in which Ada has a review open, for tests that change nothing in it."""
    play = Play(database_url=database(tmp_path_factory.mktemp("shared")), outside=HURRIED)
    async with opened(play) as office:
        request = await office.asks()
        await office.opens_review(request)

        async def recorded() -> bool:
            return "shown" in await office.kinds()

        await until(recorded, "the review was not recorded")
        yield office


@pytest.mark.parametrize("value", ["", "nonsense", '{"request":"TS-00000000"}'])
@pytest.mark.parametrize(
    "action",
    [
        "review_open",
        "withdraw",
        "cancel_open",
        "edit_open",
        "ask_again",
        "check_again",
        "close_uncertain",
        "show_error",
        "list_next",
        "history_next",
        "status_open",
        "unheard_of",
    ],
)
@pytest.mark.asyncio(loop_scope="module")
async def test_a_button_that_carries_nonsense_is_answered_in_words(shared: Office, action: str, value: str) -> None:
    """A click whose value is missing, of another version or made up is answered, and nothing happens."""
    payload = shared.last_sent("block_actions")
    payload["actions"][0] |= {"action_id": action, "value": value}
    before = await shared.kinds()
    await shared.sent_again(payload)
    assert [kind for kind in await shared.kinds() if kind != "refused"] == [
        kind for kind in before if kind != "refused"
    ]
