"""Comparing a story of 300 actions with its copy in a worker thread: how long it takes, and how long others wait."""

import asyncio
import copy
import json
import random
import time
from typing import Any

from handlers.comparison import StoryDiff, compare, normalise
from tests.bench.catalogue import WORDS
from tests.bench.report import Goal, Line
from tests.bench.settings import Plan
from tests.bench.stats import Spread

ACTIONS = 300


def large_export(rng: random.Random, actions: int = ACTIONS) -> dict[str, Any]:
    """Return an export of many actions, with webhooks, headers and payloads, about 700 kB of JSON."""
    vocabulary = WORDS.split()
    kinds = ("Agents::HTTPRequestAgent", "Agents::EventTransformationAgent", "Agents::WebhookAgent")
    return {
        "name": "Large",
        "agents": [
            {
                "type": rng.choice(kinds),
                "name": f"{rng.choice(vocabulary)} {number}",
                "guid": f"{rng.getrandbits(128):032x}",
                "disabled": False,
                "options": {
                    "path": f"{rng.getrandbits(128):032x}",
                    "secret": f"{rng.getrandbits(128):032x}",
                    "url": f"https://api.example/{rng.choice(vocabulary)}/<<event.body.id>>",
                    "headers": {"Authorization": "Bearer <<CREDENTIAL.jira>>"},
                    "payload": {
                        word: {
                            "numbers": [rng.random() for _ in range(5)],
                            "text": " ".join(rng.choices(vocabulary, k=8)),
                        }
                        for word in rng.sample(vocabulary, k=9)
                    },
                },
            }
            for number in range(actions)
        ],
        "links": [{"source": number, "receiver": number + 1} for number in range(actions - 1)],
    }


async def measure(plan: Plan) -> tuple[list[Line], list[str]]:
    """Return the lines, and what has to be said about them."""
    rng = random.Random(7)  # noqa: S311 - the same exports in every run
    source = large_export(rng)
    other = copy.deepcopy(source)
    for agent in rng.sample(other["agents"], k=60):
        agent["options"]["url"] += "/more"
        agent["options"]["payload"].popitem()
    exports = json.dumps(source).encode(), json.dumps(other).encode()
    taken: list[float] = []
    waits: list[float] = []
    for _ in range(plan.rounds):
        comparing = asyncio.create_task(asyncio.to_thread(_compared, *exports))
        begun = before = time.perf_counter()
        longest = 0.0
        while not comparing.done():
            await asyncio.sleep(0.001)
            longest, before = max(longest, time.perf_counter() - before - 0.001), time.perf_counter()
        taken.append((time.perf_counter() - begun) * 1000)
        waits.append(longest * 1000)
        await comparing
    what = f"comparing two exports of {ACTIONS} actions"
    return [
        Line(what, "until it is there", "ms", Spread.of(taken), None, "in a worker thread, 60 actions changed"),
        Line(what, "longest wait of others", "ms", Spread.of(waits), Goal(50)),
    ], []


def _compared(source: bytes, copied: bytes) -> StoryDiff:
    return compare(normalise(source), normalise(copied))
