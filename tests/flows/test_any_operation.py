"""A new operation is one module and one presentation: here it is in a test, and everything else is the product's own."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Final

from pydantic import JsonValue

from bot.operations import all_presentations
from bot.operations import by_name as presentations_by_name
from bot.operations.form_parts import form_modal, read_reason, read_route, where_shown
from bot.playground.launch import APPROVALS, BEN, GENERAL, TOM, Setup
from bot.playground.tines.faults import Fault, Kind
from bot.settings.topology import read_parts
from bot.views import kit
from bot.views.carried import FormMeta
from bot.views.presentation import DestinationAction, FormInput, FormState, Presentation
from bot.views.states import general_words
from bot.views.text import Block
from bot.views.view_values import typed, values_of_view
from handlers.audit import opened as audit_opened
from handlers.audit import select
from handlers.models import Facts, Frozen, Params, Request, State
from handlers.operations import Access, Operation, Preview, Wrong
from handlers.operations.destination import DestinationDetail
from handlers.operations.outcomes import (
    Finished,
    Followed,
    Happening,
    NotThere,
    Progress,
    Recovered,
    Refused,
    Send,
    Sent,
    Started,
    Step,
    Unknown,
)
from handlers.operations.registry import all_operations, by_name
from handlers.operations.schedule import Schedule
from handlers.routes import Route, Topology
from handlers.tines import TinesError, UnknownOutcomeError

from .conftest import OpenHarness
from .harness import SHORT_TIMES, FlowHarness, opened

_BLOCK_ID: Final = "nudge_destination"
_BLOCK_TIMES: Final = "nudge_times"


class NudgeParams(Params):
    """Which destination is nudged, and how urgently."""

    destination_id: int
    urgency: str


class NudgeFacts(Facts):
    """How many stories the destination has."""

    stories: int


class NudgeResult(Frozen):
    """How many stories are synced afterwards."""

    destination_id: int
    synced: int = 0


class Nudge(Operation[NudgeParams, NudgeFacts, Frozen, NudgeResult]):
    """Starts a sync of every story of a destination."""

    name: ClassVar[str] = "nudge"
    on_destination: ClassVar[bool] = True
    params = NudgeParams
    facts = NudgeFacts
    work = Frozen
    result = NudgeResult

    def resource(self, params: NudgeParams, topology: Topology, route: Route) -> str:
        """Return the destination's name."""
        return f"{topology.tenants[route.source].url} destination {params.destination_id}"

    async def check(self, asked: Mapping[str, JsonValue], access: Access) -> NudgeParams | Wrong:
        """Look whether the destination is there."""
        try:
            await access.source.show_destination(int(str(asked["destination"])))
        except TinesError:
            return Wrong(fields={"destination": "There is no such destination."})
        return NudgeParams(destination_id=int(str(asked["destination"])), urgency=str(asked["urgency"]))

    async def look(self, params: NudgeParams, access: Access) -> NudgeFacts:
        """Count the stories."""
        return NudgeFacts(stories=len((await access.source.show_destination(params.destination_id)).story_ids))

    def decide(self, request: Request, approved: NudgeFacts | None, now: NudgeFacts, schedule: Schedule) -> Step:  # noqa: ARG002 - the protocol's
        """Send what was approved."""
        return Send(work=Frozen())

    async def send(self, request: Request, access: Access) -> Sent:
        """Start the sync."""
        destination = self.params_of(request).destination_id
        try:
            await access.source.manual_sync(destination)
        except UnknownOutcomeError as error:
            return Unknown(problem=error.problem())
        except TinesError as error:
            return Refused(problem=error.problem())
        return Started(
            result=NudgeResult(destination_id=destination),
            follow_for=access.schedule.follow_for,
            events=(Happening(kind="nudged", data={"destination_id": destination}),),
        )

    async def recover(self, request: Request, access: Access) -> Recovered:  # noqa: ARG002 - the protocol's
        """Say that nothing tells whether it was applied: it does no harm to send it again."""
        return NotThere()

    async def follow(self, request: Request, access: Access, *, over: bool) -> Followed:
        """Count what is synced."""
        found = await access.source.show_destination(self.params_of(request).destination_id)
        result = NudgeResult(destination_id=found.id, synced=sum(each.synced for each in found.statuses()))
        if over or result.synced == len(found.story_ids):
            return Finished(state=State.SUCCEEDED, result=result)
        return Progress(result=result)


@dataclass(frozen=True, kw_only=True)
class NudgeForm(FormState):
    """The form's two fields."""

    operation: ClassVar[str] = "nudge"
    destination: str = ""
    urgency: str = ""


