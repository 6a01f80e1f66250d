import json
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import urlencode

import httpx
import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from bot.playground.launch import Setup
from bot.playground.slack.sending import signed_headers
from bot.web import MOST_BYTES
from handlers.store import SYSTEM

from .harness import SHORT_TIMES, FlowHarness, database, opened, until

FORM = "application/x-www-form-urlencoded"
HELP = urlencode({"command": "/tines-sync", "text": "help", "user_id": "U0RINA", "channel_id": "C0GENERAL"}).encode()


async def post(harness: FlowHarness, body: bytes, headers: dict[str, str]) -> httpx.Response:
    """Send the bot anything at all."""
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.post(f"{harness.playground.bot_url}/slack/events", content=body, headers=headers)


def signed(harness: FlowHarness, body: bytes, *, at: float | None = None, kind: str = FORM) -> dict[str, str]:
    """Return headers as Slack would send them, at another time if one is given."""
    secret = harness.playground.slack.app.signing_secret
    return {"Content-Type": kind, **signed_headers(secret, body.decode(), int(at or time.time()))}


async def test_a_signed_request_is_answered(harness: FlowHarness) -> None:
    """The requests of this file differ from a good one in one thing only: this is the good one."""
    answer = await post(harness, HELP, signed(harness, HELP))
    assert answer.status_code == 200
    assert "/tines-sync" in answer.text


@pytest.mark.parametrize("missing", ["X-Slack-Signature", "X-Slack-Request-Timestamp"])
async def test_an_unsigned_request_is_refused(harness: FlowHarness, missing: str) -> None:
    """Without signature or time nothing is done, and nothing is told about why."""
    headers = signed(harness, HELP)
    del headers[missing]
    answer = await post(harness, HELP, headers)
    assert answer.status_code == 401
    assert "help" not in answer.text


async def test_a_signature_of_another_body_is_refused(harness: FlowHarness) -> None:
    """A body that was changed on its way does not fit its signature."""
    answer = await post(harness, HELP.replace(b"help", b"list"), signed(harness, HELP))
    assert answer.status_code == 401


@pytest.mark.parametrize("age", [-600, 600])
async def test_a_stale_request_is_refused(harness: FlowHarness, age: int) -> None:
    """A request of ten minutes ago, or from the future, is a replay."""
    assert (await post(harness, HELP, signed(harness, HELP, at=time.time() - age))).status_code == 401


async def test_an_oversized_request_is_refused(harness: FlowHarness) -> None:
    """More than Slack ever sends is not even read to its end."""
    body = HELP + b"&x=" + b"a" * MOST_BYTES
    assert (await post(harness, body, signed(harness, body))).status_code == 413


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", FORM),
        (b"payload=%7Bnot+json", FORM),
        (b"payload=[]", FORM),
        (b"payload=null", FORM),
        (b"payload=%7B%7D", FORM),
        (b"[" * 5000, "application/json"),
        (b'{"type": "event_callback", "event": 5}', "application/json"),
        (b'{"type": "block_actions", "actions": {}}', "application/json"),
    ],
)
async def test_a_malformed_request_is_refused(harness: FlowHarness, body: bytes, kind: str) -> None:
    """Whatever is signed and still no request of Slack gets a 4xx, never a 5xx."""
    answer = await post(harness, body, signed(harness, body, kind=kind))
    assert 400 <= answer.status_code < 500


async def test_what_is_refused_is_in_the_record(tmp_path: Path) -> None:
    """Each reason leaves a row once the first was answered, with the id of its log line and nothing that was sent.

    Those that follow within the minute are one row with their number, at the latest when the bot stops.
    """
    held = "xoxb-somebody-elses-token"
    malformed = f'{{"type": "{held}"}}'.encode()
    async with opened(Setup(database_url=database(tmp_path), overrides=SHORT_TIMES)) as harness:
        genuine = signed(harness, malformed, kind="application/json")
        with capture_logs([merge_contextvars]) as logs:
            answers = [
                await post(harness, HELP, {"X-Slack-Signature": held}),
                await post(harness, held.encode() * 50_000, genuine),
                await post(harness, malformed, genuine),
                *[await post(harness, held.encode(), {}) for _ in range(3)],
            ]
            async with httpx.AsyncClient(trust_env=False) as client:
                answers.append(await client.put(f"{harness.playground.bot_url}/slack/events", content=held))
            at_once = recorded(tmp_path)
    assert [answer.status_code for answer in answers] == [401, 413, 400, 401, 401, 401, 405]
    assert answers[-1].headers["allow"] == "POST"
    lines = [line for line in logs if line["event"] == "a request was rejected"]
    assert [line["status"] for line in lines] == [401, 413, 400, 401, 401, 401, 405]
    reasons = ["no valid signature or time", "too large", "not a request of Slack", "not a POST"]
    assert [(data["reason"], data["count"]) for data in at_once] == [(reason, 1) for reason in reasons]
    assert [data["trace"] for data in at_once] == [lines[number]["trace"] for number in (0, 1, 2, 6)]
    (summed,) = recorded(tmp_path)[len(at_once) :]
    assert (summed["reason"], summed["count"], summed["trace"]) == (reasons[0], 3, lines[3]["trace"])
    assert held not in f"{recorded(tmp_path)} {logs}"


async def test_a_good_request_leaves_nothing_at_the_door(harness: FlowHarness) -> None:
    """What Slack signed and a person may send is not recorded as rejected."""
    await post(harness, HELP, signed(harness, HELP))
    assert await harness.kinds() == []


def recorded(folder: Path) -> list[dict[str, object]]:
    """Return what is recorded of requests that were rejected."""
    with closing(sqlite3.connect(folder / "flow.sqlite")) as connection:
        found = connection.execute("SELECT actor, data FROM events WHERE kind = 'turned_away' ORDER BY seq").fetchall()
    assert {actor for actor, _ in found} == {SYSTEM}
    return [json.loads(data) for _, data in found]


async def test_health_and_readiness_are_told(harness: FlowHarness) -> None:
    """A running service is alive and ready, and keeps its figures to itself; a revoked token makes it not ready."""

    async def works() -> bool:
        return harness.playground.bot.engine.working

    await until(works, "no jobs are being run")  # which is what a service that has just started says
    async with httpx.AsyncClient(trust_env=False, base_url=harness.playground.bot_url) as client:
        harness.playground.slack.revoke_token()
        answer = await client.get("/readyz")
        assert answer.status_code == 503
        assert "token" in answer.text
        harness.playground.slack.restore_token()
        assert (await client.get("/readyz")).status_code == 200
        assert (await client.get("/healthz")).text == "alive\n"
        assert (await client.get("/metrics")).status_code == 404


async def test_a_url_verification_is_no_way_in(harness: FlowHarness) -> None:
    """An event that the app does not know is acknowledged or refused, and changes nothing."""
    body = json.dumps({"type": "event_callback", "event": {"type": "reaction_added"}}).encode()
    answer = await post(harness, body, signed(harness, body, kind="application/json"))
    assert answer.status_code < 500
    assert await harness.kinds() == []
