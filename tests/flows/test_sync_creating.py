from dataclasses import replace
from datetime import timedelta

import pytest

from bot.playground.launch import APPROVALS, SECOPS
from bot.playground.slack import Fault as SlackFault
from bot.playground.slack import FaultKind, Json, MessageRef
from bot.playground.tines import ErrorShape, Fault, Kind, ManualSync
from bot.playground.tines.seed import many_stories
from handlers.models import State

from .conftest import OpenHarness
from .harness import FAILING, OTHER_STORY, QUICK, SHORT_TIMES, STORY, FlowHarness, create_of

CREATE = "/admin/sync_destinations"


def tables(messages: list[Json]) -> list[list[list[str]]]:
    """Return the rows of all tables in messages, their heads left out."""
    return [
        [[words(cell) for cell in (row if len(row) == 4 else (*row[:2], *row[3:]))] for row in block["rows"][1:]]
        for message in messages
        for block in message.get("blocks", ())
        if block["type"] == "data_table"
    ]


def words(cell: Json) -> str:
    """Return what stands in a cell: its text, or that of the link which it is."""
    return str(cell["text"] if "text" in cell else cell["elements"][0]["elements"][0]["text"])


def thread_of(harness: FlowHarness) -> list[Json]:
    """Return the messages below the only message of the approval channel."""
    head = harness.playground.slack.messages(APPROVALS)[0]
    return harness.playground.slack.messages(APPROVALS, thread_ts=head["ts"])[1:]


def edits(harness: FlowHarness, ts: str) -> int:
    """Return how often a message was edited."""
    return sum(call.request.get("ts") == ts for call in harness.playground.slack.traffic.calls("chat.update"))


async def test_the_create_says_exactly_what_was_approved(harness: FlowHarness) -> None:
    """The body has the documented fields and no others; the key travels, and is masked in every record."""
    request = await harness.asked_and_approved(STORY, OTHER_STORY)
    await harness.rests(request, State.SUCCEEDED)
    content = create_of(request)
    assert harness.creates() == [
        {
            "destination_tenant_url": harness.playground.prod.url,
            "destination_tenant_api_key": "•••",
            "destination_team_id": content.destination_team.id,
            "team_id": content.source_team.id,
            "story_ids": [story.id for story in content.stories],
        }
    ]


async def test_within_one_tenant_no_key_travels(open_harness: OpenHarness) -> None:
    """A route whose source is its destination needs no key in the create."""
    harness = await open_harness(route={"destination": "dev"})
    request = await harness.asked_and_approved(STORY, destination="Identity")
    await harness.rests(request, State.SUCCEEDED)
    body = harness.creates()[0]
    assert isinstance(body, dict)
    assert "destination_tenant_api_key" not in body


async def test_manual_mode_is_asked_for_and_is_no_failure(harness: FlowHarness) -> None:
    """“Manual” is sent as such; stories that rest until then are as they should be."""
    who = await harness.fills_in(STORY)
    await who.picks("When should Tines sync again?", "Manual")
    await who.submits()
    said = await who.reads_in_view(r"TS-\w{8} is waiting")
    request = await harness.request(said[said.index("TS-") :][:11])
    await harness.approves(request)
    await harness.rests(request, State.SUCCEEDED)
    body = harness.creates()[0]
    assert isinstance(body, dict)
    assert body["manual_sync_only"] is True
    assert tables(thread_of(harness))[0][0][:2] == [STORY, "⏳ Needs sync"]


async def test_the_thread_lists_every_story_with_its_error(harness: FlowHarness) -> None:
    """One row a story, failed ones first, with Tines's message; totals above; the request is done in part."""
    request = await harness.asked_and_approved(STORY, FAILING, OTHER_STORY)
    await harness.rests(request, State.PARTIAL)
    rows = tables(thread_of(harness))[0]
    assert [row[1] for row in rows] == ["❌ Failed", "✅ Synced", "✅ Synced"]
    assert rows[0][0] == FAILING
    assert "virustotal" in rows[0][2].casefold()
    said = harness.thread(request)[1]
    assert "3 stories: 2 synced, 1 failed" in said


async def test_statuses_are_edited_in_place(open_harness: OpenHarness) -> None:
    """While statuses change the list is edited, not repeated: the thread has one message of it from first to last."""
    harness = await open_harness()
    harness.playground.dev.switches = replace(harness.playground.dev.switches, sync_seconds=0.3, sync_spread=0.3)
    request = await harness.asked_and_approved(STORY, OTHER_STORY)
    first = await harness.in_thread(request, "needs? a sync")
    await harness.rests(request, State.SUCCEEDED)
    found = thread_of(harness)
    assert [message["ts"] for message in found] == [first["ts"]]
    assert edits(harness, first["ts"]) >= 1
    assert "2 synced" in harness.thread(request)[1]


