"""What each person may do through each button, form and command that names a request, a sync destination or a route.

One table for all of them: a right that one listener forgot is the one through which a stranger reads. Nobody in it is
told by how a refusal looks whether there is a request: an id that does not exist is answered in the same words. Who
may do one operation only is a stranger to the requests of the others, in whatever they may see besides.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from types import MappingProxyType
from typing import Any, Final

import pytest
import pytest_asyncio

from bot.operations import all_presentations
from bot.playground.launch import ADA, BEN, GENERAL, RINA, TOM, Setup
from bot.playground.slack import Direction, Exchange, Json, Parcel, ParcelKind, User
from bot.views import ids
from bot.views.lists import help_message
from handlers.models import Decision, Request, State, StoryStatus, Team, Verdict, new_request_id
from handlers.operations.following import SyncResult
from handlers.policy import Freeze
from handlers.store import Event
from handlers.watching.known import Health, KnownDestination

from .harness import SHORT_TIMES, STORY, FlowHarness, database, opened, until
from .wrongs import Scene, set_up

COMMAND: Final = "/tines-sync"
ROUTE: Final = "dev-to-prod"
EVE: Final = "U0EVE"  # may do everything, were she not denied
GUS: Final = "U0GUS"  # may do everything, were he not a guest
OTTO: Final = "U0OTTO"  # may delete sync destinations, and nothing else
PEOPLE: Final = {
    "denied": EVE,
    "guest": GUS,
    "stranger": TOM,
    "deleter": OTTO,
    "bystander": BEN,
    "requester": RINA,
    "approver": ADA,
}
READERS: Final = ("bystander", "requester", "approver")  # of the requests
USERS: Final = ("deleter", *READERS)  # of the route, and so of its sync destinations
ERROR: Final = "The team has no such credential"
SECRET: Final = ("Ready for production", STORY, "SecOps", RINA, ERROR)
"""What only readers may see: the reason, the names of stories and teams, who asked, and what went wrong."""

NAMES_NOTHING: Final = {
    *(ids.SHORTCUT_FORM, ids.VIEW_INFO, ids.ACTION_NEW_SYNC),
    # fields of a form; when one changes, the form is drawn from what it carries, and no id in that is looked up
    *(ids.ACTION_ROUTE, ids.ACTION_SOURCE_TEAM, ids.ACTION_STORIES, ids.ACTION_DESTINATION_TEAM, ids.ACTION_MODE),
    *(ids.ACTION_WHICH, ids.ACTION_EVERYWHERE, ids.ACTION_COPIES, ids.ACTION_TEAM_NAME, ids.ACTION_REASON),
    *(ids.ACTION_COMMENT, ids.ACTION_MUTE_FOR, ids.ACTION_SEARCH),
    # lists, each of what the person may see
    *(ids.ACTION_LIST_PREVIOUS, ids.ACTION_LIST_NEXT, ids.ACTION_HOME_PAGE),
    *(ids.VIEW_DESTINATIONS, ids.ACTION_DESTINATIONS, ids.ACTION_DESTINATIONS_PREVIOUS, ids.ACTION_DESTINATIONS_NEXT),
    ids.VIEW_DESTINATION,  # to read; nothing submits it
}

# --- what people send ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Act:
    """Something that one person does with one request, sync destination or route."""

    scene: Scene
    who: str
    target: str  # the id or name that is sent
    view: str  # the id of the view in which it is done, unlike that of any other

    def filled(self, text: str) -> str:
        """Return the text with the id, and the digest that the review showed, in place of their names."""
        reviewed = json.loads(self.scene.press["view"]["private_metadata"])
        return text.replace("ID", self.target).replace("DIGEST", reviewed["digest"])

    async def sends(self, kind: ParcelKind, name: str, payload: Json) -> "Shown":
        """Send what was captured as this person's, with a trigger of their own, and return the answer."""
        slack = self.scene.harness.playground.slack
        for view in slack.views(self.who)[:1]:
            await slack.close(self.who, view["id"], everything=True)
        await slack.command(self.who, GENERAL, COMMAND, "help")  # uses no trigger, so that it is left for this
        fresh = next(each for each in reversed(slack.traffic.calls(COMMAND)) if each.request["user_id"] == self.who)
        trigger = {"trigger_id": fresh.request["trigger_id"]}
        since = len(slack.traffic)
        answer = await slack.deliver(Parcel(kind, name, json.loads(json.dumps(payload)) | trigger))
        return Shown(self, since, trigger["trigger_id"], answer.body)


