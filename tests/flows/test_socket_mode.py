import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.playground.launch import GENERAL
from bot.playground.slack import Fault, FaultKind, LocalSlack, relayed
from bot.socket_mode import connected
from bot.starting import StartError
from handlers.models import State

from .conftest import OpenHarness
from .harness import FAILING, SHORT_TIMES, STORY, FlowHarness, until


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
    harness = await open_harness(socket_mode=True, overrides=replace(SHORT_TIMES, ping_seconds=0.25))
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


@pytest.mark.parametrize("how", ["address expired", "crowded", "disabled", "app token revoked", "unreachable"])
async def test_a_handshake_that_fails_is_tried_with_a_new_address(wired: FlowHarness, how: str) -> None:
    """Whatever kept the bot from connecting, it asks for new addresses until one works, and says meanwhile what is wrong."""
    slack = wired.playground.slack
    socket = slack.socket_mode
    match how:
        case "address expired":
            slack.socket_url = f"{slack.base_url}/nowhere"
        case "crowded":
            socket.crowd()
        case "disabled":
            await socket.disable()
        case "app token revoked":
            slack.revoke_app_token()
        case _:
            slack.faults.inject("apps.connections.open", Fault(FaultKind.RESET_BEFORE, times=3))
    before = len(slack.traffic.calls("apps.connections.open"))
    socket.cut()
    await asked_for_address(slack, before + 2)
    assert socket.connected == 0
    figures = await wired.playground.bot.metrics.render(wired.playground.bot.store)
    assert b"tines_sync_socket_connected 0.0" in figures
    slack.socket_url = ""
    socket.crowd(crowded=False)
    await socket.disable(disabled=False)
    slack.revoke_app_token(revoked=False)
    await reconnected(wired)
    assert "/tines-sync" in await help_text(wired)
    figures = await wired.playground.bot.metrics.render(wired.playground.bot.store)
    assert b"tines_sync_socket_connected 1.0" in figures


@pytest.mark.parametrize("how", ["refresh", "warning"])
async def test_an_answer_under_way_is_finished_on_the_old_connection(wired: FlowHarness, how: str) -> None:
    """Slack wants a new connection while a form is being answered: the person has their answer all the same."""
    slack = wired.playground.slack
    slack.faults.inject("views.open", Fault(FaultKind.SLOW, seconds=0.7))
    opening = asyncio.create_task(wired.rina.opens_form(GENERAL))

    async def under_way() -> bool:
        return "views.open" not in slack.faults.listing()

    await until(under_way, "no view was being opened")
    await (slack.socket_mode.refresh() if how == "refresh" else slack.socket_mode.warn())
    await opening
    await reconnected(wired)
    assert "/tines-sync" in await help_text(wired)


async def test_a_machine_that_slept_connects_anew(open_harness: OpenHarness) -> None:
    """After a sleep the old connection is worth nothing: a new one is opened at once."""
    ahead = timedelta()

    def clock() -> datetime:
        return datetime.now(UTC) + ahead

    harness = await open_harness(socket_mode=True, overrides=replace(SHORT_TIMES, ping_seconds=0.25, clock=clock))
    slack = harness.playground.slack
    before = len(slack.traffic.calls("apps.connections.open"))
    ahead = timedelta(minutes=5)
    await asked_for_address(slack, before + 1)
    await reconnected(harness)
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


async def asked_for_address(slack: LocalSlack, times: int) -> None:
    """Wait until the bot has asked for an address so many times in all."""

    async def asked() -> bool:
        return len(slack.traffic.calls("apps.connections.open")) >= times

    await until(asked, "the bot asks for no address")


async def reconnected(harness: FlowHarness) -> None:
    """Wait until the bot has a connection that takes envelopes."""
    await harness.playground.slack.until(lambda: harness.playground.slack.socket_mode.connected > 0, 15)


async def help_text(harness: FlowHarness) -> str:
    """Return what `help` answers."""
    outcome = await harness.rina.types(GENERAL, "help")
    return harness.playground.slack.render(outcome.ephemerals[0])
