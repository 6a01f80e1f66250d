from dataclasses import replace
from datetime import timedelta

import pytest

from bot.playground.slack import Fault as SlackFault
from bot.playground.slack import FaultKind, Json, MessageRef
from bot.playground.stage import APPROVALS, SECOPS
from bot.playground.tines import ErrorShape, Fault, Kind, ManualSync
from bot.playground.tines.seed import many_stories
from handlers.models import State

from .conftest import OpenOffice
from .office import FAILING, HURRIED, OTHER_STORY, QUICK, STORY, Office

CREATE = "/admin/sync_destinations"


def tables(messages: list[Json]) -> list[list[list[str]]]:
    """Return the rows of all tables in messages, their heads left out."""
    return [
        [[cell["text"] for cell in row] for row in block["rows"][1:]]
        for message in messages
        for block in message.get("blocks", ())
        if block["type"] == "data_table"
    ]


def thread_of(office: Office) -> list[Json]:
    """Return the messages below the only message of the approval channel."""
    head = office.stage.slack.messages(APPROVALS)[0]
    return office.stage.slack.messages(APPROVALS, thread_ts=head["ts"])[1:]


def edits(office: Office, ts: str) -> int:
    """Return how often a message was edited."""
    return sum(call.request.get("ts") == ts for call in office.stage.slack.traffic.calls("chat.update"))


async def test_the_create_says_exactly_what_was_approved(office: Office) -> None:
    """The body has the documented fields and no others; the key travels, and is masked in every record."""
    request = await office.asked_and_approved(STORY, OTHER_STORY)
    await office.rests(request, State.SUCCEEDED)
    content = request.content
    assert office.creates() == [
        {
            "destination_tenant_url": office.stage.prod.url,
            "destination_tenant_api_key": "•••",
            "destination_team_id": content.destination_team.id,
            "team_id": content.source_team.id,
            "story_ids": [story.id for story in content.stories],
        }
    ]


async def test_within_one_tenant_no_key_travels(open_office: OpenOffice) -> None:
    """A route whose source is its destination needs no key in the create."""
    office = await open_office(route={"destination": "dev"})
    request = await office.asked_and_approved(STORY, destination="Identity")
    await office.rests(request, State.SUCCEEDED)
    body = office.creates()[0]
    assert isinstance(body, dict)
    assert "destination_tenant_api_key" not in body


async def test_manual_mode_is_asked_for_and_is_no_failure(office: Office) -> None:
    """“Only when triggered” is sent as such; stories that rest until then are as they should be."""
    who = await office.fills_in(STORY)
    await who.picks("When should Tines sync again?", "Only when triggered")
    await who.submits()
    said = await who.reads_in_view(r"TS-\w{8} waits")
    request = await office.request(said[said.index("TS-") :][:11])
    await office.approves(request)
    await office.rests(request, State.SUCCEEDED)
    body = office.creates()[0]
    assert isinstance(body, dict)
    assert body["manual_sync_only"] is True
    assert tables(thread_of(office))[0][0][:2] == [STORY, "⏳ Needs sync"]


async def test_the_thread_lists_every_story_with_its_error(office: Office) -> None:
    """One row a story, failed ones first, with Tines's message; totals above; the request is done in part."""
    request = await office.asked_and_approved(STORY, FAILING, OTHER_STORY)
    await office.rests(request, State.PARTIAL)
    rows = tables(thread_of(office))[0]
    assert [row[1] for row in rows] == ["❌ Failed", "✅ Synced", "✅ Synced"]
    assert rows[0][0] == FAILING
    assert "virustotal" in rows[0][2].casefold()
    said = office.thread(request)[1]
    assert "3 stories: 2 synced, 1 failed" in said


async def test_statuses_are_edited_in_place(open_office: OpenOffice) -> None:
    """While statuses change the list is edited, not repeated: the thread has one message of it from first to last."""
    office = await open_office()
    office.stage.dev.switches = replace(office.stage.dev.switches, sync_seconds=0.3, sync_spread=0.3)
    request = await office.asked_and_approved(STORY, OTHER_STORY)
    first = await office.in_thread(request, "waiting for their sync")
    await office.rests(request, State.SUCCEEDED)
    found = thread_of(office)
    assert [message["ts"] for message in found] == [first["ts"]]
    assert edits(office, first["ts"]) >= 1
    assert "every story is synced" in office.thread(request)[1]