@dataclass
class Shown:
    """What a person was shown for something that they did."""

    act: Act
    since: int  # exchanges with Slack before it
    trigger: str
    answer: Json
    _views: set[str] = field(default_factory=set)

    def text(self) -> str:
        """Return all of it, with the id's name in place of the id."""
        mine = {self.act.who, self.act.view, self.trigger}
        shown = [_content(self.answer)]
        for each in list(self.act.scene.harness.playground.slack.traffic)[self.since :]:
            if each.direction is Direction.TO_SLACK and mine & _addressed(each):
                mine |= {str((each.answer.get("view") or {}).get("id", self.trigger))}
                shown.append(_content(each.request))
        seen = [each for each in shown if each]
        return json.dumps(seen, ensure_ascii=False, sort_keys=True).replace(self.act.target, "ID")


def _content(sent: Json) -> Json:
    """Return what there is to see of what was sent to Slack."""
    seen: Json = {
        part: sent[part] for part in ("text", "blocks", "response_action", "errors", "options") if part in sent
    }
    if "view" in sent:
        seen["view"] = {part: shown for part, shown in sent["view"].items() if part != "external_id"}
    return seen


def _addressed(exchange: Exchange) -> set[str]:
    return {str(exchange.request.get(part, "")) for part in ("user", "channel", "view_id", "trigger_id")} - {""}


Sends = Callable[[Act], Awaitable[Shown]]


def clicks(action: str, value: str = '{"request":"ID"}') -> Sends:
    """Click a button of a message."""

    async def send(act: Act) -> Shown:
        payload = json.loads(json.dumps(act.scene.click)) | {"user": {"id": act.who}}
        del payload["response_url"]
        payload["actions"][0] |= {"action_id": action, "value": act.filled(value)}
        return await act.sends(ParcelKind.INTERACTIVE, "block_actions", payload)

    return send


def presses(action: str, meta: str, value: str = "", *, form: bool = False) -> Sends:
    """Press a button of a view that carries `meta`: of a review, or of the `form` as it was submitted."""

    async def send(act: Act) -> Shown:
        payload = json.loads(json.dumps(act.scene.press)) | {"user": {"id": act.who}}
        payload["actions"][0] |= {"action_id": action, "value": act.filled(value)}
        if form:
            payload["view"] = json.loads(json.dumps(act.scene.form["view"]))
        payload["view"] |= {"id": act.view, "private_metadata": _meta(act, meta, payload)}
        return await act.sends(ParcelKind.INTERACTIVE, "block_actions", payload)

    return send


def submits(callback: str, meta: str, **values: Any) -> Sends:  # noqa: ANN401 - elements of Slack's state
    """Submit a view, with a comment and what else its fields hold."""

    async def send(act: Act) -> Shown:
        payload = json.loads(json.dumps(act.scene.form)) | {"user": {"id": act.who}}
        payload["view"] |= {
            "id": act.view,
            "previous_view_id": act.view,
            "callback_id": callback,
            "private_metadata": _meta(act, meta, payload),
        }
        comment = {ids.ACTION_COMMENT: {"type": "plain_text_input", "value": "Because"}}
        payload["view"]["state"]["values"] |= {ids.BLOCK_COMMENT: comment, **values}
        return await act.sends(ParcelKind.INTERACTIVE, "view_submission", payload)

    return send


def searches(action: str, meta: str) -> Sends:
    """Type into a search field."""

    async def send(act: Act) -> Shown:
        payload = json.loads(json.dumps(act.scene.search)) | {"user": {"id": act.who}, "action_id": action, "value": ""}
        payload["view"]["private_metadata"] = act.filled(meta)
        return await act.sends(ParcelKind.INTERACTIVE, "block_suggestion", payload)

    return send


def types(text: str) -> Sends:
    """Type after the command."""

    async def send(act: Act) -> Shown:
        sent = act.scene.harness.last_sent(COMMAND) | {"user_id": act.who, "text": act.filled(text)}
        return await act.sends(ParcelKind.COMMAND, COMMAND, sent)

    return send


