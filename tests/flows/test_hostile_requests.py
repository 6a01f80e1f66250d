"""What does not come from Slack, or not as Slack sends it, is refused before any listener sees it: a 4xx, and nothing but a row in the record."""

import contextlib
import json
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
import pytest_asyncio

from bot.playground.launch import GENERAL, RINA, Playground, Setup, launched
from bot.playground.slack import signed_headers

from .harness import SHORT_TIMES, database

pytestmark = pytest.mark.asyncio(loop_scope="module")

COMMAND = urlencode({"command": "/tines-sync", "text": "freeze dev-to-prod x", "user_id": RINA, "channel_id": GENERAL})
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where the database is."""
    return tmp_path_factory.mktemp("door")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def playground(folder: Path) -> AsyncIterator[Playground]:
    """Start everything once: no test here changes more than the record, so none disturbs another."""
    async with launched(Setup(database_url=database(folder), overrides=SHORT_TIMES)) as running:
        yield running


@pytest.fixture
def _untouched(folder: Path, playground: Playground) -> Iterator[None]:  # noqa: ARG001 - the tables exist once the playground does
    """Fail a test during which a row changed, or anything was recorded but that somebody was refused."""
    before = rows(folder)
    yield
    after = rows(folder)
    known, recorded = before.pop("events"), after.pop("events")
    assert after == before
    assert recorded[: len(known)] == known
    assert {event[4] for event in recorded[len(known) :]} <= {"turned_away", "refused"}


def rows(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return the content of the tables that a request of Slack can change."""
    with contextlib.closing(sqlite3.connect(folder / "flow.sqlite")) as connection:
        tables = ("requests", "decisions", "announcements", "deferred_commands", "events", "freezes")
        return {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in tables}  # noqa: S608 - names from the line above


async def posted(playground: Playground, body: bytes, headers: dict[str, str]) -> httpx.Response:
    """Send a request to the bot as the internet can."""
    async with httpx.AsyncClient(trust_env=False) as client:
        raw = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        return await client.post(f"{playground.bot_url}/slack/events", content=body, headers=raw)


def signed(playground: Playground, body: str, *, age: int = 0) -> dict[str, str]:
    """Return headers as Slack sends them; `age` in seconds."""
    return {"Content-Type": FORM, **signed_headers(playground.slack.app.signing_secret, body, int(time.time()) - age)}


@pytest.mark.usefixtures("_untouched")
@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"X-Slack-Signature": ""}, id="empty signature"),
        pytest.param({"X-Slack-Signature": "v0=" + "0" * 64}, id="made up"),
        pytest.param({"X-Slack-Signature": "v0=é"}, id="not ASCII"),
        pytest.param({"X-Slack-Signature": "v0=" + "f" * 60_000}, id="huge"),
        pytest.param({"X-Slack-Request-Timestamp": ""}, id="empty time"),
        pytest.param({"X-Slack-Request-Timestamp": "yesterday"}, id="time in words"),
        pytest.param({"X-Slack-Request-Timestamp": "1e9"}, id="time as float"),
        pytest.param({"X-Slack-Request-Timestamp": "nan"}, id="no number"),
        pytest.param({"X-Slack-Request-Timestamp": "²"}, id="digit that is no number"),
        pytest.param({"X-Slack-Request-Timestamp": "9" * 5000}, id="more digits than Python reads"),
    ],
)
async def test_unsigned(playground: Playground, headers: dict[str, str]) -> None:
    """A request whose signature or time is missing, made up or unreadable gets a 401."""
    genuine = signed(playground, COMMAND) if headers else {"Content-Type": FORM}
    answer = await posted(playground, COMMAND.encode(), genuine | headers)
    assert answer.status_code == 401


@pytest.mark.usefixtures("_untouched")
@pytest.mark.parametrize("age", [301, 3600, -330, 10**9])
async def test_stale(playground: Playground, age: int) -> None:
    """A genuine request that is replayed after five minutes, or comes from the future, gets a 401."""
    answer = await posted(playground, COMMAND.encode(), signed(playground, COMMAND, age=age))
    assert answer.status_code == 401


@pytest.mark.usefixtures("_untouched")
async def test_changed_on_the_way(playground: Playground) -> None:
    """A body that is not the one that was signed gets a 401."""
    answer = await posted(playground, COMMAND.replace("freeze", "unfreeze").encode(), signed(playground, COMMAND))
    assert answer.status_code == 401


