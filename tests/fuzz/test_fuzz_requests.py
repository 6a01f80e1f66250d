"""Whatever is sent to the bot in Slack's name, it answers in time, does not break, and writes nothing that is wrong."""

import json
import time
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bot.playground.launch import ADA, BEN, RINA, TOM
from bot.playground.slack import signed_headers
from handlers.models import digest_of
from handlers.operations.create import CreateParams
from handlers.store import event_hash

from .conftest import FEW, FUZZ, Past, Rows
from .mutations import FORM, JSON, Change, changed, changes, encoded

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    # the job engine's threads draw from `random` while Hypothesis watches it; no example depends on that
    pytest.mark.filterwarnings("ignore:Do not use the `random` module:hypothesis.errors.HypothesisDeprecationWarning"),
]

BROKEN = {
    "a listener failed",
    "a follow-up failed",
    "a job failed; it is tried again",
    "a sweep failed; the next one tries again",
}
# events that only say that somebody tried, or looked, and what Tines was asked for that
HARMLESS = frozenset({"called", "refused", "repeated", "turned_away", "shown"})

senders = st.sampled_from([TOM, "U0NOBODY", "U0BOT", "USLACKBOT", "", "\x00", "U0RINA\n", "x" * 10_000])


async def sent(
    past: Past, body: bytes, content_type: str, headers: dict[str, str] | None = None, *, age: int = 0
) -> httpx.Response:
    """Send a body, signed unless `headers` say otherwise; fails after three seconds."""
    text = body.decode(errors="replace")
    signed = signed_headers(past.playground.slack.app.signing_secret, text, int(time.time()) - age)
    raw = {"Content-Type": content_type, **signed, **(headers or {})}
    encoded_headers = [(name.encode(), value.encode("utf-8", "replace")) for name, value in raw.items()]
    return await past.client.post("/slack/events", content=body, headers=encoded_headers)


async def answered(past: Past, payload: dict[str, Any]) -> httpx.Response:
    """Send a signed payload; it must be answered as Slack understands it, and nothing may break inside."""
    body, content_type = encoded(payload)
    with capture_logs() as logs:
        answer = await sent(past, body.encode(), content_type)
        await past.quiet()
    assert answer.status_code < 500, answer.text
    assert [line for line in logs if line["event"] in BROKEN] == []
    if answer.status_code == 200 and answer.text:
        said = answer.json() if answer.headers["content-type"].startswith(JSON) else {}
        assert isinstance(said, dict)
        assert said.get("response_action", "clear") in {"clear", "update", "push", "errors"}
    return answer


def new_events(before: Rows, after: Rows) -> set[object]:
    """Return the kinds of the events that were recorded; none may be gone."""
    assert after["events"][: len(before["events"])] == before["events"]
    return {row[4] for row in after["events"][len(before["events"]) :]}


def check_untouched(before: Rows, after: Rows) -> None:
    """Fail when anything was written but harmless events.

    One may be of an earlier example: its view is filled in, or its minute is over, only now.
    """
    assert without_events(after) == without_events(before)
    assert new_events(before, after) <= HARMLESS


def without_events(rows: Rows) -> Rows:
    """Return the rows of all tables that say what is, not what happened."""
    return {table: content for table, content in rows.items() if table != "events"}


async def check_sane(past: Past) -> None:
    """Fail when a row says something that nobody may bring about: this is all that a changed request may lead to."""
    dev, prod = past.playground.dev, past.playground.prod
    async with past.playground.bot.store.reading() as reader:
        requests, _ = await reader.requests.requested_by(RINA, limit=10_000)
        others, _ = await reader.requests.requested_by(ADA, limit=10_000)
        counts = await reader.requests.counts()
        events = await reader.audit.events_after(0)
    assert len(requests) + len(others) == sum(counts.values())
    for request in (*requests, *others):
        content = request.params
        assert isinstance(content, CreateParams)
        assert request.route == "dev-to-prod"
        assert content.source_team.id in dev.teams
        assert content.destination_team.id in prod.teams
        assert {dev.stories[story.id].team_id for story in content.stories} == {content.source_team.id}
        assert 1 <= len(request.reason) <= 1000
        assert request.digest == digest_of(request.operation, request.route, content, request.origins, request.facts)
        for approval in request.approvals():
            assert approval.actor in {ADA, BEN} - {request.requester, request.editor}
            assert (approval.revision, approval.digest) == (request.revision, request.digest)
    previous = ""
    for event in events:
        if previous:
            assert event.previous == previous
        body = {"at": event.at, "request_id": event.request_id, "actor": event.actor, "kind": event.kind}
        assert event.hash == event_hash(event.seq, event.previous, {**body, "data": event.data})
        previous = event.hash


