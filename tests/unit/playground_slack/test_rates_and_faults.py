import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any

import aiohttp
import httpx
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.playground.serving import served
from bot.playground.slack import EVERY_METHOD, AppInstall, Fault, FaultKind, Json, LocalSlack, Workspace
from bot.playground.slack.rates import RateLimiter, Rates

if TYPE_CHECKING:
    from tests.unit.playground_slack.conftest import Hands

Refused = Callable[[Awaitable[Any]], Awaitable[Json]]


@pytest.fixture
async def strict(workspace: Workspace, install: AppInstall, hands: "Hands") -> AsyncIterator[AsyncWebClient]:
    """Return a client of a local Slack that counts calls."""
    local = LocalSlack(workspace=workspace, app=install, clock=hands)
    async with served(local.asgi()) as url:
        yield AsyncWebClient(token=install.bot_token, base_url=f"{url}/api/")


async def _retry_after(call: Awaitable[Any]) -> int:
    with pytest.raises(SlackApiError) as caught:
        await call
    response = caught.value.response
    assert (response.status_code, response["error"]) == (429, "ratelimited")
    return int(response.headers["retry-after"])


async def test_a_channel_takes_one_message_a_second(strict: AsyncWebClient, hands: "Hands") -> None:
    """A short burst passes, then one message a second in each channel; other channels are not affected."""
    for _ in range(4):
        await strict.chat_postMessage(channel="C1", text="x")
    assert await _retry_after(strict.chat_postMessage(channel="C1", text="x")) == 1
    assert (await strict.chat_postMessage(channel="G1", text="x"))["ok"]
    hands.now += 1
    assert (await strict.chat_postMessage(channel="C1", text="x"))["ok"]
    assert await _retry_after(strict.chat_postMessage(channel="C1", text="x")) == 1


async def test_a_refused_message_does_not_count(strict: AsyncWebClient) -> None:
    """What Slack refuses for its content uses up nothing of the channel's rate."""
    for _ in range(5):
        with pytest.raises(SlackApiError, match="no_text"):
            await strict.api_call("chat.postMessage", json={"channel": "C1"})
    for _ in range(4):
        await strict.chat_postMessage(channel="C1", text="x")


async def test_methods_have_their_tiers(strict: AsyncWebClient, hands: "Hands") -> None:
    """A tier 2 method may be called twenty times a minute, and again when its time has come."""
    for _ in range(20):
        await strict.usergroups_list()
    wait = await _retry_after(strict.usergroups_list())
    assert wait == 3
    hands.now += wait
    assert (await strict.usergroups_list())["ok"]


def test_rates_can_be_loosened() -> None:
    """A tier that is not named is not counted, and neither are posts without a rate."""
    limiter = RateLimiter(Rates(tiers={2: 1}, posts_a_second=None))
    assert [limiter.method("a", 2, now=0.0) for _ in range(2)] == [0, 60]
    assert [limiter.method("b", 3, now=0.0) for _ in range(200)] == [0] * 200
    assert [limiter.post("C1", now=0.0) for _ in range(200)] == [0] * 200


async def test_a_fault_passes_after_so_many_times(slack: LocalSlack, web: AsyncWebClient) -> None:
    """A rate limit with its wait comes as often as asked, on its method only, and nothing is applied."""
    slack.faults.inject("chat.postMessage", Fault(FaultKind.RATE_LIMITED, times=2, retry_after=7))
    for _ in range(2):
        assert await _retry_after(web.chat_postMessage(channel="C1", text="x")) == 7
    assert (await web.auth_test())["ok"]
    assert slack.messages("C1") == []
    assert (await web.chat_postMessage(channel="C1", text="x"))["ok"]


async def test_a_fault_lasts_until_it_is_cleared(slack: LocalSlack, web: AsyncWebClient, refused: Refused) -> None:
    """A lasting fault on every method ends when somebody ends it."""
    fault = slack.faults.inject(EVERY_METHOD, Fault(FaultKind.ERROR, times=None, code="fatal_error"))
    assert slack.faults.listing() == {EVERY_METHOD: (fault,)}
    for _ in range(3):
        assert (await refused(web.auth_test()))["error"] == "fatal_error"
    slack.faults.clear()
    assert (await web.auth_test())["ok"]


