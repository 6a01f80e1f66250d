import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from bot.playground.launch import ADA, APPROVALS, BEN, RINA, TOM
from bot.playground.tines import Fault as TinesFault
from bot.playground.tines import Kind
from bot.playground.tines.records import Right
from bot.playground.tines.seed import PROD_KEY, many_stories
from handlers.models import Request, State
from handlers.requests import Done, Submission, submit

from .conftest import OpenHarness
from .harness import FAILING, OTHER_STORY, STORY, FlowHarness, create_of

SECRET = "open-sesame-please"
PHISHING = "Phishing triage: reported e-mail"


async def test_what_is_missing_is_told_before_anybody_approves(harness: FlowHarness) -> None:
    """The requester's confirmation, the approval message and the review name what the destination lacks, and for whom.

    It can be approved all the same.
    """
    harness.playground.prod.remove_credential("slack_bot")
    rina = await harness.fills_in(STORY, FAILING, PHISHING)
    assert not (await rina.submits()).errors
    said = await rina.reads_in_view(r"(?s)TS-\w+.*Missing on prod")
    assert "credential slack_bot" in said
    assert "credential virustotal" in said
    assert "edit or cancel" in said
    message = await harness.ada.sees_message(APPROVALS, r"(?s)Missing on prod.*3 new on the destination")
    asked = re.search(r"TS-\w+", said)
    assert asked is not None
    request = await harness.request(asked[0])
    ada = await harness.opens_review(request)
    said = await ada.reads_in_view(r"(?s)What would change")
    assert f"slack_bot, used by {STORY}" in said
    assert f"virustotal, used by {FAILING}" in said
    assert "new on the destination" in said
    await ada.submits()
    assert (await harness.rests(request, State.PARTIAL)).state is State.PARTIAL
    assert "Missing on" not in harness.playground.slack.render(
        await harness.approval_message(request, pattern="2 failed")
    )
    await harness.in_thread(
        request, rf"{FAILING} failed because of something that was known: credential virustotal is missing on prod"
    )
    step = "Add credential virustotal to SecOps Production on prod, then choose Sync failed stories again."
    await harness.in_thread(request, step)
    assert step in harness.playground.slack.render(await harness.told(rina, "partly synced"))
    assert message["ts"] == (await harness.approval_message(request))["ts"]


async def test_what_would_change_is_shown_action_by_action(harness: FlowHarness) -> None:
    """A copy that differs is told as changed, in totals, in a line for its story, and action by action in a view.

    Secrets that people wrote into the story reach neither Slack nor the database.
    """
    first = await harness.asks(STORY, OTHER_STORY)
    await harness.approval_message(first, pattern="Changes:")
    await harness.approves(first)
    done = await harness.rests(first, State.SUCCEEDED)
    dev, prod = harness.playground.dev, harness.playground.prod
    secrets: dict[str, Any] = {
        "headers": {"Authorization": f"Bearer {SECRET}"},
        "body": json.dumps({"deep": json.dumps({"password": SECRET})}),
        "note": f"call it with {SECRET}, or https://ana:{SECRET}@x.example/",
    }
    dev.edit_action(
        create_of(first).stories[0].id, "Pick What Matters", payload={"id": "<<receive_events.body.key>>"}, **secrets
    )
    second = await harness.asks(STORY, OTHER_STORY)
    head = await harness.approval_message(second, pattern="Changes:")
    assert "1 changed story (1 action changed), 1 unchanged" in harness.playground.slack.render(head)
    exists = (
        f"Sync destination {done.destination_id} for these two teams exists already. 2 of 2 requested stories are in"
    )
    assert exists in harness.playground.slack.render(head)
    ada = await harness.opens_review(second)
    said = await ada.reads_in_view(r"(?s)What would change")
    assert "1 changed story (1 action changed), 1 unchanged" in said
    assert "the copy that appeared with our sync" in said
    assert "overwrite" not in said
    slack = harness.playground.slack
    await ada.presses("Post the whole diff")
    await ada.reads_in_view(f"The whole diff is in the thread of {second.id}")
    posted = [file for each in slack.messages(APPROVALS, thread_ts=head["ts"]) for file in each.get("files", ())]
    assert [file["title"] for file in posted] == [f"{second.id}.diff"]
    diff = slack.file(posted[0]["id"]).decode()
    assert f"# {STORY}: 1 action changed" in diff
    assert re.search(r'^- +"id": "<<receive_events.body.id>>"', diff, re.MULTILINE)
    assert "diff_posted" in await harness.kinds(second)
    await slack.close(ada.user, ada.view()["id"])
    slack.app.scopes = slack.app.scopes - {"files:write"}
    await ada.presses("Refresh")
    await ada.sees_view(lambda view: "Show changes" in slack.render(view) and "whole diff" not in slack.render(view))
    await ada.presses(f"Show changes: {STORY}")
    said = await ada.reads_in_view(r"(?s)Pick What Matters")
    assert "/options/payload/id" in said
    assert "<<receive_events.body.id>>" in said
    assert "<<receive_events.body.key>>" in said
    assert prod.calls
    assert SECRET in json.dumps([call.answered for call in dev.calls])
    folder = Path(harness.playground.settings.database_url.removeprefix("sqlite:///")).parent
    kept = b"".join(path.read_bytes() for path in folder.glob("*.sqlite*"))
    told = json.dumps([[each.request, each.answer] for each in slack.traffic], default=str)
    for text, holds in ((kept.decode(errors="replace"), second.id), (told, second.id), (diff, "[secret]")):
        assert holds in text
        assert "sesame" not in text