class NudgePresentation(Presentation):
    """Presents the nudge."""

    name: ClassVar[str] = "nudge"
    label: ClassVar[str] = "nudge"
    action: ClassVar[DestinationAction | None] = DestinationAction("Nudge…")
    command: ClassVar[str | None] = "nudge"
    help: ClassVar[str] = "nudges the sync destination with this ID"

    def empty(self, argument: str = "") -> FormState | None:
        """Return the form for a destination."""
        return NudgeForm(destination=argument) if argument else None

    def on_destination(self, detail: DestinationDetail, option: str = "") -> FormState | None:  # noqa: ARG002 - the protocol's
        """Return the form for the destination that was clicked."""
        return NudgeForm(route=detail.route, destination=str(detail.ref.id))

    def filled(self, request: Request, *, editing: bool) -> FormState:
        """Return the form filled in."""
        assert isinstance(request.params, NudgeParams)
        return NudgeForm(
            route=request.route,
            destination=str(request.params.destination_id),
            urgency=request.params.urgency,
            reason=request.reason,
            request_id=request.id,
            revision=request.revision if editing else None,
        )

    def form(self, state: FormState, errors: Mapping[str, str] | None = None) -> Block:
        """Return the form."""
        assert isinstance(state, NudgeForm)
        fields = [
            kit.field(_BLOCK_ID, "Destination", kit.text_input("value", initial=state.destination)),
            kit.field(_BLOCK_TIMES, "Urgency", kit.text_input("value", initial=state.urgency)),
        ]
        return form_modal(state, fields, errors, title="Nudge")

    def parse(self, view: Mapping[str, object]) -> FormInput:
        """Return what was typed."""
        values, errors = values_of_view(view), dict[str, str]()
        meta = FormMeta.read(view.get("private_metadata")) or FormMeta()
        state = NudgeForm(
            route=read_route(values, meta, errors),
            destination=typed(values, _BLOCK_ID, "value"),
            urgency=typed(values, _BLOCK_TIMES, "value"),
            reason=read_reason(values, errors),
            request_id=meta.request,
            revision=meta.revision,
            draft_id=meta.draft,
        )
        asked: dict[str, JsonValue] = {"destination": state.destination, "urgency": state.urgency}
        return FormInput(state=state, asked=asked, errors=where_shown(values, errors))

    def places(self, state: FormState) -> Mapping[str, str]:  # noqa: ARG002 - the protocol's
        """Return the fields' blocks."""
        return {"destination": _BLOCK_ID}

    def summary(self, request: Request) -> tuple[kit.Part, ...]:
        """Return "a nudge of destination 5"."""
        return (self.line(request),)

    def line(self, request: Request) -> str:
        """Return the same as text."""
        assert isinstance(request.params, NudgeParams)
        return f"an {request.params.urgency} nudge of destination {request.params.destination_id}"

    def call(self, request: Request, preview: Preview | None, route: Route) -> Iterator[Block]:  # noqa: ARG002 - the protocol's
        """Say what is called."""
        yield kit.para("One manual sync is started.")

    def state_words(self, request: Request) -> str:
        """Return the state."""
        return general_words(request.state)

    def headline(self, request: Request) -> str:
        """Return what came of it."""
        synced = request.result.synced if isinstance(request.result, NudgeResult) else 0
        return f"The nudge is {general_words(request.state)}: {synced} synced."


CONFIGURATION: Final = """\
[tenants.dev]
url = "https://dev.example.com"
api_key = "env:KEY"

[tenants.prod]
url = "https://prod.example.com"
api_key = "env:KEY"

[routes.dev-to-prod]
source = "dev"
destination = "prod"
requesters = ["*"]
approvers = ["U0ADA"]
approval_channel = "C0APPROVALS"

[routes.dev-to-prod.operations.nudge]
"""
OVERRIDES: Final = replace(
    SHORT_TIMES,
    operations=by_name(*all_operations().values(), Nudge()),
    presentations=presentations_by_name(*all_presentations().values(), NudgePresentation()),
)


def _with_policy(policy: str) -> dict[str, Any]:
    """Return the fields of a playground on whose route the nudge has this policy, as the configuration file says it."""
    topology, faults = read_parts(CONFIGURATION + policy, {"KEY": "a-real-api-key"}, Path(), OVERRIDES.operations)
    assert not faults
    route = topology.routes["dev-to-prod"]
    return {"overrides": OVERRIDES, "route": {"approvers": route.approvers, "operations": route.operations}}


async def _fills_in(harness: FlowHarness) -> Request:
    await harness.rina.sees_view(lambda view: view.get("submit") is not None)
    await harness.rina.writes("Urgency", "urgent")
    await harness.rina.writes("Reason", "A story failed")
    outcome = await harness.rina.submits()
    assert not outcome.errors
    said = await harness.rina.reads_in_view(r"TS-\w+")
    return await harness.request("TS-" + said.split("TS-")[1][:8])