async def test_a_fault_can_be_for_some_calls_only(slack: LocalSlack, web: AsyncWebClient, refused: Refused) -> None:
    """A fault may look at the arguments; one method's faults are cleared apart from the others."""
    slack.faults.inject(
        "chat.postMessage", Fault(FaultKind.ERROR, times=None, only=lambda args: args["channel"] == "C1")
    )
    slack.faults.inject("auth.test", Fault(FaultKind.ERROR))
    assert (await web.chat_postMessage(channel="G1", text="x"))["ok"]
    assert (await refused(web.chat_postMessage(channel="C1", text="x")))["error"] == "internal_error"
    slack.faults.clear("chat.postMessage")
    assert (await web.chat_postMessage(channel="C1", text="x"))["ok"]
    assert (await refused(web.auth_test()))["error"] == "internal_error"


@pytest.mark.parametrize(
    ("kind", "status", "posted"),
    [
        (FaultKind.SERVER_ERROR, 500, 0),
        (FaultKind.BAD_GATEWAY, 502, 0),
        (FaultKind.BAD_GATEWAY_APPLIED, 502, 1),
    ],
)
async def test_failing_servers_apply_or_not(slack: LocalSlack, kind: FaultKind, status: int, posted: int) -> None:
    """A 500 or a proxy's HTML says nothing about whether the message was posted."""
    slack.faults.inject("chat.postMessage", Fault(kind))
    headers = {"authorization": f"Bearer {slack.app.bot_token}"}
    async with httpx.AsyncClient(base_url=slack.base_url, headers=headers) as plain:
        answer = await plain.post("/api/chat.postMessage", json={"channel": "C1", "text": "x"})
    assert answer.status_code == status
    assert len(slack.messages("C1")) == posted
    if status == 502:
        assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize(("kind", "posted"), [(FaultKind.RESET_BEFORE, 0), (FaultKind.RESET_AFTER, 1)])
async def test_connections_break_before_or_after(
    slack: LocalSlack, web: AsyncWebClient, kind: FaultKind, posted: int
) -> None:
    """A reset may come before or after the message is posted; the app cannot tell which."""
    slack.faults.inject("chat.postMessage", Fault(kind))
    with pytest.raises(aiohttp.ClientError):
        await web.chat_postMessage(channel="C1", text="x")
    assert len(slack.messages("C1")) == posted
    assert next(iter(slack.traffic.calls("chat.postMessage"))).note == f"fault: {kind}"


async def test_a_reset_without_a_server_is_an_error(slack: LocalSlack) -> None:
    """An app that is called without a server has no connection to break: the caller gets the error itself."""
    slack.faults.inject("auth.test", Fault(FaultKind.RESET_BEFORE))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(slack.asgi()), base_url="http://local") as plain:
        with pytest.raises(ConnectionResetError):
            await plain.post("/api/auth.test")


@pytest.mark.parametrize(("kind", "at_once"), [(FaultKind.SLOW, 0), (FaultKind.SLOW_ANSWER, 1)])
async def test_slowness_is_waited_out(workspace: Workspace, install: AppInstall, kind: FaultKind, at_once: int) -> None:
    """A slow call is applied after, or before, its wait; and it is answered well in the end."""
    waits: list[tuple[float, int]] = []

    async def sleep(seconds: float) -> None:
        waits.append((seconds, len(local.messages("C1"))))

    local = LocalSlack(workspace=workspace, app=install, clock=time.time, sleep=sleep)
    local.faults.inject("chat.postMessage", Fault(kind, seconds=9))
    async with served(local.asgi()) as url:
        web = AsyncWebClient(token=install.bot_token, base_url=f"{url}/api/")
        assert (await web.chat_postMessage(channel="C1", text="x"))["ok"]
    assert waits == [(9, at_once)]
    assert len(local.messages("C1")) == 1