@pytest.mark.usefixtures("_untouched")
@pytest.mark.parametrize("sign", [True, False])
async def test_too_large(playground: Playground, *, sign: bool) -> None:
    """More than a megabyte is not even looked at, signed or not."""
    body = COMMAND + "x" * 1_100_000
    answer = await posted(playground, body.encode(), signed(playground, body) if sign else {})
    assert answer.status_code == 413


@pytest.mark.usefixtures("_untouched")
@pytest.mark.parametrize(
    "body",
    [b"\xff\xfe\x00", b"payload=%7B%7D\x80", b"\xed\xa0\x80", b"\xc3"],
)
async def test_not_text(playground: Playground, body: bytes) -> None:
    """Bytes that are no UTF-8 cannot have been signed by Slack."""
    answer = await posted(playground, body, signed(playground, "payload={}"))
    assert answer.status_code == 401


@pytest.mark.usefixtures("_untouched")
@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("payload={", FORM),
        ("payload=[]", FORM),
        ("payload=null", FORM),
        ("payload=1", FORM),
        ("payload=" + "[" * 200_000, FORM),
        ('{"type":', "application/json"),
        ("[]", "application/json"),
        ('"text"', "application/json"),
        ("null", "application/json"),
        ('{"a":' * 100_000, "application/json"),
        ('{"type":"event_callback","event":[]}', "application/json"),
        ('{"type":"block_actions","actions":{"a":1}}', "application/json"),
    ],
)
async def test_not_a_request_of_slack(playground: Playground, body: str, content_type: str) -> None:
    """A signed body that is no request of Slack gets a 400."""
    answer = await posted(playground, body.encode(), {**signed(playground, body), "Content-Type": content_type})
    assert answer.status_code == 400


@pytest.mark.usefixtures("_untouched")
@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"type": "block_actions"},
        {"type": "block_actions", "actions": []},
        {"type": "block_actions", "actions": [7], "user": {"id": RINA}},
        {"type": "block_actions", "actions": [{"action_id": "x", "type": "button"}], "channel": GENERAL},
        {"type": "block_actions", "actions": [{"action_id": "x", "type": "button"}], "container": {"channel_id": []}},
        {"type": "view_submission"},
        {"type": "view_submission", "view": {}},
        {"type": "view_submission", "view": {"callback_id": "form"}},
        {"type": "view_submission", "view": {"callback_id": "review", "private_metadata": "{"}},
        {"type": "view_closed"},
        {"type": "block_suggestion"},
        {"type": "shortcut"},
        {"type": "no such type"},
        {"type": {"nested": []}},
    ],
)
async def test_incomplete_request(playground: Playground, payload: dict[str, object]) -> None:
    """A signed request from which parts are missing is answered, and never with a server error."""
    body = urlencode({"payload": json.dumps(payload)})
    answer = await posted(playground, body.encode(), signed(playground, body))
    assert answer.status_code < 500


@pytest.mark.usefixtures("_untouched")
async def test_url_verification(playground: Playground) -> None:
    """Slack's question when the URL is entered is answered with its challenge, and only if it is signed."""
    body = json.dumps({"type": "url_verification", "token": "x", "challenge": "3eZbrw1aB"})
    headers = signed(playground, body) | {"Content-Type": "application/json"}
    answer = await posted(playground, body.encode(), headers)
    assert (answer.status_code, answer.json()) == (200, {"challenge": "3eZbrw1aB"})
    refused = await posted(playground, body.encode(), headers | {"X-Slack-Signature": "v0=1"})
    assert refused.status_code == 401
    assert "3eZbrw1aB" not in refused.text


@pytest.mark.usefixtures("_untouched")
async def test_other_methods_and_paths(playground: Playground) -> None:
    """There is nothing else to be found, and nothing that says which software answers."""
    async with httpx.AsyncClient(base_url=playground.bot_url, trust_env=False) as client:
        for method, path, status in (
            ("GET", "/slack/events", 405),
            ("PUT", "/slack/events", 405),
            ("DELETE", "/slack/events", 405),
            ("POST", "/healthz", 405),
            ("GET", "/slack/install", 404),
            ("GET", "/", 404),
            ("GET", "/docs", 404),
            ("GET", "/..%2f..%2fetc/passwd", 404),
        ):
            answer = await client.request(method, path)
            assert answer.status_code == status, path
            assert "server" not in answer.headers
