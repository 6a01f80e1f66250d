from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bot.playground.launch import Setup

from .harness import SHORT_TIMES, FlowHarness, database, opened, until


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def shared(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[FlowHarness]:
    """Return a harness in which Ada has a review open, for tests that change nothing in it."""
    setup = Setup(database_url=database(tmp_path_factory.mktemp("shared")), overrides=SHORT_TIMES)
    async with opened(setup) as harness:
        request = await harness.asks()
        await harness.opens_review(request)

        async def recorded() -> bool:
            return "shown" in await harness.kinds()

        await until(recorded, "the review was not recorded")
        yield harness


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
async def test_a_button_that_carries_nonsense_is_answered_in_words(
    shared: FlowHarness, action: str, value: str
) -> None:
    """A click whose value is missing, of another version or made up is answered, and nothing happens."""
    payload = shared.last_sent("block_actions")
    payload["actions"][0] |= {"action_id": action, "value": value}
    before = await shared.kinds()
    await shared.sent_again(payload)
    assert [kind for kind in await shared.kinds() if kind != "refused"] == [
        kind for kind in before if kind != "refused"
    ]