async def test_more_than_a_hundred_stories_take_several_messages(office: Office) -> None:
    """250 stories fill several tables of at most 100 rows, each story in exactly one of them."""
    team = office.stage.dev.add_team("Archive")
    many_stories(office.stage.dev, team.id, 250)
    request = await office.asked_and_approved("All 250 stories", source="Archive")
    await office.rests(request, State.SUCCEEDED)
    found = tables(thread_of(office))
    assert len(found) >= 3
    assert all(len(rows) <= 100 for rows in found)
    ids = [int(row[3]) for rows in found for row in rows]
    assert sorted(ids) == sorted(story.id for story in request.content.stories)


async def test_a_very_long_error_is_cut_and_can_be_read_whole(office: Office) -> None:
    """The table shows the beginning of a long error, and a button all of it."""
    request = await office.asks(STORY)
    error = "Credential <@U0ADA> missing: " + "details & more " * 200
    office.stage.dev.fail_story(request.content.stories[0].id, error)
    await office.approves(request)
    await office.rests(request, State.FAILED)
    message = thread_of(office)[0]
    await office.ada.clicks("Whole error", message, APPROVALS)
    said = await office.ada.reads_in_view("What Tines said")
    assert error[-60:].strip() in said.replace("\n", "")


async def test_many_long_errors_are_picked_from_a_list(office: Office) -> None:
    """Where there would be too many buttons, the errors to read whole are a menu."""
    request = await office.asks("All 17 stories")
    for story in request.content.stories:
        office.stage.dev.fail_story(story.id, f"Error of {story.id} " * 40)
    await office.approves(request)
    await office.rests(request, State.FAILED)
    message = thread_of(office)[0]
    block = next(block for block in message["blocks"] if block["type"] == "actions")
    option = block["elements"][0]["options"][3]
    where = MessageRef(APPROVALS, message["ts"])
    await office.stage.slack.click(office.ada.user, where, block["block_id"], block["elements"][0]["action_id"], option)
    assert "Error of" in await office.ada.reads_in_view("What Tines said")


async def test_blocks_that_slack_refuses_go_out_as_text(office: Office) -> None:
    """When Slack does not take the table, the same rows are posted as text."""
    office.stage.slack.faults.inject(
        "chat.postMessage",
        SlackFault(FaultKind.ERROR, code="invalid_blocks", times=None, only=lambda args: "data_table" in str(args)),
    )
    office.stage.slack.faults.inject(
        "chat.update",
        SlackFault(FaultKind.ERROR, code="invalid_blocks", times=None, only=lambda args: "data_table" in str(args)),
    )
    request = await office.asked_and_approved(STORY, FAILING)
    await office.rests(request, State.PARTIAL)
    said = "\n".join(office.thread(request)[1:])
    assert STORY in said
    assert "virustotal" in said.casefold()
    assert tables(thread_of(office)) == []


async def test_channels_and_the_requester_are_told_with_a_link(office: Office) -> None:
    """Each channel of `notify` gets one short message, the requester a direct message, both with a link to the thread."""
    request = await office.asked_and_approved(STORY, FAILING)
    await office.rests(request, State.PARTIAL)
    told = office.stage.slack.messages(SECOPS)
    assert len(told) == 1
    head = office.stage.slack.messages(APPROVALS)[0]["ts"].replace(".", "")
    assert head in str(told[0]["blocks"])
    message = await office.told(office.rina, "1 failed")
    assert head in str(message["blocks"])
    assert "2 stories: 1 synced, 1 failed" in office.stage.slack.render(told[0])


async def test_watching_ends_after_a_while_and_says_so(open_office: OpenOffice) -> None:
    """Stories that never settle do not keep a request for ever: it ends in part and says that they may still follow."""
    office = await open_office(outside=replace(HURRIED, pacing=replace(QUICK, follow_for=timedelta(milliseconds=300))))
    office.stage.dev.switches = replace(office.stage.dev.switches, sync_seconds=3600)
    request = await office.asked_and_approved(STORY)
    await office.rests(request, State.PARTIAL)
    assert "still follow" in office.thread(request)[1]
    assert tables(thread_of(office))[0][0][1] == "⏳ Needs sync"