def _meta(act: Act, meta: str, payload: Json) -> str:
    """Return what a view carries: as it is written, on top of what it carried."""
    carried = json.loads(payload["view"]["private_metadata"]) | {"draft": act.view}
    return json.dumps(carried | json.loads(act.filled(meta)))


# --- the table -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """What is sent, what those read who may, and what those others read who may read at all."""

    sends: Sends
    shows: str
    no: Mapping[str, str] = field(default_factory=dict)
    on: str = "pending"  # which of the requests
    becomes: State | None = None  # the state that it leads to
    tells: bool = False  # whether it tells those who may read them of requests
    readers: tuple[str, ...] = READERS

    @property
    def may(self) -> tuple[str, ...]:
        """Return who may."""
        return tuple(who for who in self.readers if who not in self.no)

    @property
    def may_not(self) -> tuple[str, ...]:
        """Return who may not."""
        return tuple(who for who in PEOPLE if who not in self.may)

    @property
    def outsiders(self) -> tuple[str, ...]:
        """Return who may not even know that there is something."""
        return tuple(who for who in PEOPLE if who not in self.readers)


SHOWN: Final = '{"request":"ID","revision":1,"digest":"DIGEST"}'
EDITED: Final = '{"request":"ID","revision":1,"route":"dev-to-prod"}'
CANCEL: Final = {"bystander": "Only the requester or an approver"}
APPROVE: Final = dict.fromkeys(("bystander", "requester"), "You are not an approver")
EDIT: Final = dict.fromkeys(("bystander", "approver"), "Only the requester can edit")
NOT_GIVEN: Final = dict.fromkeys(("bystander", "requester"), "You have not approved this")
ASK: Final = {"approver": "You cannot request syncs"}
PAGE: Final = '{"request":"ID","page":1}'
STORY_OF: Final = '{"request":"ID","story":7}'

ON_REQUESTS: Final[Mapping[str, Row]] = {
    ids.ACTION_REVIEW: Row(clicks(ids.ACTION_REVIEW), "Review ID"),
    ids.ACTION_REVIEW_REFRESH: Row(presses(ids.ACTION_REVIEW_REFRESH, SHOWN), "Review ID"),
    ids.ACTION_SHOW_CHANGES: Row(clicks(f"{ids.ACTION_SHOW_CHANGES}:7", STORY_OF), "Changes"),
    ids.ACTION_PICK_CHANGES: Row(clicks(ids.ACTION_PICK_CHANGES, STORY_OF), "Changes"),
    ids.ACTION_POST_DIFF: Row(clicks(ids.ACTION_POST_DIFF), "Whole diff"),
    ids.ACTION_REJECT: Row(clicks(ids.ACTION_REJECT, SHOWN), "Reject ID", APPROVE),
    ids.ACTION_WITHDRAW: Row(clicks(ids.ACTION_WITHDRAW), "You withdrew", NOT_GIVEN, on="approved once"),
    ids.ACTION_CANCEL: Row(clicks(ids.ACTION_CANCEL), "Cancel ID", CANCEL),
    ids.ACTION_EDIT: Row(clicks(ids.ACTION_EDIT), "Edit ID", EDIT),
    ids.ACTION_ASK_AGAIN: Row(clicks(ids.ACTION_ASK_AGAIN), "Ready for production", ASK),
    ids.ACTION_SHOW_ERROR: Row(clicks(ids.ACTION_SHOW_ERROR, STORY_OF), ERROR, on="partial"),
    ids.ACTION_PICK_ERROR: Row(clicks(ids.ACTION_PICK_ERROR, STORY_OF), ERROR, on="partial"),
    ids.ACTION_CHECK_AGAIN: Row(clicks(ids.ACTION_CHECK_AGAIN), "Checking ID again", CANCEL, on="uncertain"),
    ids.ACTION_CLOSE_UNCERTAIN: Row(
        clicks(ids.ACTION_CLOSE_UNCERTAIN), "ID is closed", CANCEL, on="uncertain", becomes=State.FAILED
    ),
    ids.ACTION_STATUS: Row(clicks(ids.ACTION_STATUS), STORY),
    ids.ACTION_HISTORY_PREVIOUS: Row(clicks(ids.ACTION_HISTORY_PREVIOUS, PAGE), "What happened to ID"),
    ids.ACTION_HISTORY_NEXT: Row(clicks(ids.ACTION_HISTORY_NEXT, PAGE), "What happened to ID"),
    ids.ACTION_HISTORY_STEPS: Row(clicks(ids.ACTION_HISTORY_STEPS, PAGE), "What happened to ID"),
    ids.VIEW_REVIEW: Row(submits(ids.VIEW_REVIEW, SHOWN), '"clear"', APPROVE),
    ids.VIEW_REJECT: Row(submits(ids.VIEW_REJECT, SHOWN), '"clear"', APPROVE, becomes=State.REJECTED),
    ids.VIEW_CANCEL: Row(submits(ids.VIEW_CANCEL, SHOWN), '"clear"', CANCEL, becomes=State.CANCELLED),
    ids.VIEW_FORM: Row(submits(ids.VIEW_FORM, EDITED), "ID is changed", EDIT),
    ids.ACTION_RUN_NOW: Row(presses(ids.ACTION_RUN_NOW, EDITED, form=True), "ID is changed", EDIT),
    f"{COMMAND} status": Row(types("status ID"), STORY),
    f"{COMMAND} history": Row(types("history ID"), "What happened to ID"),
    f"{COMMAND} cancel": Row(types("cancel ID"), "Cancel ID", CANCEL),
}

