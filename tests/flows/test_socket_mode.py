from dataclasses import replace

import pytest

from bot.playground.launch import GENERAL
from bot.playground.slack import relayed
from bot.socket_mode import connected
from bot.starting import StartError
from handlers.models import State

from .conftest import OpenHarness
from .harness import FAILING, HURRIED, STORY, FlowHarness


@pytest.fixture
async def wired(open_harness: OpenHarness) -> FlowHarness:
    """Return a harness whose bot takes everything over Socket Mode."""
    return await open_harness(socket_mode=True)


async def test_the_whole_flow_runs_over_a_socket(wired: FlowHarness) -> None:
    """Command, form, type-ahead, review and statuses work over a WebSocket as over HTTP."""
    request = await wired.asked_and_approved(STORY, FAILING)
    await wired.rests(request, State.PARTIAL)
    assert "1 synced, 1 failed" in wired.thread(request)[1]


async def test_a_refresh_is_followed_by_a_new_connection(wired: FlowHarness) -> None:
    """When Slack asks for a new connection, the bot opens one, and nothing that people do is lost after that."""
    socket = wired.playground.slack.socket_mode
    await socket.refresh()
    await reconnected(wired)
    assert "/tines-sync" in await help_text(wired)


@pytest.mark.parametrize("how", ["closed", "cut"])
async def test_a_lost_connection_is_opened_again(wired: FlowHarness, how: str) -> None:
    """A connection that Slack closes, or that the network breaks, is opened again by itself."""
    socket = wired.playground.slack.socket_mode
    if how == "closed":
        await socket.close()
    else:
        socket.cut()
    await wired.playground.slack.until(lambda: socket.connected == 0)
    await reconnected(wired)
    assert "/tines-sync" in await help_text(wired)


async def test_a_dead_peer_is_noticed(open_harness: OpenHarness) -> None:
    """A connection that goes dead without a word is given up for a new one, and people are answered again."""
    harness = await open_harness(socket_mode=True, overrides=replace(HURRIED, ping_seconds=0.25))
    slack = harness.playground.slack
    async with relayed(slack.base_url) as relay:
        slack.socket_url = relay.url
        await slack.socket_mode.refresh()  # onto a line that can go dead
        await slack.until(lambda: slack.socket_mode.connected == 1, 15)
        assert "/tines-sync" in await help_text(harness)
        relay.freeze()
        await slack.until(lambda: slack.socket_mode.connected > 1, 15)
        relay.unfreeze()
        await slack.until(lambda: slack.socket_mode.connected == 1, 15)
        assert "/tines-sync" in await help_text(harness)


async def test_a_wrong_app_token_ends_the_start_in_words(wired: FlowHarness) -> None:
    """A token that Slack does not take ends the start at once, and says which token it must be."""
    settings = wired.playground.settings.model_copy(
        update={"slack_app_token": wired.playground.settings.slack_bot_token}
    )
    with pytest.raises(StartError, match=r"SLACK_APP_TOKEN.*xapp-"):
        await connected(settings, wired.playground.bot).__aenter__()


async def test_no_app_token_ends_the_start_in_words(wired: FlowHarness) -> None:
    """Socket Mode without its token says which variable is missing."""
    settings = wired.playground.settings.model_copy(update={"slack_app_token": None})
    with pytest.raises(StartError, match="SLACK_APP_TOKEN"):
        await connected(settings, wired.playground.bot).__aenter__()


async def test_slack_out_of_reach_ends_the_start_in_words(wired: FlowHarness) -> None:
    """When nobody answers at Slack's address, the start says which address that is."""
    settings = wired.playground.settings.model_copy(update={"slack_api_url": "http://127.0.0.1:9/api/"})
    with pytest.raises(StartError, match=r"cannot be reached at http://127\.0\.0\.1:9/api/"):
        await connected(settings, wired.playground.bot).__aenter__()


async def reconnected(harness: FlowHarness) -> None:
    """Wait until the bot has a connection that takes envelopes."""
    await harness.playground.slack.until(lambda: harness.playground.slack.socket_mode.connected > 0, 15)


async def help_text(harness: FlowHarness) -> str:
    """Return what `help` answers."""
    outcome = await harness.rina.types(GENERAL, "help")
    return harness.playground.slack.render(outcome.ephemerals[0])
