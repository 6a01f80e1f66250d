"""Slack and two Tines tenants that answer at once, in the load generator's process: one clock for both ends.

Slack's answers are the shortest that the app needs. What the app sent is kept, with the time at which it arrived, so
that "the form stood open" and "the create left" are seen where they have their effect.
"""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final
from urllib.parse import parse_qs

from tests.bench.wire import answering, packed

REQUESTERS: Final = 2000  # people who ask, so that no rule about one person decides a figure
ADA: Final = "U0ADA"
APPROVERS: Final = "S0APPROVERS"
SOURCE_TEAM: Final = 1
DESTINATIONS: Final = 1000  # destination teams: creates for the same two teams wait for each other
_TRIGGER: Final = re.compile(rb'trigger_id["=:\s]+([\w.]+)')
_PER_PAGE: Final = 500
_KEY: Final = re.compile(rb'"key": ?"([^"]+)"')


@dataclass(frozen=True, slots=True)
class Call:
    """One call that the app made."""

    at: float  # time.perf_counter
    method: str  # Slack's method, or HTTP method and path
    body: bytes

    def form(self) -> dict[str, str]:
        """Return the arguments, whether they came as JSON or as a form."""
        if self.body.startswith(b"{"):
            return {key: value if isinstance(value, str) else json.dumps(value) for key, value in self._json().items()}
        return {key: values[0] for key, values in parse_qs(self.body.decode()).items()}

    def key(self) -> str:
        """Return the key that the app put into a message's metadata."""
        found = _KEY.search(json.dumps(self.form()).replace('\\"', '"').encode())
        return found[1].decode() if found else ""

    def _json(self) -> dict[str, Any]:
        read: dict[str, Any] = json.loads(self.body)
        return read


