from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import pytest

from handlers.jobs import NewerVersionError
from handlers.models import Request
from handlers.operations import Access
from handlers.operations.create import Create, CreateFacts, CreateParams
from handlers.operations.registry import by_name
from handlers.requests import Done, advance, approve

from .conftest import OpenHarness
from .harness import ADA, RINA, RequestHarness


class Broken(Create):
    """Creates, after a while: the first looks fail in a way that nobody foresaw."""

    name: ClassVar[str] = "create"

    def __init__(self, failures: int) -> None:
        self.failures = failures

    async def look(self, params: CreateParams, access: Access) -> CreateFacts:
        """Fail, or look."""
        if self.failures > 0:
            self.failures -= 1
            message = "the moon is in the wrong phase"
            raise ZeroDivisionError(message)
        return await super().look(params, access)


async def _approved_with(harness: RequestHarness, failures: int) -> Request:
    request = await harness.asks()
    answer = await approve(harness.services, ADA, await harness.shown(request.id), budget=None)
    assert isinstance(answer, Done)
    executor = replace(harness.services.executor, operations=by_name(Broken(failures)))
    harness.services = replace(harness.services, executor=executor)
    return request


async def _tries(harness: RequestHarness, request: Request, times: int) -> Request:
    for _ in range(times):
        await harness.works(request.id, rounds=1)
        harness.clock.passes(minutes=11)
    return await harness.now(request.id)


async def _told(harness: RequestHarness, request: Request) -> list[Mapping[str, object]]:
    told = await harness.told(f"@{RINA}")
    return [each for each in told if each["of"] == request.id and each.get("kind") == "bot_error"]


async def test_an_error_that_nobody_foresaw_is_on_the_row_after_the_third_time(open_harness: OpenHarness) -> None:
    """The first two are recorded only; from the third on the request says so, with an id that the record has too."""
    harness = await open_harness()
    request = await _approved_with(harness, failures=100)
    twice = await _tries(harness, request, 2)
    assert (twice.problem, await _told(harness, request)) == (None, [])
    thrice = await _tries(harness, request, 1)
    errors = [event for event in await harness.events(request.id) if event.kind == "job_error"]
    assert [event.data["times"] for event in errors] == [1, 2, 3]
    assert thrice.problem is not None
    assert errors[-1].data["error_id"] in thrice.problem.what
    later = await _tries(harness, request, 3)
    assert later.state is request.state or later.state.active
    assert len(await _told(harness, request)) == 1


async def test_it_waits_longer_each_time(open_harness: OpenHarness) -> None:
    """A job that keeps failing is tried less and less often, at most ten minutes apart."""
    harness = await open_harness()
    request = await _approved_with(harness, failures=100)
    waits = []
    for _ in range(12):
        current = await harness.works(request.id, rounds=1)
        assert current.next_run_at is not None
        waits.append((current.next_run_at - harness.clock()).total_seconds())
        harness.clock.now = current.next_run_at
    assert waits == sorted(waits)
    assert waits[0] < 10
    assert waits[-1] == 600


async def test_it_goes_on_by_itself(open_harness: OpenHarness) -> None:
    """When the error is over, the request is carried out, and no longer says that something went wrong."""
    harness = await open_harness()
    request = await _approved_with(harness, failures=4)
    await _tries(harness, request, 4)
    done = await harness.finishes(request.id)
    assert (done.state.value, done.problem, harness.creates()) == ("succeeded", None, 1)
    assert done.requester == RINA


async def test_an_operation_of_a_newer_version_is_left_to_it(open_harness: OpenHarness) -> None:
    """A process that does not know a request's operation leaves the request alone."""
    harness = await open_harness()
    request = await _approved_with(harness, failures=0)
    harness.services = replace(harness.services, executor=replace(harness.services.executor, operations=by_name()))
    with pytest.raises(NewerVersionError):
        await advance(harness.services, request.id)
    assert "job_error" not in await harness.kinds(request.id)