BUTTON: Final = '{"destination":ID,"route":"dev-to-prod"}'
SYNC: Final = BUTTON.replace("}", ',"operation":"sync"}')
CHOSEN: Final = {"type": "static_select", "selected_option": {"value": ids.VALUE_ALL}}
FOR_A_DAY: Final = {"type": "static_select", "selected_option": {"value": "1d"}}

ASK_FOR: Final = {**ASK, "deleter": "You cannot request syncs"}


def of_users(sends: Sends, shows: str, no: Mapping[str, str] = MappingProxyType({}), *, tells: bool = False) -> Row:
    """Return a row of what everybody may see who has to do with the route, if only for one operation."""
    return Row(sends, shows, no, tells=tells, readers=USERS)


ON_DESTINATIONS: Final[Mapping[str, Row]] = {
    ids.ACTION_DESTINATION: of_users(clicks(ids.ACTION_DESTINATION, BUTTON), STORY, tells=True),
    ids.ACTION_DESTINATION_REFRESH: of_users(
        presses(ids.ACTION_DESTINATION_REFRESH, BUTTON, BUTTON), STORY, tells=True
    ),
    ids.ACTION_MUTE: of_users(clicks(ids.ACTION_MUTE, BUTTON), "Nothing new is posted"),
    ids.VIEW_MUTE: of_users(
        submits(ids.VIEW_MUTE, BUTTON, **{ids.BLOCK_MUTE_FOR: {ids.ACTION_MUTE_FOR: FOR_A_DAY}}), STORY, tells=True
    ),
    ids.ACTION_UNMUTE: of_users(presses(ids.ACTION_UNMUTE, BUTTON, BUTTON), STORY, tells=True),
    ids.ACTION_OPERATE: of_users(clicks(f"{ids.ACTION_OPERATE}sync", SYNC), "Which stories", ASK_FOR),
    ids.ACTION_DESTINATION_STORIES: of_users(searches(ids.ACTION_DESTINATION_STORIES, SYNC), STORY, ASK_FOR),
    ids.VIEW_FORM: of_users(
        submits(ids.VIEW_FORM, SYNC, **{ids.BLOCK_WHICH: {ids.ACTION_WHICH: CHOSEN}}),
        "is waiting for approval",
        ASK_FOR,
    ),
    f"{COMMAND} destination": of_users(types("destination ID"), STORY, tells=True),
    f"{COMMAND} sync": of_users(types("sync ID"), "Which stories", ASK_FOR),
    f"{COMMAND} mute": of_users(types("mute ID 1d the vendor is told"), "Muted"),
    f"{COMMAND} unmute": of_users(types("unmute ID"), "Unmuted"),
}


