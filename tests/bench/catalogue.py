"""A made-up tenant with any number of stories, what people type to find them, and what a catalogue of it weighs."""

import asyncio
import gc
import json
import random
import tracemalloc
from collections.abc import Callable, Coroutine

import httpx

from handlers.catalogue import Catalogue
from handlers.routes import Tenant
from handlers.tines import TinesClient
from tests.loading import load

TEAM = 7
PER_PAGE = 500
WORDS = """alert phishing triage enrich isolate endpoint user account credential rotate block domain address hash
ticket notify analyst malware sandbox detonate email header attachment report weekly daily audit cloud bucket access
review revoke token session login failed brute force travel impossible geo locate vulnerability scan import asset owner
certificate expiry renew firewall rule change request approve escalate incident severity high low critical case close
duplicate merge evidence collect forensic image memory disk timeline identity provider group membership sync directory
offboard onboard employee device compliance patch status vendor risk questionnaire threat intelligence feed indicator"""


def made_up(count: int, rng: random.Random) -> list[dict[str, object]]:
    """Return stories whose names look like those of security teams, each with a word of its own."""
    vocabulary = WORDS.split()
    return [
        {
            "id": 100_000 + number,
            "name": " ".join(rng.choices(vocabulary, k=rng.randint(2, 6))).title() + f" {rng.getrandbits(24):x}",
            "team_id": TEAM,
            "tags": rng.sample(vocabulary, k=rng.randint(0, 3)),
            "edited_at": f"2026-0{rng.randint(1, 9)}-1{rng.randint(0, 9)}T10:{rng.randint(10, 59)}:00.123Z",
            "change_control_enabled": True,
            "description": "x" * 400,
        }
        for number in range(count)
    ]


def tenant_of(
    stories: list[dict[str, object]],
    calls: list[str],
    rng: random.Random,
    *,
    seconds: tuple[float, float] = (0.01, 0.05),
) -> Callable[[httpx.Request], Coroutine[None, None, httpx.Response]]:
    """Return a tenant that lists the stories by pages, takes so many seconds for each, and counts its calls."""
    pages = max(1, -(-len(stories) // PER_PAGE))
    bodies = [
        json.dumps(
            {
                "stories": stories[page * PER_PAGE : (page + 1) * PER_PAGE],
                "meta": {"next_page_number": page + 2 if page + 1 < pages else None, "pages": pages},
            }
        ).encode()
        for page in range(pages)
    ]

    async def answer(request: httpx.Request) -> httpx.Response:
        calls.append(request.url.path)
        await asyncio.sleep(rng.uniform(*seconds))
        if request.url.path.endswith("/teams"):
            return httpx.Response(200, json={"teams": [{"id": TEAM, "name": "SecOps"}], "meta": {}})
        return httpx.Response(200, content=bodies[int(request.url.params["page"]) - 1])

    return answer


def typed(stories: list[dict[str, object]], rng: random.Random) -> list[str]:
    """Return queries as they are typed: growing prefixes of names, half of them with a typo."""
    queries: list[str] = []
    for story in rng.sample(stories, k=min(len(stories), 60)):
        name = str(story["name"])
        if rng.random() < 0.5:
            at = rng.randrange(1, len(name) - 1)
            name = name[:at] + name[at + 1] + name[at] + name[at + 2 :]
        queries.extend(name[:length] for length in range(1, min(len(name), 24), 2))
    return queries


async def memory_of(client: TinesClient, tenant: Tenant) -> float:
    """Return the megabytes that a loaded catalogue holds."""
    gc.collect()
    tracemalloc.start()
    measured = Catalogue({"dev": client}, {"dev": tenant})
    gc.collect()
    empty = tracemalloc.get_traced_memory()[0]
    await load(measured, "dev")
    gc.collect()
    held = (tracemalloc.get_traced_memory()[0] - empty) / 1e6
    tracemalloc.stop()
    await measured.close()
    return held
