"""The page's endpoints for what stands beside Slack: the tenants, the switches for faults, and the traffic."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.playground.page.asks import FaultAsk, TenantAsk
from bot.playground.page.slackside import handles
from bot.playground.slack import EVERY_METHOD, Direction, Exchange, FaultKind, Json, LocalSlack
from bot.playground.slack import Fault as SlackFault
from bot.playground.tines import PRESETS, Call, LocalTines, answers, publish_story

_SHOWN: Final = 300  # exchanges of each side when the panel is opened
_FAILURE: Final = "The story could not be published: switched to fail in the playground"


@dataclass(slots=True)
class _SlackSwitch:
    """A switch for something that goes wrong on Slack's side."""

    name: str
    title: str
    fault: SlackFault
    on: bool = False


def _slack_switches() -> list[_SlackSwitch]:
    return [
        _SlackSwitch("rate_limited", "Too many requests (429)", SlackFault(FaultKind.RATE_LIMITED, times=None)),
        _SlackSwitch("server_error", "Internal errors (500)", SlackFault(FaultKind.SERVER_ERROR, times=None)),
        _SlackSwitch("slow", "Every call takes 2 seconds", SlackFault(FaultKind.SLOW, times=None, seconds=2)),
    ]


@dataclass(slots=True)
class TinesPage:
    """Draws the tenants, by their names, and turns their switches."""

    slack: LocalSlack
    tenants: Mapping[str, LocalTines] = field(default_factory=lambda: MappingProxyType({}))
    _switches: list[_SlackSwitch] = field(default_factory=_slack_switches, init=False)

    def routes(self) -> list[Route]:
        """Return the routes below `/api`."""
        return [
            Route("/api/tines", self._tines),
            Route("/api/faults", handles(FaultAsk, self._faults), methods=["POST"]),
            Route("/api/tenants", handles(TenantAsk, self._tenants), methods=["POST"]),
            Route("/api/traffic", self._traffic),
        ]

    async def _tines(self, _request: Request) -> Response:
        return JSONResponse(
            {
                "tenants": [self._tenant(tines) for tines in self.tenants.values()],
                "slack": [{"name": one.name, "title": one.title, "on": one.on} for one in self._switches],
            }
        )

    async def _traffic(self, _request: Request) -> Response:
        rows = [exchange_row(exchange) for exchange in list(self.slack.traffic)[-_SHOWN:]]
        for tines in self.tenants.values():
            rows += [call_row(call) for call in list(tines.calls)[-_SHOWN:]]
        rows.sort(key=lambda row: row["at"])
        return JSONResponse({"exchanges": rows})

    async def _faults(self, ask: FaultAsk) -> Json:
        tines = self.tenants.get(ask.owner)
        if tines is None:
            self._turn_slack(ask)
        elif ask.story is not None:
            if ask.on:
                tines.fail_story(ask.story, _FAILURE)
            else:
                tines.heal_story(ask.story)
        else:
            _turn(tines, ask.name, on=ask.on)
        return {}

    async def _tenants(self, ask: TenantAsk) -> Json:
        """Do what somebody does in a tenant; something that is not there is left alone."""
        tines = self.tenants.get(ask.owner)
        if tines is not None and ask.slug:
            _change_credential(tines, ask)
        elif tines is not None and ask.story in tines.stories:
            _change_story(tines, ask, ask.story)
        return {}

    def _turn_slack(self, ask: FaultAsk) -> None:
        for switch in self._switches:
            if switch.name == ask.name:
                switch.on = ask.on
        self.slack.faults.clear(EVERY_METHOD)
        for switch in self._switches:
            if switch.on:
                self.slack.faults.inject(EVERY_METHOD, replace(switch.fault))

    def _tenant(self, tines: LocalTines) -> Json:
        tines.world.settle()
        teams = {team.id: team.name for team in tines.teams.values()}
        held = {change.story_id for change in tines.change_requests if change.status == "PENDING"}
        active = {fault.label for fault in tines.faults.active().values()}
        return {
            "name": tines.name,
            "url": tines.url,
            "teams": [
                {"name": name, "stories": sum(story.team_id == team_id for story in tines.stories.values())}
                for team_id, name in teams.items()
            ],
            "stories": [
                {
                    "id": story.id,
                    "name": story.name,
                    "team": teams.get(story.team_id, ""),
                    "tags": list(story.tags),
                    "change_control": story.change_control,
                    "failing": story.id in tines.failing,
                    "held": story.id in held,
                }
                for story in sorted(tines.stories.values(), key=lambda story: story.name.casefold())
            ],
            "destinations": [
                {
                    "id": one.id,
                    "team": teams.get(one.team_id, str(one.team_id)),
                    "to": self._far_team(tines, one.url, one.destination_team_id),
                    "manual": one.manual_only,
                    "stories": [
                        {"name": sub.name, "status": sub.status, "error": sub.error_message}
                        for sub in one.subscriptions.values()
                    ],
                }
                for one in tines.destinations.values()
            ],
            "copies": [
                {
                    "id": copy.story_id,
                    "name": tines.stories[copy.story_id].name,
                    "edited": tines.stories[copy.story_id].edited_at > copy.at,
                    "detached": copy.detached,
                    "team": teams.get(copy.team_id, ""),
                    "origin": copy.origin,
                    "version": copy.versions,
                    "at": copy.at.timestamp(),
                }
                for copy in tines.copies
                if copy.story_id in tines.stories
            ],
            "credentials": sorted({row.slug for row in tines.credentials}),
            "faults": [{"name": preset.name, "title": preset.title, "on": preset.name in active} for preset in PRESETS],
        }

    def _far_team(self, tines: LocalTines, url: str, team_id: int) -> str:
        there = tines.world.at(url)
        if there is None:
            return f"{url} team {team_id}"
        team = there.teams.get(team_id)
        return f"{there.name}: {team.name if team else team_id}"


