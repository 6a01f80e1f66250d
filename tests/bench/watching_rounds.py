"""`python -m tests.bench.watching_rounds FOLDER ROUNDS`: watch 20 tenants in a process of its own, and print what it took.

A process of its own, since what is measured is what a watching process needs: its processor time and its memory.
"""

import asyncio
import json
import sys
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import httpx
from pydantic import SecretStr

from handlers.catalogue import Catalogue
from handlers.operations.registry import all_operations
from handlers.routes import Route, Tenant, Topology, Watch
from handlers.store import Store, migrate
from handlers.store.database import open_engine, parse_url
from handlers.tines import TinesClient
from handlers.watching.round import Watcher
from tests.memory import peak

TENANTS: Final = 20
DESTINATIONS: Final = 500  # of each tenant
PAGES: Final = 20  # in which each tenant lists them, however many are asked for on a page
STORIES: Final = 10  # of each destination
EVERY: Final = timedelta(minutes=10)
CHANGED: Final = 5  # destinations of each tenant that fail, or recover, in each round
_PROD: Final = "https://prod.example"


class Clock:
    """The time of day, and what was added to it."""

    ahead = timedelta()

    def __call__(self) -> datetime:
        """Return the time."""
        return datetime.now(UTC) + self.ahead


def listing(round_number: int) -> list[bytes]:
    """Return what a tenant lists in a round, page by page."""
    destinations = [
        {
            "id": number,
            "destination_tenant_url": _PROD,
            "destination_team_id": 42,
            "origin_team_id": number % 50,
            "manual_sync_only": False,
            "subscriptions": [
                {
                    "story": {"id": number * 100 + story, "name": f"Enrich and triage alerts {number}.{story}"},
                    "status": "failed" if number < CHANGED and story == 0 and round_number % 2 else "synced",
                    "error_message": None,
                }
                for story in range(STORIES)
            ],
        }
        for number in range(DESTINATIONS)
    ]
    size = DESTINATIONS // PAGES
    return [
        json.dumps(
            {
                "sync_destinations": destinations[number * size : (number + 1) * size],
                "meta": {"next_page_number": number + 2 if number + 1 < PAGES else None, "pages": PAGES},
            }
        ).encode()
        for number in range(PAGES)
    ]


def topology() -> Topology:
    """Return 20 source tenants with a route each to the same destination."""
    sources = [f"dev{number}" for number in range(TENANTS)]
    tenants = {alias: f"https://{alias}.example" for alias in sources} | {"prod": _PROD}
    return Topology(
        tenants={
            alias: Tenant(alias=alias, url=url, api_key=SecretStr(f"key-of-{alias}")) for alias, url in tenants.items()
        },
        routes={
            alias: Route(
                name=alias,
                source=alias,
                destination="prod",
                requesters=("*",),
                approvers=("*",),
                approval_channel="C0APPROVALS",
                notify=("C0SECOPS",),
            )
            for alias in sources
        },
        watch=Watch(every=EVERY),
    )


async def measure(folder: Path, rounds: int) -> dict[str, list[float]]:
    """Return the seconds of processor time of each round over all tenants, and the most memory that was used, in MB."""
    url = f"sqlite:///{folder}/watching.sqlite"
    await migrate(url)
    clock, configured = Clock(), topology()
    pages = listing(0)
    fetched = 0

    def answer(request: httpx.Request) -> httpx.Response:
        nonlocal fetched
        if request.url.path.endswith("/sync_destinations"):
            fetched += 1
            body = pages[int(request.url.params.get("page", 1)) - 1]
            return httpx.Response(200, content=body, headers={"Content-Type": "application/json"})
        teams = [{"id": number, "name": f"Team {number}"} for number in range(50)]
        return httpx.Response(200, json={"teams": teams, "meta": {"next_page_number": None}})

    async with AsyncExitStack() as stack:
        store = Store(open_engine(parse_url(url)), lambda _: None, clock=clock, types=all_operations())
        stack.push_async_callback(store.close)
        clients = {
            alias: await stack.enter_async_context(TinesClient(tenant, transport=httpx.MockTransport(answer)))
            for alias, tenant in configured.tenants.items()
        }
        catalogue = Catalogue(clients, configured.tenants)
        stack.push_async_callback(catalogue.close)
        watcher = Watcher(store, configured, clients, catalogue, all_operations())
        await watcher.begin()
        used: list[float] = []
        for number in range(rounds + 1):
            pages = listing(number)
            began = time.process_time()
            await asyncio.gather(*(watcher.look(route.source) for route in configured.routes.values()))
            used.append(time.process_time() - began)
            clock.ahead += EVERY * 1.2
        async with store.reading() as reader:
            watched = await reader.destinations.tenants()
            seen = sum((await reader.destinations.counts()).values())
        if any(each.rounds != rounds + 1 for each in watched):
            message = "a tenant was not looked at in every round"
            raise RuntimeError(message)
        if (fetched, seen) != (TENANTS * PAGES * (rounds + 1), TENANTS * DESTINATIONS):
            message = f"{fetched} pages were fetched, and {seen} destinations are known"
            raise RuntimeError(message)
    return {"first": used[:1], "seconds": used[1:], "memory": [peak()]}


if __name__ == "__main__":
    sys.stdout.write("\n" + json.dumps(asyncio.run(measure(Path(sys.argv[1]), int(sys.argv[2])))))
