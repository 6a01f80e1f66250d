"""Two small connected tenants whose time stands still: where the rules of syncing are easiest to watch."""

from datetime import UTC, datetime
from typing import Final

import httpx

from bot.playground.tines.app import PREFIX, build_tines_app
from bot.playground.tines.records import Right
from bot.playground.tines.tenant import LocalTines, World

NOON: Final = datetime(2026, 8, 3, 12, tzinfo=UTC)
DEV_URL: Final = "https://dev.example"
PROD_URL: Final = "https://prod.example"


class Pair:
    """`dev` with two stories to sync and `prod` with a team to take them; time moves only by `world.advance`."""

    def __init__(self) -> None:
        self.world = World(clock=lambda: NOON)
        self.dev = LocalTines("dev", self.world, first_id=101)
        self.prod = LocalTines("prod", self.world, first_id=501)
        self.world.register(DEV_URL, self.dev)
        self.world.register(PROD_URL, self.prod)
        self.dev.add_key("dev-owner")
        self.dev.add_key("dev-reader", Right.READER)
        self.prod.add_key("prod-owner")
        self.prod.add_key("prod-editor", Right.EDITOR)
        self.prod.add_key("prod-reader", Right.READER)
        self.team = self.dev.add_team("SecOps").id
        self.other_team = self.dev.add_team("Identity").id
        self.target_team = self.prod.add_team("SecOps Production").id
        self.alerts = self.dev.add_story(self.team, "High-Priority Alerts", tags=("alerts", "tier-1")).id
        self.phishing = self.dev.add_story(self.team, "Phishing triage", tags=("alerts",)).id

    def body(self, **changes: object) -> dict[str, object]:
        """Return the body of a create on `dev` that works, with changes."""
        body: dict[str, object] = {
            "destination_tenant_url": PROD_URL,
            "destination_tenant_api_key": "prod-editor",
            "destination_team_id": self.target_team,
            "team_id": self.team,
            "story_ids": [self.alerts, self.phishing],
        }
        return {**body, **changes}

    def client(self, key: str = "dev-owner") -> httpx.AsyncClient:
        """Return a client of `dev`'s API that needs no network."""
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(build_tines_app(self.dev)),
            base_url=DEV_URL + PREFIX,
            headers={"Authorization": f"Bearer {key}"},
        )