async def test_an_operation_that_nobody_knew_goes_all_the_way(prepared_database: str) -> None:
    """From the typed word through form, approval, freeze, a lost answer, thread and history to the exported record."""
    async with opened(Setup(database_url=prepared_database, overrides=OVERRIDES)) as harness:
        number = harness.somebody_creates("High-Priority Alerts")
        assert "/tines-sync nudge  nudges the sync destination" in str(await harness.rina.types(GENERAL, "help"))
        await harness.ada.types(GENERAL, "freeze dev-to-prod Change freeze")
        await harness.rina.types(GENERAL, f"nudge {number}")
        request = await _fills_in(harness)
        assert (request.operation, request.state) == ("nudge", State.PENDING)
        await harness.approves(request)
        waiting = await harness.comes_to(request, State.APPROVED)
        await harness.approval_message(waiting, pattern="an urgent nudge of destination")
        path = f"/admin/sync_destinations/{number}/manual_sync"
        harness.playground.dev.faults.add(Fault(Kind.RESET_AFTER, "POST", path, times=1))
        await harness.ada.types(GENERAL, "unfreeze dev-to-prod")
        done = await harness.rests(request, State.SUCCEEDED)
        assert done.attempts == 2
        await harness.in_thread(done, r"The nudge is done: 1 synced\.")
        kinds = await harness.kinds(done)
        assert [
            each for each in kinds if each in {"asked", "approved", "nudge_begun", "unknown_outcome", "nudged"}
        ] == [
            "asked",
            "approved",
            "nudge_begun",
            "unknown_outcome",
            "nudge_begun",
            "nudged",
        ]
        answer = await harness.rina.types(GENERAL, f"history {done.id}")
        assert "requested this: A story failed" in str(answer)
        assert "nudged" in str(answer)
        calls = list(harness.playground.dev.calls.of("POST", path))
        assert len(calls) == 2
        assert any("nudge" in text for text in harness.thread(done))
    async with audit_opened(prepared_database) as reader:
        exported = [event async for event in select(reader, request_id=done.id)]
    asked = next(event for event in exported if event.kind == "asked")
    assert (asked.data["operation"], asked.data["destination_id"], asked.data["urgency"]) == ("nudge", number, "urgent")


async def test_what_it_would_do_has_changed(open_harness: OpenHarness) -> None:
    """Nothing is sent that is not what was approved, also where the operation itself does not ask."""
    harness = await open_harness(**_with_policy("approvals = 1"))
    number = harness.somebody_creates("High-Priority Alerts")
    await harness.ada.types(GENERAL, "freeze dev-to-prod Change freeze")
    await harness.rina.types(GENERAL, f"nudge {number}")
    request = await _fills_in(harness)
    await harness.approves(request)
    await harness.comes_to(request, State.APPROVED)
    destination = harness.playground.dev.destinations[number]
    destination.subscriptions.clear()  # somebody takes its story out
    await harness.ada.types(GENERAL, "unfreeze dev-to-prod")
    pending = await harness.comes_to(request, State.PENDING)
    await harness.in_thread(
        pending, r"Nothing was sent\. This needs approval again:(.|\n)*What would be done in Tines has changed\."
    )
    assert not list(harness.playground.dev.calls.of("POST", f"/admin/sync_destinations/{number}/manual_sync"))


async def test_its_button_and_a_policy_that_needs_no_approval(open_harness: OpenHarness) -> None:
    """The view of a sync destination offers it, lists it by its name, and its own policy runs it at once."""
    harness = await open_harness(**_with_policy("approvals = 0"))
    number = harness.somebody_creates("High-Priority Alerts")
    await harness.rina.types(GENERAL, f"destination {number}")
    await harness.rina.reads_in_view("Nudge…")
    await harness.rina.presses("Nudge…")
    done = await harness.rests(await _fills_in(harness), State.SUCCEEDED)
    assert not done.decisions
    await harness.in_thread(done, r"The nudge is done: 1 synced\.")
    await harness.tom.types(GENERAL, f"destination {number}")
    await harness.tom.reads_in_view("nudge done, requested by")


async def test_a_policy_with_other_approvers(open_harness: OpenHarness) -> None:
    """Only those approve it whom its own policy names, as many as it asks for; whoever approves the rest cannot."""
    harness = await open_harness(**_with_policy('approvals = 2\napprovers = ["U0BEN", "U0TOM"]'))
    number = harness.somebody_creates("High-Priority Alerts")
    await harness.rina.types(GENERAL, f"nudge {number}")
    request = await _fills_in(harness)
    await harness.approves(request, harness.ben)
    await harness.approval_message(request, pattern="1 of 2 approvals")
    await harness.ada.clicks("Review", await harness.approval_message(request), APPROVALS)
    await harness.ada.reads_in_view("You are not an approver")
    assert harness.ada.view().get("submit") is None
    await harness.approves(request, harness.tom)
    done = await harness.rests(request, State.SUCCEEDED)
    assert [each.actor for each in done.decisions] == [BEN, TOM]


async def test_a_policy_that_switches_it_off(open_harness: OpenHarness) -> None:
    """Where its policy says that nobody may ask for it, no button offers it, and its word opens no form."""
    harness = await open_harness(**_with_policy("enabled = false"))
    number = harness.somebody_creates("High-Priority Alerts")
    await harness.rina.types(GENERAL, f"destination {number}")
    assert "Nudge…" not in await harness.rina.reads_in_view("Sync again…")
    await harness.rina.types(GENERAL, f"nudge {number}")
    await harness.rina.reads_in_view("This is switched off on dev-to-prod")
