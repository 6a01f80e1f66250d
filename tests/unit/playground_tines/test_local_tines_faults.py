import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from bot.playground.serving import served
from bot.playground.tines import (
    PRESETS,
    ErrorShape,
    Fault,
    Faults,
    Kind,
    LocalTines,
    NoConnectionError,
    build_tines_app,
    rival_create,
    snapshot,
)
from bot.playground.tines.app import PREFIX
from bot.playground.tines.pair import Pair

DESTINATIONS = "/admin/sync_destinations"
METHODS = ("GET", "POST", "PATCH", "DELETE")
BROKEN = (httpx.ReadError, httpx.RemoteProtocolError)


@pytest.fixture
def pair() -> Pair:
    """Two connected tenants."""
    return Pair()


@asynccontextmanager
async def _over_the_wire(pair: Pair, seconds: float = 5) -> AsyncIterator[httpx.AsyncClient]:
    """Speak to dev through a real server on loopback."""
    async with (
        served(build_tines_app(pair.dev)) as url,
        httpx.AsyncClient(
            base_url=url + PREFIX, headers={"Authorization": "Bearer dev-owner"}, timeout=seconds, trust_env=False
        ) as client,
    ):
        yield client


async def test_a_reset_before_leaves_nothing(pair: Pair) -> None:
    """The connection breaks, no destination was made, and the next call works."""
    pair.dev.faults.add(Fault(Kind.RESET_BEFORE, "POST", DESTINATIONS, times=1))
    async with _over_the_wire(pair) as client:
        with pytest.raises(BROKEN):
            await client.post(DESTINATIONS, json=pair.body())
        assert pair.dev.destinations == {}
        assert (await client.post(DESTINATIONS, json=pair.body())).status_code == 201
    assert [(call.status, call.fault) for call in pair.dev.calls] == [(None, "reset_before"), (201, "")]


async def test_a_reset_after_leaves_a_destination(pair: Pair) -> None:
    """The caller sees the very same break, but the destination is there."""
    pair.dev.faults.add(Fault(Kind.RESET_AFTER, "POST", DESTINATIONS, times=1))
    async with _over_the_wire(pair) as client:
        with pytest.raises(BROKEN):
            await client.post(DESTINATIONS, json=pair.body())
        assert (await client.get(DESTINATIONS)).json()["meta"]["count"] == 1


async def test_no_answer_at_all(pair: Pair) -> None:
    """A hanging call ends only by the client's own time limit, and applies nothing."""
    pair.dev.faults.add(Fault(Kind.HANG, times=1))
    async with _over_the_wire(pair, seconds=0.1) as client:
        with pytest.raises(httpx.ReadTimeout):
            await client.post(DESTINATIONS, json=pair.body())
    assert pair.dev.destinations == {}


async def test_applied_long_after_the_client_gave_up(pair: Pair) -> None:
    """The destination appears 20 s after the client stopped waiting, not before."""
    pair.dev.faults.add(Fault(Kind.APPLIED_LATE, "POST", DESTINATIONS, times=1, seconds=20))
    async with _over_the_wire(pair, seconds=0.1) as client:
        with pair.dev.calls.subscribe() as feed:
            with pytest.raises(httpx.ReadTimeout):
                await client.post(DESTINATIONS, json=pair.body())
            async with asyncio.timeout(5):
                while not (await anext(feed)).done:
                    pass  # the server learns of the closed connection a moment later
        pair.dev.advance(19)
        assert (await client.get(DESTINATIONS)).json()["sync_destinations"] == []
        pair.dev.advance(1)
        assert (await client.get(DESTINATIONS)).json()["meta"]["count"] == 1


async def test_a_late_create_that_is_refused_by_then_makes_nothing(pair: Pair) -> None:
    """A key revoked in between is looked at when the create is applied."""
    pair.dev.faults.add(Fault(Kind.APPLIED_LATE, times=1, seconds=20))
    async with _over_the_wire(pair, seconds=0.1) as client:
        with pair.dev.calls.subscribe() as feed:
            with pytest.raises(httpx.ReadTimeout):
                await client.post(DESTINATIONS, json=pair.body())
            async with asyncio.timeout(5):
                while not (await anext(feed)).done:
                    pass
    pair.dev.revoke("dev-owner")
    pair.dev.advance(20)
    assert pair.dev.destinations == {}


async def test_a_proxys_502_may_hide_a_create(pair: Pair) -> None:
    """Applied, but answered with HTML."""
    fault = Fault(Kind.APPLIED_THEN_ANSWER, status=502, message="Bad Gateway", shape=ErrorShape.HTML, times=1)
    pair.dev.faults.add(fault)
    async with pair.client() as client:
        answer = await client.post(DESTINATIONS, json=pair.body())
    assert answer.status_code == 502
    assert "<title>502 Bad Gateway</title>" in answer.text
    assert len(pair.dev.destinations) == 1


async def test_a_plain_error_applies_nothing(pair: Pair) -> None:
    """Any status can be answered, in any shape, with a wait to honour."""
    pair.dev.faults.add(Fault(Kind.ANSWER, status=429, message="Slow down", retry_after=7, times=1))
    pair.dev.faults.add(Fault(Kind.ANSWER, status=429, message="Slow down", times=1))
    async with pair.client() as client:
        first = await client.post(DESTINATIONS, json=pair.body())
        second = await client.post(DESTINATIONS, json=pair.body())
    assert (first.status_code, first.headers["Retry-After"]) == (429, "7")
    assert (second.status_code, "Retry-After" in second.headers) == (429, False)
    assert pair.dev.destinations == {}