@dataclass(frozen=True)
class RouteRow:
    """What is done with a route, and what that leaves."""

    row: Row
    frozen: bool = False  # whether the route is frozen before
    freezes: bool = False  # and after somebody did it who may
    makes: int = 0  # requests, by each who may
    form: bool = False  # whether a form is sent, which repeats what it holds


FROZEN_AT: Final = datetime(2026, 1, 1, tzinfo=UTC)
FREEZE: Final = dict.fromkeys(("deleter", "bystander", "requester"), "Only approvers of ID")
RUN: Final = {**ASK_FOR, "bystander": "You cannot run requests on ID without approval"}

ON_ROUTES: Final[Mapping[str, RouteRow]] = {
    ids.ACTION_HOME_UNFREEZE: RouteRow(
        of_users(clicks(ids.ACTION_HOME_UNFREEZE, f'{{"route":"ID","at":"{FROZEN_AT.isoformat()}"}}'), "", FREEZE),
        frozen=True,
    ),
    f"{COMMAND} freeze": RouteRow(of_users(types("freeze ID audit week"), "ID is frozen", FREEZE), freezes=True),
    f"{COMMAND} unfreeze": RouteRow(of_users(types("unfreeze ID"), "ID is unfrozen", FREEZE), frozen=True),
    f"{COMMAND} destinations": RouteRow(of_users(types("destinations ID"), "SecOps Production", tells=True)),
    ids.VIEW_FORM: RouteRow(
        of_users(submits(ids.VIEW_FORM, "{}"), "is waiting for approval", ASK_FOR), makes=1, form=True
    ),
    ids.ACTION_RUN_NOW: RouteRow(
        of_users(presses(ids.ACTION_RUN_NOW, "{}", form=True), "is running now, without approval", RUN),
        makes=1,
        form=True,
    ),
}


def test_every_id_and_command_is_in_the_table() -> None:
    """Whatever an id or a command that is added names, somebody has said who may use it."""
    known = {value for name, value in vars(ids).items() if re.match("ACTION_|VIEW_|SHORTCUT_", name)}
    typed = json.dumps(help_message(COMMAND, all_presentations().values()).blocks)
    commands = {*re.findall(rf"{COMMAND} (\w+) (?:ID|ROUTE)", typed), *re.findall(r"; (\w+) (?:ID|ROUTE)", typed)}
    assert {"status", "unmute", "freeze", "unfreeze"} < commands
    rows = {*ON_REQUESTS, *ON_DESTINATIONS, *ON_ROUTES}
    assert rows | NAMES_NOTHING == known | {f"{COMMAND} {word}" for word in commands}
    assert not NAMES_NOTHING & rows


# --- the tests -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stage:
    """The scene, its requests by what they are, and a sync destination that is watched."""

    scene: Scene
    requests: Mapping[str, Request]
    destination: int
    _views: "count[int]" = field(default_factory=lambda: count(1))

    async def stored(self, like: Request) -> Request:
        """Store a request like another one, decisions included, and return it."""
        new = like.model_copy(update={"id": new_request_id(), "draft_id": new_request_id()})
        decisions = tuple(each.model_copy(update={"request_id": new.id}) for each in like.decisions)
        async with self.scene.harness.playground.bot.store.transaction() as transaction:
            await transaction.requests.add(new)
            for decision in decisions:
                await transaction.requests.add_decision(decision)
        return await self.scene.harness.request(new.id)

    async def do(self, row: Row, targets: Mapping[str, str], hidden: str) -> Mapping[str, str]:
        """Let people do it at once, each to one id, wait until they read what they should, and return all they see.

        Whoever is no reader should read what is `hidden`.
        """
        reads = {**dict.fromkeys(row.outsiders, hidden), **dict.fromkeys(row.may, row.shows), **row.no}

        async def one(who: str, target: str) -> str:
            act = Act(self.scene, PEOPLE[who], target, f"V0ROW{next(self._views)}")
            shown = await row.sends(act)

            async def there() -> str | None:
                text = shown.text()
                return text if re.search(reads[who], text) else None

            return await until(there, f"{who} did not read {reads[who]!r}, but {shown.text()}")

        found = await asyncio.gather(*(one(who, target) for who, target in targets.items()))
        return dict(zip(targets, found, strict=True))

    async def made(self, who: str) -> int:
        """Return how many requests a person made."""
        async with self.scene.harness.playground.bot.store.reading() as reader:
            return (await reader.requests.requested_by(PEOPLE[who], but_on=(), limit=0))[1]

    async def freeze(self, *, frozen: bool) -> None:
        """Let the route be frozen by somebody, or not."""
        async with self.scene.harness.playground.bot.store.transaction() as transaction:
            if frozen:
                await transaction.freezes.put(Freeze(route=ROUTE, by=EVE, reason="audit", at=FROZEN_AT))
            else:
                await transaction.freezes.drop(ROUTE)

    async def refusals(self, request: Request) -> list[Event]:
        """Return what was refused to whom about a request."""
        return [event for event in await self.scene.harness.events(request) if event.kind == "refused"]