@dataclass
class Slack:
    """The Web API."""

    keeps: bool = False  # whether calls are kept; opened views are noted in any case
    calls: list[Call] = field(default_factory=list)
    opened: dict[str, float] = field(default_factory=dict)  # trigger → when its view was opened
    waiting: dict[str, asyncio.Future[float]] = field(default_factory=dict)  # by trigger
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    _ids: "count[int]" = field(default_factory=count)

    def answer(self, _: str, path: str, body: bytes) -> tuple[int, bytes]:
        """Answer one call."""
        method = path.rpartition("/")[2].partition("?")[0]
        if self.keeps:
            self.calls.append(Call(time.perf_counter(), method, body))
            self.changed.set()
        if method in {"views.open", "views.push", "views.update"}:
            trigger = _TRIGGER.search(body)
            if trigger:
                self._opened(trigger[1].decode())
            return 200, b'{"ok":true,"view":{"id":"V%d","hash":"1.x","type":"modal"}}' % next(self._ids)
        return 200, packed({"ok": True, **self._rest(method, path.partition("?")[2].encode() or body)})

    def _opened(self, trigger: str) -> None:
        waiting = self.waiting.pop(trigger, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(time.perf_counter())
        else:
            self.opened[trigger] = time.perf_counter()

    async def view_opened(self, trigger: str) -> float:
        """Return when the view of a trigger was opened; waits for it."""
        at = self.opened.pop(trigger, None)
        if at is not None:
            return at
        waiting = self.waiting[trigger] = asyncio.get_running_loop().create_future()
        return await asyncio.wait_for(waiting, 10)

    def _rest(self, method: str, body: bytes) -> dict[str, Any]:
        match method:
            case "auth.test":
                return {"team_id": "T1", "team": "Acme", "user_id": "U0BOT", "bot_id": "B1", "url": "https://acme.x/"}
            case "users.info":
                user = parse_qs(body.decode()).get("user", ["U"])[0]
                return {"user": {"id": user, "team_id": "T1", "is_bot": False, "deleted": False}}
            case "usergroups.list":
                return {"usergroups": [{"id": APPROVERS, "date_delete": 0, "users": [ADA]}]}
            case "chat.postMessage":
                return {"channel": Call(0, "", body).form()["channel"], "ts": f"{next(self._ids)}.000100"}
            case "conversations.open":
                return {"channel": {"id": f"D{next(self._ids)}"}}
            case "chat.getPermalink":
                return {"permalink": "https://acme.slack.com/archives/C/p1"}
            case "conversations.history" | "conversations.replies":
                return {"messages": []}
            case _:
                return {}

    async def sees(self, method: str, having: str, *, since: int = 0, within: float = 20.0) -> Call:
        """Wait until a call of a method was made whose arguments hold a text; looks at the calls from `since` on."""
        looked = since
        async with asyncio.timeout(within):
            while True:
                for call in self.calls[looked:]:
                    looked += 1
                    if call.method == method and having in json.dumps(call.form(), ensure_ascii=False):
                        return call
                self.changed.clear()
                await self.changed.wait()


@dataclass
class Tines:
    """A tenant."""

    stories: int = 0  # of the source team
    teams: int = DESTINATIONS
    calls: list[Call] = field(default_factory=list)
    destinations: dict[int, dict[str, Any]] = field(default_factory=dict)
    shown: dict[int, float] = field(default_factory=dict)  # destination → when its statuses were last told
    posted: asyncio.Event = field(default_factory=asyncio.Event)
    told: set[str] = field(default_factory=set)  # which lists of stories were asked for
    all_told: asyncio.Event = field(default_factory=asyncio.Event)

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        """Answer one call."""
        bare, _, query = path.partition("?")
        call = Call(time.perf_counter(), f"{method} {bare}", body)
        self.calls.append(call)
        match method, bare.removeprefix("/api/v1").rstrip("/").split("/")[1:]:
            case "GET", ["teams"]:
                return self._page(query, "teams", self.teams, lambda number: {"id": number, "name": f"Team {number}"})
            case "GET", ["teams", number]:
                return 200, packed({"id": int(number), "name": f"Team {number}"})
            case "GET", ["stories", *which]:
                return self._stories(query, which)
            case "GET", ["user_credentials" | "global_resources" as name]:
                return self._page(query, name, 0, story)
            case "GET", ["admin", "sync_destinations"]:
                return 200, packed({"sync_destinations": [], "meta": {"next_page_number": None, "pages": 1}})
            case "POST", ["admin", "sync_destinations"]:
                created = self._create(json.loads(body))
                self.posted.set()
                return 201, packed({"sync_destination": created})
            case "GET", ["admin", "sync_destinations", number]:
                kept = self.destinations[int(number)]
                for subscription in kept["subscriptions"]:
                    subscription["status"] = "synced"
                self.shown[int(number)] = time.perf_counter()
                return 200, packed({"sync_destination": kept})
        return 404, b"{}"

    def _stories(self, query: str, which: list[str]) -> tuple[int, bytes]:
        """Answer for the list of stories, for one, or for the export of one."""
        if not which:
            self._note_page(query)
            return self._page(query, "stories", self.stories, story)
        number = int(which[0]) - 100_000
        return 200, packed(exported(number) if which[1:] == ["export"] else story(number))

    def _note_page(self, query: str) -> None:
        if "search=" not in query:
            self.told.add(query)
        if len(self.told) >= -(-self.stories // _PER_PAGE):
            self.all_told.set()

    def _create(self, asked: dict[str, Any]) -> dict[str, Any]:
        number = len(self.destinations) + 1
        self.destinations[number] = {
            "id": number,
            "destination_tenant_url": asked["destination_tenant_url"],
            "destination_team_id": asked["destination_team_id"],
            "origin_team_id": asked["team_id"],
            "subscriptions": [
                {"story": {"id": each, "name": f"Story {each}"}, "status": "requires_sync", "error_message": None}
                for each in asked["story_ids"]
            ],
        }
        return self.destinations[number]

    @staticmethod
    def _page(query: str, name: str, total: int, row: Any) -> tuple[int, bytes]:  # noqa: ANN401 - number → row
        asked = parse_qs(query)
        page, size = int(asked.get("page", ["1"])[0]), int(asked.get("per_page", [str(_PER_PAGE)])[0])
        pages = max(1, -(-total // size))
        rows = [row(number) for number in range((page - 1) * size + 1, min(page * size, total) + 1)]
        return 200, packed(
            {name: rows, "meta": {"next_page_number": page + 1 if page < pages else None, "pages": pages}}
        )


def story(number: int) -> dict[str, Any]:
    """Return a story as the tenant lists it."""
    words = ("Triage", "Enrich", "Isolate", "Notify", "Rotate", "Escalate", "Collect", "Block", "Scan", "Report")
    things = ("phishing mail", "endpoint", "credential", "firewall rule", "incident", "identity", "asset", "indicator")
    name = f"{words[number % 10]} {things[number // 10 % 8]} {words[number // 80 % 10].lower()} {number:x}"
    return {
        "id": 100_000 + number,
        "name": name,
        "team_id": SOURCE_TEAM,
        "tags": ["prod"] if number % 3 else [],
        "edited_at": "2026-05-04T10:20:30.123Z",
        "change_control_enabled": True,
    }


def exported(number: int) -> dict[str, Any]:
    """Return the export of a story: a webhook and what it sends on to."""
    agents = [
        {
            "type": kind,
            "name": name,
            "guid": f"{number:x}-{name}",
            "options": {"url": f"https://api.example/{number}", "method": "post", "payload": {"id": "<<body.id>>"}},
            "position": {"x": 0, "y": 0},
        }
        for kind, name in (("Agents::WebhookAgent", "Receive"), ("Agents::HTTPRequestAgent", "Send"))
    ]
    return {
        "name": story(number)["name"],
        "guid": f"{number:x}",
        "agents": agents,
        "links": [{"source": 0, "receiver": 1}],
        "exported_at": "2026-05-04T10:20:30Z",
    }


@dataclass(frozen=True)
class Outside:
    """Everything the app talks to."""

    slack: Slack
    dev: Tines
    prod: Tines
    slack_url: str
    dev_url: str
    prod_url: str


@asynccontextmanager
async def outside(stories: int = 500) -> AsyncIterator[Outside]:
    """Serve Slack and two tenants."""
    slack, dev, prod = Slack(), Tines(stories=stories), Tines()
    async with answering(slack.answer) as first, answering(dev.answer) as second, answering(prod.answer) as third:
        yield Outside(slack, dev, prod, f"{first}/api/", second, third)
