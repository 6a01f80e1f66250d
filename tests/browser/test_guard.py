from collections.abc import Callable

import httpx
import pytest
from playwright.async_api import expect

from bot.playground.page import CastMember, build_page
from bot.playground.slack import AppInstall, Channel, LocalSlack, User, Workspace

from .conftest import OpenWindow
from .harness import ROBIN, BrowserHarness

pytestmark = pytest.mark.asyncio(loop_scope="session")
ORIGIN = "http://127.0.0.1:8000"


@pytest.fixture
def client() -> httpx.AsyncClient:
    """Return a client of a page with one person and one channel, as seen from a browser on this machine."""
    channel = Channel("C0ONE", "one", members=["U0ONE"])
    workspace = Workspace(users=[User("U0ONE", "one")], channels=[channel])
    slack = LocalSlack(workspace=workspace, app=AppInstall())
    page = build_page(slack, cast=[CastMember("U0ONE", "anybody")])
    return httpx.AsyncClient(transport=httpx.ASGITransport(page), base_url=ORIGIN)


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "10.0.0.8:8000", "", "[::1", "localhost.evil"]
)
async def test_foreign_hosts_are_refused(client: httpx.AsyncClient, host: str) -> None:
    """A website that points a name of its own at this machine gets nothing, neither page nor data."""
    for path in ("/", "/api/state", "/static/main.js"):
        assert (await client.get(path, headers={"host": host})).status_code == 421


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1:8000", "[::1]:8000", "localhost"])
async def test_loopback_is_served(client: httpx.AsyncClient, host: str) -> None:
    """Every name of this machine works."""
    assert (await client.get("/", headers={"host": host})).status_code == 200


@pytest.mark.parametrize(
    "origin", [None, "null", "https://evil.example", "http://localhost:8000", "http://127.0.0.1:9"]
)
async def test_foreign_origins_change_nothing(client: httpx.AsyncClient, origin: str | None) -> None:
    """A request that another page sends is refused before it does anything."""
    body = {"as": "U0ONE", "channel": "C0ONE", "text": "hello"}
    headers = {} if origin is None else {"origin": origin}
    assert (await client.post("/api/say", json=body, headers=headers)).status_code == 403
    assert (await client.get("/api/messages?as=U0ONE&channel=C0ONE")).json() == {"messages": []}


async def test_the_page_itself_may(client: httpx.AsyncClient) -> None:
    """The same request from the page itself is done."""
    body = {"as": "U0ONE", "channel": "C0ONE", "text": "a < b"}
    assert (await client.post("/api/say", json=body, headers={"origin": ORIGIN})).json() == {}
    (message,) = (await client.get("/api/messages?as=U0ONE&channel=C0ONE")).json()["messages"]
    assert message["text"] == "a &lt; b"


@pytest.mark.parametrize("body", ["", "[]", "{", '{"as": "U0ONE"}', '{"as": 1, "channel": "C", "text": "x"}'])
async def test_malformed_requests_are_refused(client: httpx.AsyncClient, body: str) -> None:
    """A body that is not what the endpoint expects is answered with 400 and words, never with a crash."""
    answer = await client.post("/api/say", content=body, headers={"origin": ORIGIN})
    assert answer.status_code == 400
    assert "Malformed" in answer.json()["problem"]


async def test_what_is_gone_is_said_so(client: httpx.AsyncClient) -> None:
    """Clicking something that no longer exists is answered for the person, not as an error of the page."""
    body = {
        "as": "U0ONE",
        "where": {"channel": "C0ONE", "ts": "1.0"},
        "block_id": "b",
        "action_id": "a",
        "type": "button",
        "value": {},
        "values": {},
    }
    answer = await client.post("/api/click", json=body, headers={"origin": ORIGIN})
    assert answer.status_code == 200
    assert "not there any more" in answer.json()["problem"]


async def test_everything_comes_from_the_page(client: httpx.AsyncClient) -> None:
    """The page names no other origin, and its policy forbids foreign and inline code, styles and framing."""
    answer = await client.get("/")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "://" not in answer.text


async def test_the_browser_refuses_markup_from_text(
    harness: BrowserHarness, windows: OpenWindow, at: Callable[..., str]
) -> None:
    """Even a slip in the page's own code could not turn text into markup, or run it."""
    page = await windows(at(ROBIN), calm=False)
    slip = "() => { try { document.body.innerHTML = '<b>x</b>'; return 'taken' } catch (error) { return error.name } }"
    assert await page.evaluate(slip) == "TypeError"
    await expect(page.locator("main h1")).to_be_visible()
    assert harness.app.received == []