NO_REQUEST: Final = re.escape("There is no request ID that you can see. /tines-sync list shows yours.")
OF_A_REQUEST: Final = re.compile(rf"TS-\w{{8}}|{RINA}|{BEN}|waiting for approval")
NO_ROUTE: Final = "There is no route dev-to-prod that you can use|excludes you by name|Guests and people from other workspaces|You cannot (use|request)"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """Return the stage: what the tests do with its requests is refused, and what is allowed they do with copies."""
    everything = (EVE, GUS)
    route = {
        "requesters": (RINA, BEN, *everything),
        "approvers": (ADA, *everything),
        "denied": (EVE,),
        "approvals": 2,
        "break_glass": (RINA, *everything),
        "operations": {"delete": {"requesters": (OTTO,)}},
    }
    setup = Setup(database_url=database(tmp_path_factory.mktemp("rights")), overrides=SHORT_TIMES, route=route)
    async with opened(setup) as harness:
        workspace = harness.playground.slack.workspace
        workspace.users += [User(EVE, "eve", "Eve Moneypenny"), User(GUS, "gus", "Gus Gorman", is_restricted=True)]
        workspace.users += [User(OTTO, "otto", "Otto Octavius")]
        next(each for each in workspace.channels if each.id == GENERAL).members += (*everything, OTTO)
        destination = await _watched(harness)
        scene = await set_up(harness)
        requests: dict[str, Request] = {}
        stage = Stage(scene, requests, destination)
        async with harness.playground.bot.store.reading() as reader:
            now = reader.now
        # as though somebody had ended it: a refusal names whoever was first, but not to those who may not read
        pending = scene.pending.model_copy(update={"next_run_at": None, "closed_by": RINA})
        failed = StoryStatus(story_id=7, name=STORY, status="failed", error=ERROR)
        given = {"actor": ADA, "verdict": Verdict.APPROVE, "groups": (ADA,), "at": now}
        approval = Decision(request_id=pending.id, revision=1, digest=pending.digest, **given)
        result = SyncResult(destination_id=destination, statuses=(failed,))
        like: dict[str, dict[str, Any]] = {
            "pending": {},
            "approved once": {"decisions": (approval,)},
            "partial": {"state": State.PARTIAL, "result": result, "finished_at": now},
            "uncertain": {"state": State.UNCERTAIN},
        }
        for name, differs in like.items():
            requests[name] = await stage.stored(pending.model_copy(update=differs))
        yield stage


async def _watched(harness: FlowHarness) -> int:
    """Let somebody create a sync destination that is watched from then on, and return its number."""
    number = harness.somebody_creates(STORY)
    made = harness.playground.dev.destinations[number]
    async with harness.playground.bot.store.transaction() as transaction:
        now = transaction.now
        await transaction.destinations.watch({"dev": harness.playground.dev.url})
        known = KnownDestination(
            source="dev",
            id=number,
            destination="prod",
            source_team=Team(id=made.team_id, name="SecOps"),
            destination_team=Team(id=made.destination_team_id, name="SecOps Production"),
            health=Health.SYNCED,
            since=now,
            first_seen=now,
            last_seen=now,
        )
        await transaction.destinations.put([known])
    return number