async def test_more_than_a_hundred_stories_take_several_messages(harness: FlowHarness) -> None:
    """250 stories fill several tables of at most 100 rows, each story in exactly one of them."""
    team = harness.playground.dev.add_team("Archive")
    many_stories(harness.playground.dev, team.id, 250)
    request = await harness.asked_and_approved("All 250 stories", source="Archive")
    await harness.rests(request, State.SUCCEEDED)
    found = tables(thread_of(harness))
    assert len(found) >= 3
    assert all(len(rows) <= 100 for rows in found)
    ids = [int(row[3]) for rows in found for row in rows]
    assert sorted(ids) == sorted(story.id for story in create_of(request).stories)


async def test_a_very_long_error_is_cut_and_can_be_read_whole(harness: FlowHarness) -> None:
    """The table shows the beginning of a long error, and a button all of it."""
    request = await harness.asks(STORY)
    error = "Credential <@U0ADA> missing: " + "details & more " * 200
    harness.playground.dev.fail_story(create_of(request).stories[0].id, error)
    await harness.approves(request)
    await harness.rests(request, State.FAILED)
    message = thread_of(harness)[0]
    await harness.ada.clicks("Whole error", message, APPROVALS)
    said = await harness.ada.reads_in_view("What Tines said")
    assert error[-60:].strip() in said.replace("\n", "")


async def test_many_long_errors_are_picked_from_a_list(harness: FlowHarness) -> None:
    """Where there would be too many buttons, the errors to read whole are a menu."""
    request = await harness.asks("All 17 stories")
    for story in create_of(request).stories:
        harness.playground.dev.fail_story(story.id, f"Error of {story.id} " * 40)
    await harness.approves(request)
    await harness.rests(request, State.FAILED)
    message = thread_of(harness)[0]
    block = next(block for block in message["blocks"] if block["type"] == "actions")
    option = block["elements"][0]["options"][3]
    where = MessageRef(APPROVALS, message["ts"])
    await harness.playground.slack.click(
        harness.ada.user, where, block["block_id"], block["elements"][0]["action_id"], option
    )
    assert "Error of" in await harness.ada.reads_in_view("What Tines said")


async def test_blocks_that_slack_refuses_go_out_as_text(harness: FlowHarness) -> None:
    """When Slack does not take the table, the same rows are posted as text."""
    harness.playground.slack.faults.inject(
        "chat.postMessage",
        SlackFault(FaultKind.ERROR, code="invalid_blocks", times=None, only=lambda args: "data_table" in str(args)),
    )
    harness.playground.slack.faults.inject(
        "chat.update",
        SlackFault(FaultKind.ERROR, code="invalid_blocks", times=None, only=lambda args: "data_table" in str(args)),
    )
    request = await harness.asked_and_approved(STORY, FAILING)
    await harness.rests(request, State.PARTIAL)
    said = "\n".join(harness.thread(request)[1:])
    assert STORY in said
    assert "virustotal" in said.casefold()
    assert tables(thread_of(harness)) == []


async def test_channels_and_the_requester_are_told_with_a_link(harness: FlowHarness) -> None:
    """Each channel of `notify` gets one short message, the requester a direct message, both with a link to the thread."""
    request = await harness.asked_and_approved(STORY, FAILING)
    await harness.rests(request, State.PARTIAL)
    told = harness.playground.slack.messages(SECOPS)
    assert len(told) == 1
    head = harness.playground.slack.messages(APPROVALS)[0]["ts"].replace(".", "")
    assert head in str(told[0]["blocks"])
    message = await harness.told(harness.rina, "1 failed")
    assert head in str(message["blocks"])
    assert "2 stories: 1 synced, 1 failed" in harness.playground.slack.render(told[0])


async def test_watching_ends_after_a_while_and_says_so(open_harness: OpenHarness) -> None:
    """Stories that never settle do not keep a request for ever: it ends in part and says that they may still follow."""
    harness = await open_harness(
        overrides=replace(SHORT_TIMES, schedule=replace(QUICK, follow_for=timedelta(milliseconds=300)))
    )
    harness.playground.dev.switches = replace(harness.playground.dev.switches, sync_seconds=3600)
    request = await harness.asked_and_approved(STORY)
    await harness.rests(request, State.PARTIAL)
    assert "Some stories still needed a sync" in harness.thread(request)[1]
    assert tables(thread_of(harness))[0][0][1] == "⏳ Needs sync"