def _change_credential(tines: LocalTines, ask: TenantAsk) -> None:
    if ask.action == "remove_credential":
        tines.remove_credential(ask.slug)
    elif ask.action == "add_credential" and tines.teams:
        tines.remove_credential(ask.slug)
        tines.add_credential(next(iter(tines.teams)), ask.slug, everywhere=True)


def _change_story(tines: LocalTines, ask: TenantAsk, story_id: int) -> None:
    match ask.action:
        case "edit_copy":
            tines.edit_action(story_id, edited_by_hand=f"at {answers.timestamp(tines.world.now())}")
        case "hold_change":
            tines.hold_change(story_id)
        case "push_change":
            tines.edit_action(story_id, published=f"at {answers.timestamp(tines.world.now())}")
            publish_story(tines, story_id)


def _turn(tines: LocalTines, name: str, *, on: bool) -> None:
    """Set one of the tenant's prepared faults, or take it away."""
    for number, fault in tines.faults.active().items():
        if fault.label == name:
            tines.faults.remove(number)
    for preset in PRESETS:
        if on and preset.name == name:
            tines.faults.add(replace(preset.fault, label=name))


def exchange_row(exchange: Exchange) -> Json:
    """Draw one exchange between Slack and the bot."""
    parties = ("Slack", "Bot") if exchange.direction is Direction.TO_APP else ("Bot", "Slack")
    return {
        "id": f"slack-{exchange.seq}",
        "at": exchange.at,
        "from": parties[0],
        "to": parties[1],
        "name": exchange.name,
        "status": exchange.status,
        "done": True,
        "bad": exchange.answer.get("ok") is False,
        "seconds": exchange.seconds,
        "note": exchange.note,
        "request": exchange.request,
        "answer": exchange.answer,
    }


def call_row(call: Call) -> Json:
    """Draw one call to a tenant, answered or still waiting."""
    query = f"?{call.query}" if call.query else ""
    return {
        "id": f"{call.tenant}-{call.number}",
        "at": call.at.timestamp(),
        "from": "Bot",
        "to": f"Tines {call.tenant}",
        "name": f"{call.method} {call.path}{query}",
        "status": call.status or 0,
        "done": call.done,
        "bad": False,
        "seconds": call.seconds,
        "note": call.fault,
        "request": call.asked or "",
        "answer": _readable(call.answered),
    }


def _readable(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return text