@pytest.mark.parametrize("row", [pytest.param(row, id=name) for name, row in ON_REQUESTS.items()])
@pytest.mark.asyncio(loop_scope="module")
async def test_who_may_do_what_with_a_request(stage: Stage, row: Row) -> None:
    """Who may, does it; others change nothing and are recorded; who may not read learns not even that it exists."""
    harness, request = stage.scene.harness, stage.requests[row.on]
    copies = {who: await stage.stored(request) for who in row.may}
    before = len(await stage.refusals(request))
    targets = {who: copies.get(who, request).id for who in PEOPLE}
    said = await stage.do(row, targets, NO_REQUEST)
    assert await harness.request(request.id) == request
    refused = (await stage.refusals(request))[before:]
    assert sorted(event.actor for event in refused) == sorted(PEOPLE[who] for who in row.may_not)
    for copy in copies.values():
        assert await stage.refusals(copy) == []
        assert row.becomes in {None, (await harness.request(copy.id)).state}

    missing = await stage.do(row, dict.fromkeys(row.outsiders, "TS-ZZZZZZZZ"), NO_REQUEST)
    assert {who: said[who] for who in row.outsiders} == missing
    assert not [word for word in SECRET for who in row.outsiders if word in said[who]]


@pytest.mark.parametrize("row", [pytest.param(row, id=name) for name, row in ON_DESTINATIONS.items()])
@pytest.mark.asyncio(loop_scope="module")
async def test_who_may_do_what_with_a_sync_destination(stage: Stage, row: Row) -> None:
    """Who may, does it; others change nothing; who does not use its route learns not even that it exists.

    Whoever uses it for another operation reads nothing of the requests that `status` hides from them.
    """
    store = stage.scene.harness.playground.bot.store
    async with store.reading() as reader:
        before = await reader.destinations.get("dev", stage.destination)
    said = await stage.do(row, dict.fromkeys(PEOPLE, str(stage.destination)), NO_ROUTE)
    missing = await stage.do(row, dict.fromkeys(row.outsiders, "999999"), NO_ROUTE)
    assert {who: said[who] for who in row.outsiders} == missing
    assert not [word for word in SECRET for who in row.outsiders if word in said[who]]
    assert not OF_A_REQUEST.search(said["deleter"])
    assert not row.tells or all(OF_A_REQUEST.search(said[who]) for who in READERS)
    refused = [PEOPLE[who] for who in row.may_not]
    async with store.reading() as reader:
        _, made = await reader.requests.requested_by(*refused, but_on=(), limit=1)
        known = await reader.destinations.get("dev", stage.destination)
    assert made == 0
    assert before is not None
    assert known is not None
    assert known.muted_by == before.muted_by or known.muted_by not in refused


@pytest.mark.parametrize("does", [pytest.param(does, id=name) for name, does in ON_ROUTES.items()])
@pytest.mark.asyncio(loop_scope="module")
async def test_who_may_do_what_with_a_route(stage: Stage, does: RouteRow) -> None:
    """Who may, does it; others change nothing and are recorded; who does not use the route learns not that it exists.

    A form says nothing that was not in it, and so whether the route that it names can be chosen.
    """
    row, harness = does.row, stage.scene.harness
    store = harness.playground.bot.store
    before = {who: await stage.made(who) for who in PEOPLE}
    since = len(await harness.events())
    await stage.freeze(frozen=does.frozen)
    said = await stage.do(row, dict.fromkeys(PEOPLE, ROUTE), NO_ROUTE.replace(ROUTE, "ID"))
    async with store.reading() as reader:
        freezes = await reader.freezes.all()
    assert set(freezes) == ({ROUTE} if does.freezes else set())
    assert [each.by for each in freezes.values()] == [ADA] * does.freezes
    await stage.freeze(frozen=False)
    made = {who: await stage.made(who) - before[who] for who in PEOPLE}
    assert made == {who: does.makes if who in row.may else 0 for who in PEOPLE}
    refused = {event.actor for event in list(await harness.events())[since:] if event.kind == "refused"}
    assert refused == {PEOPLE[who] for who in row.may_not}
    if not does.form:
        assert row.tells == bool(OF_A_REQUEST.search(said["bystander"]))
        assert not OF_A_REQUEST.search(said["deleter"])
        missing = await stage.do(row, dict.fromkeys(row.outsiders, "prod-to-dev"), NO_ROUTE.replace(ROUTE, "ID"))
        assert {who: said[who] for who in row.outsiders} == missing
        assert not [word for word in SECRET for who in row.outsiders if word in said[who]]
