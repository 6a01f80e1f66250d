"""What a review waits for: sources, gaps and copies of stories of 50 actions, at tenants that answer in 100 ms."""

import asyncio
import copy
import gc
import json
import random
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any, Final

import httpx
from pydantic import SecretStr

from handlers.models import Story, Team
from handlers.preflight import Earlier, Exports, Preflight, ReportProgress, Subject, report
from handlers.routes import Tenant
from handlers.tines import TinesClient
from tests.bench.comparison_lines import large_export
from tests.bench.report import Goal, Line
from tests.bench.settings import Plan
from tests.bench.stats import Spread

_ACTIONS: Final = 50
_LATENCY: Final = 0.1  # seconds
_TEAM: Final = Team(id=1, name="SecOps")
_EDITED: Final = datetime(2026, 3, 2, 10, tzinfo=UTC)
_GOALS: Final = ((10, 3_000, 300), (100, 10_000, None))  # stories; ms cold and warm


class Answers(httpx.AsyncBaseTransport):
    """A tenant that answers each call after a while with what was made up before."""

    def __init__(self, bodies: Mapping[str, bytes]) -> None:
        self._bodies = bodies

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a call."""
        await asyncio.sleep(_LATENCY)
        body = self._bodies.get(request.url.path.removeprefix("/api/v1"))
        return httpx.Response(404 if body is None else 200, stream=httpx.ByteStream(body or b"{}"))


def stories(number: int) -> list[Story]:
    """Return stories as a tenant lists them."""
    return [Story(id=each, name=f"Story {each}", edited_at=_EDITED) for each in range(1, number + 1)]


def tenant(number: int, rng: random.Random, *, changed: bool) -> Answers:
    """Return a tenant with that many stories; those of the destination have other ids, and half of them differ."""
    listed, bodies = [], {"/change_requests": _json({"change_requests": [], "meta": {}})}
    bodies["/user_credentials"] = _json({"user_credentials": [{"id": 1, "slug": "slack", "team_id": 1}], "meta": {}})
    for story in stories(number):
        story_id = story.id + (10_000 if changed else 0)
        export = copy.deepcopy(large_export(rng, _ACTIONS)) | {"name": story.name, "slug": f"story_{story.id}"}
        if changed and story.id % 2:
            export["agents"][0]["options"]["url"] += "/more"
        bodies[f"/stories/{story_id}/export"] = _json(export)
        listed.append({"id": story_id, "name": story.name, "slug": f"story_{story.id}", "team_id": 1})
        listed[-1]["edited_at"] = _EDITED.isoformat()
    return Answers(bodies | {"/stories": _json({"stories": listed, "meta": {}})})


async def once(preflight: Preflight, clients: Mapping[str, TinesClient], subject: Subject) -> tuple[float, float]:
    """Return for how long a review waits for everything, and the longest time that others waited meanwhile, in ms."""
    begun = before = time.perf_counter()
    longest = 0.0

    async def everything() -> None:
        await preflight.look("dev", "prod", subject)
        progress = ReportProgress(len(subject.stories))
        found = await report(preflight, clients, ("dev", "prod"), subject, earlier=Earlier(), progress=progress)
        if len(found.stories) != len(subject.stories) or found.remarks:
            message = f"not everything was compared: {found.remarks}"
            raise AssertionError(message)

    looking = asyncio.create_task(everything())
    while not looking.done():
        await asyncio.sleep(0.001)
        longest, before = max(longest, time.perf_counter() - before - 0.001), time.perf_counter()
    await looking
    return (time.perf_counter() - begun) * 1000, longest * 1000


async def measure(plan: Plan) -> tuple[list[Line], list[str]]:
    """Return the lines, and what has to be said about them."""
    lines: list[Line] = []
    for number, cold_goal, warm_goal in _GOALS:
        cold: list[float] = []
        warm: list[float] = []
        waits: list[float] = []
        tenants = [tenant(number, random.Random(7), changed=changed) for changed in (False, True)]  # noqa: S311 - the same in every run
        subject = Subject(source_team=_TEAM, destination_team=_TEAM, stories=tuple(stories(number)))
        for _ in range(min(plan.rounds, 3)):
            async with AsyncExitStack() as stack:
                clients = {
                    alias: await stack.enter_async_context(
                        TinesClient(
                            Tenant(alias=alias, url=f"https://{alias}.example", api_key=SecretStr("made-up-key")),
                            transport=transport,
                        )
                    )
                    for alias, transport in zip(("dev", "prod"), tenants, strict=True)
                }
                exports = Exports(clients, lambda: datetime.now(UTC))
                stack.push_async_callback(exports.close)
                preflight = Preflight(clients, exports)
                gc.collect()
                gc.freeze()  # as the product does once it has started
                for taken in (cold, warm):
                    milliseconds, wait = await once(preflight, clients, subject)
                    taken.append(milliseconds)
                    waits.append(wait)
                gc.unfreeze()
        what = f"reviewing {number} stories of {_ACTIONS} actions"
        lines += [
            Line(what, "cold", "ms", Spread.of(cold), Goal(cold_goal), "tenants answer in 100 ms"),
            Line(what, "warm", "ms", Spread.of(warm), Goal(warm_goal) if warm_goal else None),
            Line(what, "longest wait of others", "ms", Spread.of(waits), Goal(50)),
        ]
    return lines, []


def _json(value: Any) -> bytes:  # noqa: ANN401 - JSON
    return json.dumps(value).encode()
