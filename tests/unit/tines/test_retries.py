"""Only what is safe is sent again, for a bounded number of times, and no sooner than Tines asks."""

import asyncio
from collections.abc import Sequence

import httpx
import pytest
import respx

from handlers.routes import Tenant
from handlers.tines import Failure, Kind, RefusedError, RetryableError, RetryPolicy, TinesClient, UnknownOutcomeError

INFO = httpx.Response(200, json={"stack": {"name": "us1"}})
STARTED = httpx.Response(200, json={"sync_initiated": True})


@pytest.mark.parametrize(
    "trouble",
    [
        httpx.Response(429),
        httpx.Response(429, headers={"Retry-After": "0"}),
        httpx.Response(500),
        httpx.Response(502),
        httpx.Response(503),
        httpx.Response(504),
        httpx.ConnectError("refused"),
        httpx.ConnectTimeout("slow"),
        httpx.ReadTimeout("slow"),
        httpx.ReadError("reset"),
    ],
    ids=str,
)
async def test_reads_are_tried_again(
    client: TinesClient, tines: respx.MockRouter, trouble: httpx.Response | Exception
) -> None:
    """A read that met passing trouble twice gets its answer with the third attempt."""
    route = tines.get("/info").mock(side_effect=[trouble, trouble, INFO])
    assert (await client.info()).stack.name == "us1"
    assert route.call_count == 3


async def test_attempts_are_bounded(client: TinesClient, tines: respx.MockRouter) -> None:
    """After the last attempt the error is told, with what Tines said."""
    route = tines.get("/info").respond(503, json={"message": "maintenance"})
    with pytest.raises(RetryableError) as caught:
        await client.info()
    assert caught.value.words == "maintenance"
    assert route.call_count == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
async def test_refusals_are_not_tried_again(client: TinesClient, tines: respx.MockRouter, status: int) -> None:
    """A refusal stands after one call."""
    route = tines.get("/info").respond(status)
    with pytest.raises(RefusedError):
        await client.info()
    assert route.call_count == 1


async def test_a_write_refused_with_429_is_sent_again(client: TinesClient, tines: respx.MockRouter) -> None:
    """A 429 on a write was not applied, so it is sent again by itself."""
    answers = [httpx.Response(429), httpx.Response(429, headers={"Retry-After": "0"}), STARTED]
    route = tines.post("/admin/sync_destinations/1/manual_sync").mock(side_effect=answers)
    assert await client.manual_sync(1) is True
    assert route.call_count == 3


@pytest.mark.parametrize(
    "trouble",
    [
        httpx.Response(500),
        httpx.Response(503, headers={"Retry-After": "0"}),
        httpx.ReadTimeout("slow"),
        httpx.ReadError("reset"),
        httpx.Response(200, text="?"),
    ],
    ids=str,
)
async def test_a_write_that_may_be_applied_is_never_sent_again(
    client: TinesClient, tines: respx.MockRouter, trouble: httpx.Response | Exception
) -> None:
    """A write with an unknown outcome is sent exactly once."""
    route = tines.post("/admin/sync_destinations/1/manual_sync").mock(side_effect=[trouble])
    with pytest.raises(UnknownOutcomeError):
        await client.manual_sync(1)
    assert route.call_count == 1


async def test_a_write_that_never_left_is_told_at_once(client: TinesClient, tines: respx.MockRouter) -> None:
    """A write that found no connection is not tried again here: whoever asked looks at the tenant first."""
    route = tines.post("/admin/sync_destinations/1/manual_sync").mock(side_effect=[httpx.ConnectError("refused")])
    with pytest.raises(RetryableError):
        await client.manual_sync(1)
    assert route.call_count == 1


async def test_a_429_does_not_excuse_what_follows_it(client: TinesClient, tines: respx.MockRouter) -> None:
    """A write that was refused with 429 and then met a timeout is open, and not sent a third time."""
    route = tines.post("/admin/sync_destinations/1/manual_sync").mock(
        side_effect=[httpx.Response(429), httpx.ReadTimeout("slow")]
    )
    with pytest.raises(UnknownOutcomeError):
        await client.manual_sync(1)
    assert route.call_count == 2


def limited(retry_after: float | None) -> RetryableError:
    """Return the error of a read that Tines refused."""
    return RetryableError(Failure("dev", "GET", "/info", Kind.LIMITED, 429, retry_after=retry_after))