async def test_a_copy_that_appeared_with_a_sync_is_known_by_any_name(harness: FlowHarness) -> None:
    """A copy that was renamed, and that was never the only story of its old name, is still the story's own."""
    dev, prod = harness.playground.dev, harness.playground.prod
    story = next(each for each in dev.stories.values() if each.name == STORY)
    team = next(each.id for each in prod.teams.values() if each.name == "SecOps Production")
    namesake = max(prod.stories, default=0) + 1000  # ids that the tenant gives out are smaller
    prod.stories[namesake] = replace(story, id=namesake, team_id=team)
    first = await harness.asks(STORY)
    await harness.approval_message(first, pattern="Changes:")
    await harness.approves(first)
    await harness.rests(first, State.SUCCEEDED)
    copy = prod.copies[0].story_id
    impostor = replace(prod.stories[copy], id=max(prod.stories) + 1)
    prod.stories[impostor.id] = impostor
    prod.edit_story(copy, name="Ours by now")
    prod.edit_action(impostor.id, payload={"id": "something else"})
    second = await harness.asks(STORY)
    await harness.approval_message(second, pattern=r"Changes: 1 changed story \(2 settings changed\)")
    ada = await harness.opens_review(second)
    await ada.reads_in_view("the copy that appeared with our sync")


async def test_a_copy_that_somebody_changed_is_named(harness: FlowHarness) -> None:
    """A copy that was edited on the destination since it was synced is named: the sync would overwrite the edit."""
    first = await harness.asked_and_approved(STORY)
    await harness.rests(first, State.SUCCEEDED)
    harness.playground.prod.edit_action(harness.playground.prod.copies[0].story_id, payload={"id": "by hand"})
    second = await harness.asks(STORY)
    await harness.approval_message(second, pattern=f"Overwrites changes that somebody made on.*{STORY}")
    ada = await harness.opens_review(second)
    said = await ada.reads_in_view(r"overwrite changes that somebody made")
    assert f"{STORY} is not what {first.id} synced" in said


async def test_a_review_names_no_request_that_its_reader_may_not_read(open_harness: OpenHarness) -> None:
    """Who approves syncs only reads that an edited copy is not what was synced, but not by which request."""
    operations = {"sync": {"requesters": (TOM,), "approvers": (BEN,)}}
    harness = await open_harness(route={"requesters": (RINA,), "approvers": (ADA,), "operations": operations})
    first = await harness.rests(await harness.asked_and_approved(STORY), State.SUCCEEDED)
    harness.playground.prod.edit_action(harness.playground.prod.copies[0].story_id, payload={"id": "by hand"})
    form = Submission(
        operation="sync",
        route="dev-to-prod",
        asked={"destination_id": first.destination_id, "which": "all"},
        reason="Incident 42",
        draft_id="by tom",
    )
    answer = await submit(harness.playground.bot.services, TOM, form, budget=None)
    assert isinstance(answer, Done), answer
    ben = await harness.opens_review(answer.request, harness.ben)
    said = await ben.reads_in_view(r"overwrite changes that somebody made")
    assert f"{STORY} is not what another request synced" in said
    assert first.id not in said


