from dataclasses import replace

import pytest

from bot.playground.slack import relayed
from bot.playground.stage import GENERAL
from bot.socket_mode import connected
from bot.starting import StartError
from handlers.models import State

from .conftest import OpenOffice
from .office import FAILING, HURRIED, STORY, Office


@pytest.fixture
async def wired(open_office: OpenOffice) -> Office:
    """Return an office whose bot takes everything over Socket Mode."""
    return await open_office(socket_mode=True)


async def test_the_whole_flow_runs_over_a_socket(wired: Office) -> None:
    """Command, form, type-ahead, review and statuses work over a WebSocket as over HTTP."""
    request = await wired.asked_and_approved(STORY, FAILING)
    await wired.rests(request, State.PARTIAL)
    assert "1 synced, 1 failed" in wired.thread(request)[1]


async def test_a_refresh_is_followed_by_a_new_connection(wired: Office) -> None:
    """When Slack asks for a new connection, the bot opens one, and nothing that people do is lost after that."""
    socket = wired.stage.slack.socket_mode
    await socket.refresh()
    await reconnected(wired)
    assert "/tines-sync" in await help_text(wired)


@pytest.mark.parametrize("how", ["closed", "cut"])
async def test_a_lost_connection_is_opened_again(wired: Office, how: str) -> None:
    """A connection that Slack closes, or that the network breaks, is opened again by itself."""
    socket = wired.stage.slack.socket_mode
    if how == "closed":
        await socket.close()
    else:
        socket.cut()
    await wired.stage.slack.until(lambda: socket.connected == 0)
    await reconnected(wired)
    assert "/tines-sync" in await help_text(wired)


async def test_a_dead_peer_is_noticed(open_office: OpenOffice) -> None:
    """A connection that goes dead without a word is given up for a new one, and people are answered again."""
    office = await open_office(socket_mode=True, outside=replace(HURRIED, ping_seconds=0.25))
    slack = office.stage.slack
    async with relayed(slack.base_url) as relay:
        slack.socket_url = relay.url
        await slack.socket_mode.refresh()  # onto a line that can go dead
        await slack.until(lambda: slack.socket_mode.connected == 1, 15)
        assert "/tines-sync" in await help_text(office)
        relay.freeze()
        await slack.until(lambda: slack.socket_mode.connected > 1, 15)
        relay.thaw()
        await slack.until(lambda: slack.socket_mode.connected == 1, 15)
        assert "/tines-sync" in await help_text(office)


async def test_a_wrong_app_token_ends_the_start_in_words(wired: Office) -> None:
    """A token that Slack does not take ends the start at once, and says which token it must be."""
    settings = wired.stage.settings.model_copy(update={"slack_app_token": wired.stage.settings.slack_bot_token})
    with pytest.raises(StartError, match=r"SLACK_APP_TOKEN.*xapp-"):
        await connected(settings, wired.stage.bot).__aenter__()


async def test_no_app_token_ends_the_start_in_words(wired: Office) -> None:
    """Socket Mode without its token says which variable is missing."""
    settings = wired.stage.settings.model_copy(update={"slack_app_token": None})
    with pytest.raises(StartError, match="SLACK_APP_TOKEN"):
        await connected(settings, wired.stage.bot).__aenter__()


async def test_slack_out_of_reach_ends_the_start_in_words(wired: Office) -> None:
    """When nobody answers at Slack's address, the start says which address that is."""
    settings = wired.stage.settings.model_copy(update={"slack_api_url": "http://127.0.0.1:9/api/"})
    with pytest.raises(StartError, match=r"cannot be reached at http://127\.0\.0\.1:9/api/"):
        await connected(settings, wired.stage.bot).__aenter__()


async def reconnected(office: Office) -> None:
    """Wait until the bot has a connection that takes envelopes."""
    await office.stage.slack.until(lambda: office.stage.slack.socket_mode.connected > 0, 15)


async def help_text(office: Office) -> str:
    """Return what `help` answers."""
    outcome = await office.rina.types(GENERAL, "help")
    return office.stage.slack.render(outcome.ephemerals[0])
