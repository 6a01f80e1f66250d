"""Typing in the stories field with 50,000 stories, loading them, and what one sees while they still load."""

import asyncio
import gc
import random
import time

import httpx

from handlers.catalogue import Catalogue
from handlers.routes import Tenant
from handlers.tines import TinesClient
from tests.bench.catalogue import TEAM, made_up, memory_of, tenant_of, typed
from tests.bench.load import asks, one_by_one, opens
from tests.bench.product import serving, typing
from tests.bench.report import Goal, Line
from tests.bench.settings import Plan
from tests.bench.stats import Spread, quantile
from tests.bench.stub import outside, story
from tests.loading import load

STORIES = 50_000


async def measure(plan: Plan) -> tuple[list[Line], list[str]]:
    """Return the lines, and what has to be said about them."""
    rng = random.Random(7)  # noqa: S311 - the same typing in every run
    p50: list[float] = []
    p99: list[float] = []
    async with outside(STORIES) as world:
        with serving(world, plan.folder, core=plan.server_core) as (process, url):
            await one_by_one(url, opens(url, world.slack, "/tines-sync"), 3)  # opening the form has it loaded
            await one_by_one(url, asks(url, lambda _: typing("triage"), expects=b"option"), 1)
            await asyncio.wait_for(world.dev.all_told.wait(), 120)
            await asyncio.sleep(2)  # the index is built in pieces after the pages
            queries = typed([story(number) for number in range(1, STORIES)], rng)
            shot = asks(url, lambda number: typing(queries[number % len(queries)]), expects=b"option")
            for _ in range(plan.rounds):
                taken = await one_by_one(url, shot, plan.count(600))
                p50.append(quantile(taken, 0.5) * 1000)
                p99.append(quantile(taken, 0.99) * 1000)
            memory = process.memory()
    first, worst_wait, loaded, index, calls = await _loading(rng)
    what, loading = f"typing, {STORIES:,} stories", f"loading {STORIES:,} stories"
    return [
        Line(what, "p50", "ms", Spread.of(p50), None, "half of what is typed has a typo"),
        Line(what, "p99", "ms", Spread.of(p99), Goal(10)),
        Line(what, "index", "MB", Spread.of([index]), Goal(60)),
        Line(what, "memory of the process", "MB", Spread.of([memory])),
        Line(loading, "calls", "", Spread.of([calls]), Goal(STORIES / 500 + 1), "pages of 500, and the teams"),
        Line(loading, "until it is there", "s", Spread.of([loaded]), None, "a tenant that takes 10 to 50 ms a page"),
        Line(loading, "longest wait of others", "ms", Spread.of([worst_wait * 1000])),
        Line(loading, "first letters meanwhile", "s", Spread.of([first]), Goal(2.5), "a tenant that takes 1 s a page"),
    ], []


async def _loading(rng: random.Random) -> tuple[float, float, float, float, int]:
    """Return seconds until first letters are answered, the longest wait, seconds of loading, MB of the index, and calls."""
    stories = made_up(STORIES, rng)
    gc.collect()
    gc.freeze()  # as the product does once it has started: the made-up tenant is not to be looked through meanwhile
    tenant = Tenant.model_validate({"alias": "dev", "url": "https://dev.example", "api_key": "k"})
    calls: list[str] = []

    slow = TinesClient(tenant, transport=httpx.MockTransport(tenant_of(stories, calls, rng, seconds=(1.0, 1.0))))
    catalogue = Catalogue({"dev": slow}, {"dev": tenant})
    begun = time.perf_counter()
    await catalogue.search_stories("dev", TEAM, "phish")
    first = time.perf_counter() - begun
    await catalogue.close()
    await slow.aclose()
    calls.clear()

    quick = TinesClient(tenant, transport=httpx.MockTransport(tenant_of(stories, calls, rng)))
    catalogue = Catalogue({"dev": quick}, {"dev": tenant})
    worst = [0.0]
    watching = asyncio.create_task(_watch(worst))
    begun = time.perf_counter()
    await load(catalogue, "dev")
    loaded = time.perf_counter() - begun
    watching.cancel()
    made = len(calls)
    await catalogue.close()
    index = await memory_of(quick, tenant)
    await quick.aclose()
    gc.unfreeze()
    return first, worst[0], loaded, index, made


async def _watch(worst: list[float]) -> None:
    """Note how much later than asked for the event loop comes back."""
    while True:
        before = time.perf_counter()
        await asyncio.sleep(0.001)
        worst[0] = max(worst[0], time.perf_counter() - before - 0.001)