async def test_a_status_that_is_not_known_is_shown_as_it_is(open_office: OpenOffice) -> None:
    """A word that a newer Tines uses is shown, and does not count as synced."""
    office = await open_office(outside=replace(HURRIED, pacing=replace(QUICK, follow_for=timedelta(milliseconds=300))))
    office.stage.dev.switches = replace(office.stage.dev.switches, sync_seconds=3600, progress_status="hibernating")
    request = await office.asked_and_approved(STORY)
    await office.rests(request, State.PARTIAL)
    assert "hibernating" in tables(thread_of(office))[0][0][1]


@pytest.mark.parametrize("shape", list(ErrorShape))
@pytest.mark.parametrize("status", [404])
async def test_a_refused_create_is_told_in_every_shape_of_error(office: Office, status: int, shape: ErrorShape) -> None:
    """However Tines writes a refusal, the thread says what it means; its words are there where there are any."""
    office.stage.dev.faults.add(Fault(Kind.ANSWER, "POST", CREATE, status=status, message="Team is gone", shape=shape))
    request = await office.asked_and_approved(STORY)
    await office.rests(request, State.FAILED)
    said = "\n".join(office.thread(request))
    assert "404: not found, or the key of dev may not see it" in said
    if shape is not ErrorShape.EMPTY:
        assert "Team is gone" in said
    assert len(office.creates()) == 1


@pytest.mark.parametrize(
    ("status", "ours"),
    [
        (401, "401: dev does not accept the bot's key"),
        (403, "403: the key of dev may not do this"),
        (422, "422: dev does not accept what was asked for"),
    ],
)
async def test_a_refused_create_says_what_to_do(office: Office, status: int, ours: str) -> None:
    """A refusal fails the request with Tines's words, ours and advice, in the thread and to the requester."""
    office.stage.dev.faults.add(Fault(Kind.ANSWER, "POST", CREATE, status=status, message="<!here> said Tines"))
    request = await office.asked_and_approved(STORY)
    await office.rests(request, State.FAILED)
    said = "\n".join(office.thread(request))
    assert ours in said
    assert "<!here> said Tines" in said
    direct = office.stage.slack.render(await office.told(office.rina, "(?i)failed"))
    assert ours in direct
    assert office.stage.dev.destinations == {}


async def test_a_key_revoked_between_approval_and_create_is_told(open_office: OpenOffice) -> None:
    """A key that stops working after the approval fails the request in words; nothing is created."""
    office = await open_office()
    await office.ada.types("C0GENERAL", "freeze dev-to-prod wait")
    request = await office.asked_and_approved(STORY)
    await office.approval_message(request, pattern="runs when it is thawed")
    for secret in list(office.stage.dev.keys):
        office.stage.dev.revoke(secret)
    await office.ada.types("C0GENERAL", "thaw dev-to-prod")
    await office.rests(request, State.FAILED)
    assert "401: dev does not accept the bot's key" in "\n".join(office.thread(request))


async def test_change_control_switched_off_after_the_approval_is_told(open_office: OpenOffice) -> None:
    """What was approved cannot be done any more: the approvers are asked again, and nothing is created."""
    office = await open_office()
    await office.ada.types("C0GENERAL", "freeze dev-to-prod wait")
    request = await office.asked_and_approved(STORY)
    await office.approval_message(request, pattern="runs when it is thawed")
    office.stage.dev.set_change_control(request.content.stories[0].id, enabled=False)
    await office.ada.types("C0GENERAL", "thaw dev-to-prod")
    await office.comes_to(request, State.PENDING)
    await office.all_said()
    assert "has no change control any more" in "\n".join(office.thread(request))
    assert office.stage.dev.destinations == {}


async def test_an_older_tenant_that_refuses_manual_mode_says_so(office: Office) -> None:
    """A tenant that does not know the manual mode refuses it, and its words reach the thread."""
    office.stage.dev.switches = replace(office.stage.dev.switches, manual_sync=ManualSync.REFUSED)
    who = await office.fills_in(STORY)
    await who.picks("When should Tines sync again?", "Only when triggered")
    await who.submits()
    said = await who.reads_in_view(r"TS-\w{8} waits")
    request = await office.request(said[said.index("TS-") :][:11])
    await office.approves(request)
    await office.rests(request, State.FAILED)
    assert "Unpermitted parameter: manual_sync_only" in "\n".join(office.thread(request))
