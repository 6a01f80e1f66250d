"""The API's operations, one function each, and the table that says where they live and who may call them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, TypeVar

from bot.playground.tines import answers, syncing
from bot.playground.tines.exports import export
from bot.playground.tines.paging import paged
from bot.playground.tines.records import Destination, Right, Shared, StoryRow
from bot.playground.tines.tenant import LocalTines, readable
from bot.playground.tines.wire import Ask, RefusalError, Reply, reply

_Value = TypeVar("_Value")

_FILTERS: Final[Mapping[str, Callable[[StoryRow], bool]]] = MappingProxyType(
    {
        "CHANGE_CONTROL_ENABLED": lambda story: story.change_control,
        "LOCKED": lambda story: story.locked,
        "DISABLED": lambda story: story.disabled,
        "HIGH_PRIORITY": lambda story: story.priority,
        "API_ENABLED": lambda story: story.api_enabled,
        "SEND_TO_STORY_ENABLED": lambda story: story.send_to_story,
        "FAVORITE": lambda story: story.favorite,
        "PUBLISHED": lambda story: story.published,
    }
)
# Name of an order → what to sort by, and whether downwards.
_ORDERS: Final[Mapping[str, tuple[Callable[[StoryRow], str], bool]]] = MappingProxyType(
    {
        "NAME": (lambda story: story.name.lower(), False),
        "NAME_DESC": (lambda story: story.name.lower(), True),
        "RECENTLY_EDITED": (lambda story: story.edited_at.isoformat(), True),
        "LEAST_RECENTLY_EDITED": (lambda story: story.edited_at.isoformat(), False),
        "ACTION_COUNT_ASC": (lambda story: f"{story.actions:06}", False),
        "ACTION_COUNT_DESC": (lambda story: f"{story.actions:06}", True),
    }
)


@dataclass(frozen=True)
class Operation:
    """One row of the API."""

    method: str
    path: str  # below /api/v1, with Starlette's placeholders
    run: Callable[[LocalTines, Ask], Reply]
    owner_only: bool = False
    refused: tuple[Right, ...] = ()  # who may not call it all the same


def _info(_tines: LocalTines, _ask: Ask) -> Reply:
    stack = {"name": "local", "type": "shared", "region": "eu-west-1", "egress_ips": ["127.0.0.1"]}
    return reply({"stack": stack})


def _teams(tines: LocalTines, ask: Ask) -> Reply:
    return reply(paged("teams", list(tines.teams.values()), ask, tines.switches, answers.team))


def _team(tines: LocalTines, ask: Ask) -> Reply:
    try:
        return reply(answers.team(tines.teams[ask.ids["id"]]))
    except KeyError:
        raise RefusalError(404, "Team not found") from None


def _stories(tines: LocalTines, ask: Ask) -> Reply:
    query = ask.query
    rows = list(tines.stories.values())
    if team := query.get("team_id"):
        rows = [story for story in rows if str(story.team_id) == team]
    if chosen := query.get("filter"):
        rows = list(filter(_choice(_FILTERS, chosen, "filter"), rows))
    if search := query.get("search", "").lower():
        rows = [story for story in rows if search in story.name.lower()]
    # The documentation has tags once as text with commas, once as an array: both work.
    texts = [*query.getlist("tags"), *query.getlist("tags[]")]
    if tags := {tag for text in texts for tag in text.split(",") if tag}:
        rows = [story for story in rows if tags <= set(story.tags)]
    if order := query.get("order"):
        key, downwards = _choice(_ORDERS, order, "order")
        rows.sort(key=key, reverse=downwards)
    return reply(
        paged("stories", rows, ask, tines.switches, lambda row: answers.story(tines.name, row, tines.switches))
    )


def _choice(table: Mapping[str, _Value], name: str, parameter: str) -> _Value:
    try:
        return table[name]
    except KeyError:
        raise RefusalError(422, f"{parameter} must be one of: {', '.join(table)}") from None


def _story(tines: LocalTines, ask: Ask) -> Reply:
    return reply(answers.story(tines.name, _found(tines, ask), tines.switches))


def _export(tines: LocalTines, ask: Ask) -> Reply:
    document = export(
        tines.name,
        _found(tines, ask),
        tines.world.now(),
        randomize_urls=ask.query.get("randomize_urls", "true") != "false",
        clear_recipients=ask.query.get("clear_recipients", "false") == "true",
    )
    return reply(document)


def _found(tines: LocalTines, ask: Ask) -> StoryRow:
    try:
        return tines.stories[ask.ids["id"]]
    except KeyError:
        raise RefusalError(404, "Story not found") from None


def _change_requests(tines: LocalTines, ask: Ask) -> Reply:
    if not tines.switches.change_requests:
        raise RefusalError(404, "Not Found")
    newest = {row.story_id: row for row in tines.change_requests}  # a push is hidden behind a newer draft
    teams, statuses = ask.query.getlist("team_id[]"), ask.query.getlist("status[]")
    rows = [
        row
        for row in newest.values()
        if (row.status in statuses if statuses else row.status != "PUSHED")
        and (not teams or str(tines.stories[row.story_id].team_id) in teams)
    ]
    return reply(paged("change_requests", rows, ask, tines.switches, answers.change_request))


def _change_request(tines: LocalTines, ask: Ask) -> Reply:
    row = next((row for row in tines.change_requests if row.id == ask.ids["id"]), None)
    if row is None or not tines.switches.change_requests:
        raise RefusalError(404, "Change request not found")
    return reply(answers.change_request(row))


def _credentials(tines: LocalTines, ask: Ask) -> Reply:
    rows = _of_team(tines.credentials, ask)
    return reply(paged("user_credentials", rows, ask, tines.switches, answers.credential))


def _resources(tines: LocalTines, ask: Ask) -> Reply:
    rows = _of_team(tines.resources, ask)
    return reply(paged("global_resources", rows, ask, tines.switches, answers.resource))


def _of_team(rows: list[Shared], ask: Ask) -> list[Shared]:
    team = ask.query.get("team_id", "")
    return readable(rows, int(team)) if team.isdecimal() else rows


def _destinations(tines: LocalTines, ask: Ask) -> Reply:
    def shown(row: Destination) -> object:
        return answers.destination(row, tines.switches)

    return reply(paged("sync_destinations", list(tines.destinations.values()), ask, tines.switches, shown))


def _create(tines: LocalTines, ask: Ask) -> Reply:
    row = syncing.create_destination(tines, ask.body)
    return reply({"sync_destination": answers.destination(row, tines.switches)}, 201)


def _show(tines: LocalTines, ask: Ask) -> Reply:
    row = syncing.find_destination(tines, ask.ids["id"])
    return reply({"sync_destination": answers.destination(row, tines.switches)})


def _update(tines: LocalTines, ask: Ask) -> Reply:
    shown = answers.destination(syncing.update_destination(tines, ask.ids["id"], ask.body), tines.switches)
    return reply({"sync_destination": shown} if tines.switches.update_wrapped else shown)


def _delete(tines: LocalTines, ask: Ask) -> Reply:
    syncing.delete_destination(tines, ask.ids["id"], ask.body)
    return Reply(204)


def _sync_all(tines: LocalTines, ask: Ask) -> Reply:
    row = syncing.find_destination(tines, ask.ids["id"])
    syncing.sync(tines, row, list(row.subscriptions))
    return reply({"sync_initiated": True})


def _sync_story(tines: LocalTines, ask: Ask) -> Reply:
    syncing.sync(tines, syncing.find_destination(tines, ask.ids["id"]), [ask.ids["story_id"]])
    return reply({"story_sync_initiated": True})


_DESTINATIONS: Final = "/admin/sync_destinations"
_DESTINATION: Final = f"{_DESTINATIONS}/{{id:int}}"

OPERATIONS: Final = (
    Operation("GET", "/info", _info),
    Operation("GET", "/teams", _teams),
    Operation("GET", "/teams/{id:int}", _team),
    Operation("GET", "/stories", _stories),
    Operation("GET", "/stories/{id:int}", _story),
    Operation("GET", "/stories/{id:int}/export", _export),
    Operation("GET", "/change_requests", _change_requests),
    Operation("GET", "/change_requests/{id:int}", _change_request),
    Operation("GET", "/user_credentials", _credentials, refused=(Right.PUBLISHER,)),
    Operation("GET", "/global_resources", _resources, refused=(Right.PUBLISHER,)),
    Operation("GET", _DESTINATIONS, _destinations, owner_only=True),
    Operation("POST", _DESTINATIONS, _create, owner_only=True),
    Operation("GET", _DESTINATION, _show, owner_only=True),
    Operation("PUT", _DESTINATION, _update, owner_only=True),
    Operation("PATCH", _DESTINATION, _update, owner_only=True),
    Operation("DELETE", _DESTINATION, _delete, owner_only=True),
    Operation("POST", f"{_DESTINATION}/manual_sync", _sync_all, owner_only=True),
    Operation("POST", f"{_DESTINATION}/story/{{story_id:int}}/sync", _sync_story, owner_only=True),
)