@FUZZ
@given(number=st.integers(0, 500), made=changes)
async def test_changed_requests(past: Past, number: int, made: list[Change]) -> None:
    """A genuine request with anything in it changed is answered in time, and leads to nothing that could not be asked for properly."""
    before = past.rows()
    await answered(past, changed(past.payload(number), made))
    if past.rows() != before:
        await check_sane(past)


@FUZZ
@given(number=st.integers(0, 500), made=st.just([]) | changes, sender=senders)
async def test_foreign_sender(past: Past, number: int, made: list[Change], sender: str) -> None:
    """Whatever somebody without rights sends changes nothing; that they were refused may be recorded."""
    payload = changed(past.payload(number), made)
    if "command" in payload or "user_id" in payload:
        payload["user_id"] = sender
    if "event" in payload:
        payload["event"] = {**(payload["event"] if isinstance(payload["event"], dict) else {}), "user": sender}
    payload["user"] = {"id": sender}
    before = past.rows()
    await answered(past, payload)
    check_untouched(before, past.rows())


async def test_replayed(past: Past) -> None:
    """Everything that was sent once changes nothing when it is sent again: it happened already."""
    before = past.rows()
    for number in range(len(past.recorded)):
        for _ in range(2):
            await answered(past, past.payload(number))
    check_untouched(before, past.rows())


@FUZZ
@given(
    number=st.integers(0, 500),
    made=st.just([]) | changes,
    timestamp=st.none() | st.text(max_size=30) | st.integers().map(str) | st.floats().map(str),
    signature=st.text(max_size=80) | st.binary(min_size=32, max_size=32).map(lambda digest: f"v0={digest.hex()}"),
)
async def test_unsigned(past: Past, number: int, made: list[Change], timestamp: str | None, signature: str) -> None:
    """Without Slack's signature nothing is even looked at."""
    body, content_type = encoded(changed(past.payload(number), made))
    headers = {"X-Slack-Signature": _header(signature)}
    if timestamp is not None:
        headers["X-Slack-Request-Timestamp"] = _header(timestamp)
    before = past.rows()
    answer = await sent(past, body.encode(), content_type, headers)
    assert answer.status_code in {401, 413}
    check_untouched(before, past.rows())


@FEW
@given(number=st.integers(0, 500), age=st.integers(301, 10**9) | st.integers(-(10**9), -330))
async def test_stale(past: Past, number: int, age: int) -> None:
    """What was recorded and is sent again after five minutes, or from the future, is refused."""
    body, content_type = encoded(past.payload(number))
    before = past.rows()
    answer = await sent(past, body.encode(), content_type, age=age)
    assert answer.status_code == 401
    check_untouched(before, past.rows())


@FUZZ
@given(
    body=st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace")),
    prefix=st.sampled_from([b"", b"payload=", b"command=", b"{", b'{"type":', b"ssl_check=1&"]),
    content_type=st.sampled_from(
        [FORM, JSON, "", "text/plain", "multipart/form-data; boundary=x", "application/json; charset=x"]
    ),
)
async def test_garbage(past: Past, body: bytes, prefix: bytes, content_type: str) -> None:
    """Signed bytes without meaning are answered without a server error, and change nothing."""
    before = past.rows()
    answer = await sent(past, prefix + body, content_type)
    assert answer.status_code < 500
    check_untouched(before, past.rows())


@FEW
@given(size=st.integers(1_000_001, 3_000_000), signed=st.booleans())
async def test_oversized(past: Past, size: int, *, signed: bool) -> None:
    """A body larger than any of Slack's is refused, signed or not."""
    body = json.dumps({"type": "view_submission", "x": "x" * size}).encode()
    before = past.rows()
    answer = await sent(past, body, JSON, None if signed else {"X-Slack-Signature": "v0=0"})
    assert answer.status_code == 413
    check_untouched(before, past.rows())


def _header(text: str) -> str:
    """Return text as far as HTTP can carry it in a header."""
    return "".join(character for character in text if character.isprintable()).strip()