async def test_a_truncated_answer_is_no_json(pair: Pair) -> None:
    """Half of the answer arrives with status 201, and the destination exists."""
    pair.dev.faults.add(Fault(Kind.TRUNCATED, "POST", times=1))
    async with pair.client() as client:
        answer = await client.post(DESTINATIONS, json=pair.body())
    assert answer.status_code == 201
    with pytest.raises(ValueError, match=r"Unterminated|Expecting|Invalid"):
        answer.json()
    assert len(pair.dev.destinations) == 1


async def test_a_slow_answer_waits_as_long_as_told(pair: Pair) -> None:
    """The call is applied at once and its answer held back; the wait itself can be replaced."""
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        assert len(pair.dev.destinations) == 1
        waited.append(seconds)

    pair.dev.faults.add(Fault(Kind.SLOW, "POST", seconds=8))
    transport = httpx.ASGITransport(build_tines_app(pair.dev, sleep=sleep))
    headers = {"Authorization": "Bearer dev-owner"}
    async with httpx.AsyncClient(transport=transport, base_url="https://dev.example", headers=headers) as client:
        assert (await client.post(PREFIX + DESTINATIONS, json=pair.body())).status_code == 201
        assert (await client.get(PREFIX + DESTINATIONS)).status_code == 200
    assert waited == [8]


async def test_somebody_else_creates_the_same_at_the_same_moment(pair: Pair) -> None:
    """A rival's destination is there although the own create never arrived."""
    pair.dev.faults.add(Fault(Kind.ANSWER, "POST", DESTINATIONS, times=1, status=502, meanwhile=rival_create))
    async with pair.client() as client:
        assert (await client.post(DESTINATIONS, json=pair.body())).status_code == 502
        assert (await client.get(DESTINATIONS)).json()["meta"]["count"] == 1


async def test_people_act_while_a_call_arrives(pair: Pair) -> None:
    """A key revoked or a story deleted at that very moment decides the call's fate."""

    def delete(tines: LocalTines, _body: object) -> None:
        tines.delete_story(pair.alerts)

    def revoke(tines: LocalTines, _body: object) -> None:
        tines.revoke("dev-owner")

    pair.dev.faults.add(Fault(Kind.NONE, times=1, meanwhile=delete))
    pair.dev.faults.add(Fault(Kind.NONE, times=1, meanwhile=revoke))
    async with pair.client() as client:
        assert (await client.post(DESTINATIONS, json=pair.body())).status_code == 404
        assert (await client.post(DESTINATIONS, json=pair.body(story_ids=[pair.phishing]))).status_code == 401
    assert pair.dev.destinations == {}


async def test_cutting_a_connection_needs_one(pair: Pair) -> None:
    """Without a server a reset is an error of the test, never a silent success."""
    pair.dev.faults.add(Fault(Kind.RESET_AFTER))
    async with pair.client() as client:
        with pytest.raises(NoConnectionError):
            await client.get("/info")


def test_a_fault_strikes_only_what_it_is_for() -> None:
    """Method and path select the calls, `times` bounds them, and the first match wins."""
    faults = Faults()
    number = faults.add(Fault(Kind.ANSWER, "GET", "/admin/*", times=2))
    fallback = faults.add(Fault(Kind.SLOW, path="/stories"))
    assert faults.take("POST", "/admin/sync_destinations") is None
    assert faults.take("GET", "/teams") is None
    struck = [faults.take("GET", "/admin/sync_destinations/7") for _ in range(3)]
    assert [fault.kind if fault else None for fault in struck] == [Kind.ANSWER, Kind.ANSWER, None]
    assert (faults.struck(number), faults.struck(fallback)) == (2, 0)
    assert list(faults.active()) == [fallback]
    faults.remove(fallback)
    faults.remove(fallback)
    assert faults.take("GET", "/stories") is None


def test_chance_is_repeatable() -> None:
    """With the same seed the same calls fail, about as many as asked for."""

    def run() -> list[bool]:
        faults = Faults(seed=42)
        faults.add(Fault(Kind.ANSWER, probability=0.3))
        return [faults.take("GET", "/stories") is not None for _ in range(200)]

    assert run() == run()
    assert 40 < sum(run()) < 80
    cleared = Faults()
    cleared.add(Fault(Kind.HANG))
    cleared.clear()
    assert cleared.take("GET", "/") is None


async def test_every_preset_can_be_set_and_is_seen_in_the_snapshot(pair: Pair) -> None:
    """The switches that a page offers have names of their own and really strike the calls that they are for."""
    assert len({preset.name for preset in PRESETS}) == len(PRESETS)
    for preset in PRESETS:
        number = pair.dev.faults.add(preset.fault)
        assert snapshot(pair.dev)["faults"] == [
            {
                "number": number,
                "kind": preset.fault.kind.value,
                "label": preset.title,
                "calls": f"{preset.fault.method} {preset.fault.path}",
            }
        ]
        calls = [(method, f"{DESTINATIONS}{rest}") for method in METHODS for rest in ("", "/21", "/21/manual_sync")]
        assert [call for call in calls if preset.fault.matches(*call)]
        method, path = next(call for call in calls if preset.fault.matches(*call))
        assert pair.dev.faults.take(method, path) is preset.fault
        pair.dev.faults.clear()