async def test_a_status_that_is_not_known_is_shown_as_it_is(open_harness: OpenHarness) -> None:
    """A word that a newer Tines uses is shown, and does not count as synced."""
    harness = await open_harness(
        overrides=replace(SHORT_TIMES, schedule=replace(QUICK, follow_for=timedelta(milliseconds=300)))
    )
    harness.playground.dev.switches = replace(
        harness.playground.dev.switches, sync_seconds=3600, progress_status="hibernating"
    )
    request = await harness.asked_and_approved(STORY)
    await harness.rests(request, State.PARTIAL)
    assert "hibernating" in tables(thread_of(harness))[0][0][1]


@pytest.mark.parametrize("shape", list(ErrorShape))
@pytest.mark.parametrize("status", [404])
async def test_a_refused_create_is_told_in_every_shape_of_error(
    harness: FlowHarness, status: int, shape: ErrorShape
) -> None:
    """However Tines writes a refusal, the thread says what it means; its words are there where there are any."""
    harness.playground.dev.faults.add(
        Fault(Kind.ANSWER, "POST", CREATE, status=status, message="Team is gone", shape=shape)
    )
    request = await harness.asked_and_approved(STORY)
    await harness.rests(request, State.FAILED)
    said = "\n".join(harness.thread(request))
    assert "404: not found, or the key of dev may not see it" in said
    if shape is not ErrorShape.EMPTY:
        assert "Team is gone" in said
    assert harness.playground.dev.destinations == {}  # it was tried until the refusal had stayed, and changed nothing


@pytest.mark.parametrize(
    ("status", "ours"),
    [
        (401, "401: dev does not accept the bot's key"),
        (403, "403: the key of dev may not do this"),
        (422, "422: dev did not accept the request"),
    ],
)
async def test_a_refused_create_says_what_to_do(harness: FlowHarness, status: int, ours: str) -> None:
    """A refusal fails the request with Tines's words, ours and advice, in the thread and to the requester."""
    harness.playground.dev.faults.add(Fault(Kind.ANSWER, "POST", CREATE, status=status, message="<!here> said Tines"))
    request = await harness.asked_and_approved(STORY)
    await harness.rests(request, State.FAILED)
    said = "\n".join(harness.thread(request))
    assert ours in said
    assert "<!here> said Tines" in said
    direct = harness.playground.slack.render(await harness.told(harness.rina, "(?i)failed"))
    assert ours in direct
    assert harness.playground.dev.destinations == {}


async def test_a_key_revoked_between_approval_and_create_is_told(open_harness: OpenHarness) -> None:
    """A key that stops working after the approval fails the request in words; nothing is created."""
    harness = await open_harness()
    await harness.ada.types("C0GENERAL", "freeze dev-to-prod wait")
    request = await harness.asked_and_approved(STORY)
    await harness.approval_message(request, pattern="when the route is unfrozen")
    for secret in list(harness.playground.dev.keys):
        harness.playground.dev.revoke(secret)
    await harness.ada.types("C0GENERAL", "unfreeze dev-to-prod")
    await harness.rests(request, State.FAILED)
    assert "401: dev does not accept the bot's key" in "\n".join(harness.thread(request))


async def test_change_control_switched_off_after_the_approval_is_told(open_harness: OpenHarness) -> None:
    """What was approved cannot be done any more: the approvers are asked again, and nothing is created."""
    harness = await open_harness()
    await harness.ada.types("C0GENERAL", "freeze dev-to-prod wait")
    request = await harness.asked_and_approved(STORY)
    await harness.approval_message(request, pattern="when the route is unfrozen")
    harness.playground.dev.set_change_control(create_of(request).stories[0].id, enabled=False)
    await harness.ada.types("C0GENERAL", "unfreeze dev-to-prod")
    await harness.comes_to(request, State.PENDING)
    await harness.all_said()
    assert "no longer has change control" in "\n".join(harness.thread(request))
    assert harness.playground.dev.destinations == {}


async def test_an_older_tenant_that_refuses_manual_mode_says_so(harness: FlowHarness) -> None:
    """A tenant that does not know the manual mode refuses it, and its words reach the thread."""
    harness.playground.dev.switches = replace(harness.playground.dev.switches, manual_sync=ManualSync.REFUSED)
    who = await harness.fills_in(STORY)
    await who.picks("When should Tines sync again?", "Manual")
    await who.submits()
    said = await who.reads_in_view(r"TS-\w{8} is waiting")
    request = await harness.request(said[said.index("TS-") :][:11])
    await harness.approves(request)
    await harness.rests(request, State.FAILED)
    assert "Unpermitted parameter: manual_sync_only" in "\n".join(harness.thread(request))