async def test_what_cannot_be_checked_is_said(harness: FlowHarness) -> None:
    """What the keys may not read is told, with what to do about it, and the request can be approved."""
    dev = harness.playground.dev
    dev.faults.add(TinesFault(Kind.ANSWER, path=f"/stories/{_id(harness, OTHER_STORY)}/export", times=None, status=403))
    harness.playground.prod.keys[PROD_KEY].right = Right.PUBLISHER
    harness.playground.prod.faults.add(TinesFault(Kind.ANSWER, path="/stories", times=None, status=403))
    request = await harness.asks(STORY, OTHER_STORY)
    message = await harness.approval_message(request, pattern="cannot be checked")
    said = harness.playground.slack.render(message)
    assert "Credentials cannot be checked: the key of prod may not list credentials." in said
    assert "The stories of prod cannot be listed" in said
    assert f"1 story could not be exported from dev, so nobody checked what it needs: {OTHER_STORY}." in said
    said = await (await harness.opens_review(request)).reads_in_view(r"Refresh tries again")
    assert "may not list credentials. Check them in Tines before you approve." in said
    assert f"nobody checked what they need: {OTHER_STORY}. Look at them in Tines before you approve." in said
    dev.faults.clear()
    harness.playground.prod.faults.clear()
    harness.playground.prod.keys[PROD_KEY].right = Right.OWNER
    await harness.ada.presses("Refresh")
    await harness.ada.sees_view(lambda view: "before you approve" not in harness.playground.slack.render(view))
    await harness.ada.sees_view(lambda view: view.get("submit") is not None)
    await harness.ada.submits()
    await harness.rests(request, State.SUCCEEDED)
    assert "cannot be checked" not in harness.thread(request)[0]


async def _asks_to_sync_again(harness: FlowHarness, destination: int) -> Request:
    submission = Submission(
        operation="sync",
        route="dev-to-prod",
        asked={"destination_id": destination, "which": "all"},
        reason="Again",
        draft_id="sync-again",
    )
    answer = await submit(harness.playground.bot.services, harness.rina.user, submission, budget=None)
    assert isinstance(answer, Done)
    return answer.request


def _id(harness: FlowHarness, name: str) -> int:
    return next(story.id for story in harness.playground.dev.stories.values() if story.name == name)


async def test_the_state_of_the_stories_is_told(harness: FlowHarness) -> None:
    """The review says which stories are locked or disabled, which have an unpublished change, and who published last."""
    dev = harness.playground.dev
    ids = {story.name: story.id for story in dev.stories.values()}
    dev.stories[ids[STORY]].locked = dev.stories[ids[STORY]].disabled = True
    dev.hold_change(ids[OTHER_STORY])
    dev.close_change(dev.hold_change(ids[FAILING], user_id=77).id)
    ada = await harness.opens_review(await harness.asks(STORY, OTHER_STORY, FAILING))
    said = await ada.reads_in_view(r"(?s)What would change")
    assert "disabled on the source, locked on the source" in said
    assert "has a change that is not published yet" in said
    assert "published last by user 77 of Tines" in said


async def test_the_review_of_many_stories_tells_how_far_it_is(harness: FlowHarness) -> None:
    """While 100 copies are fetched at the pace of a tenant, the open review counts, and in the end has the totals."""
    dev = harness.playground.dev
    known = set(dev.stories)
    many_stories(dev, next(team.id for team in dev.teams.values() if team.name == "SecOps"), 100)
    number = harness.somebody_creates(*(story.name for story in dev.stories.values() if story.id not in known))
    request = await _asks_to_sync_again(harness, number)
    await harness.approval_message(request, pattern=r"100 unchanged")
    ada = await harness.opens_review(request)
    await ada.reads_in_view(r"Comparing with the copies: \d+ of 100 stories")
    assert "Post the whole diff" not in await ada.reads_in_view(r"(?s)What would change.*100 unchanged")


async def test_a_sync_again_shows_what_would_change(harness: FlowHarness) -> None:
    """Syncing again is compared as well, and an approval of it covers what was compared."""
    number = harness.somebody_creates(STORY)
    dev = harness.playground.dev
    story = next(each.id for each in dev.stories.values() if each.name == STORY)
    dev.edit_action(story, payload={"id": "<<receive_events.body.key>>"})
    request = await _asks_to_sync_again(harness, number)
    await harness.approval_message(request, pattern=r"1 changed story \(1 action changed\)")
    ada = await harness.opens_review(request)
    await ada.reads_in_view(r"1 action changed")
    dev.edit_action(story, payload={"id": "<<receive_events.body.other>>"})
    await ada.submits()
    await ada.reads_in_view("What would be done in Tines has changed")
    await ada.submits()
    await harness.rests(request, State.SUCCEEDED)