def test_the_wait_is_the_one_asked_for() -> None:
    """`Retry-After` is waited for in full, with at most the jitter on top."""
    waits = [RetryPolicy(wait_jitter=0.5).wait_for(limited(7.0)) for _ in range(50)]
    assert all(isinstance(wait, float) and 7.0 <= wait <= 7.5 for wait in waits)
    assert len(set(waits)) > 1


def test_a_wait_too_long_is_not_waited_for() -> None:
    """Asked to wait longer than the cap, the client gives up at once rather than come back too early."""
    retry_policy = RetryPolicy(longest_retry_after=30.0)
    assert retry_policy.wait_for(limited(31.0)) is False
    assert retry_policy.wait_for(limited(30.0)) is not False


def test_without_an_asked_wait_the_backoff_grows() -> None:
    """Without `Retry-After`, and for nothing but retryable errors, the usual backoff applies."""
    assert RetryPolicy().wait_for(limited(None)) is True
    assert RetryPolicy().wait_for(ValueError()) is False


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "17"}, 17.0),
        ({"Retry-After": "1.5"}, 1.5),
        ({"Retry-After": "-3"}, 0.0),
        (
            {"Date": "Wed, 05 Aug 2026 10:00:00 GMT", "Retry-After": "Wed, 05 Aug 2026 10:00:20 GMT"},
            20.0,
        ),
        ({"Date": "Wed, 05 Aug 2026 10:00:00 GMT", "Retry-After": "Wed, 05 Aug 2026 09:00:00 GMT"}, 0.0),
        ({"Retry-After": "Wed, 05 Aug 2026 10:00:20 GMT"}, None),
        ({"Date": "Wed, 05 Aug 2026 10:00:00", "Retry-After": "Wed, 05 Aug 2026 10:00:20 -0000"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": ""}, None),
        ({}, None),
    ],
)
async def test_retry_after_is_read(dev: Tenant, headers: dict[str, str], seconds: float | None) -> None:
    """Both forms of `Retry-After` are understood, and nonsense is as good as none."""
    transport = httpx.MockTransport(lambda _: httpx.Response(429, headers=headers))
    async with TinesClient(dev, transport=transport, retry_policy=RetryPolicy(attempts=1)) as client:
        with pytest.raises(RetryableError) as caught:
            await client.info()
    assert caught.value.retry_after == seconds


async def test_every_attempt_is_observed(dev: Tenant, tines: respx.MockRouter, retry_policy: RetryPolicy) -> None:
    """Repeated calls are reported one by one, by status or by how they failed."""
    seen: list[str] = []
    tines.get("/info").mock(side_effect=[httpx.Response(429), httpx.ConnectError("refused"), INFO])
    transport = httpx.MockTransport(tines.async_handler)

    def observe(_method: str, outcome: str, _seconds: float) -> None:
        seen.append(outcome)

    async with TinesClient(dev, transport=transport, retry_policy=retry_policy, observe=observe) as client:
        await client.info()
    assert seen == ["429", "unreachable", "200"]


async def test_with_a_deadline_one_attempt(client: TinesClient, tines: respx.MockRouter) -> None:
    """Somebody who waits gets the first answer, good or bad, and the client without a deadline tries as often as before."""
    route = tines.get("/info").mock(side_effect=[httpx.Response(503), httpx.Response(503), INFO])
    with pytest.raises(RetryableError):
        await client.with_deadline(5.0).info()
    assert route.call_count == 1
    assert (await client.info()).stack.name == "us1"


async def test_with_a_deadline_all_calls_end(dev: Tenant) -> None:
    """However many pages there are, a call with a deadline ends when its time is up."""
    served: Sequence[int] = list(range(3))

    async def tenant(request: httpx.Request) -> httpx.Response:
        page = int(request.url.params["page"])
        if page > len(served):
            await asyncio.Event().wait()
        return httpx.Response(200, json={"teams": [{"id": page}], "meta": {"next_page_number": page + 1}})

    async with TinesClient(dev, transport=httpx.MockTransport(tenant)) as client:
        with pytest.raises(RetryableError) as caught:
            await client.with_deadline(0.05).teams()
    assert caught.value.kind is Kind.TIMEOUT
