from collections.abc import Mapping

from bot.playground.tines import create_destination
from bot.playground.tines.faults import Fault, Kind
from bot.playground.tines.seed import PROD_KEY
from handlers.comparison import PairedBy, Status, parse_pointer
from handlers.preflight import Earlier, Report, ReportProgress, Sent, report, whole_text

from .conftest import Tenants

ALERTS = "High-Priority Alerts"
NOTES = "Shift handover notes"


def synced(tenants: Tenants, *names: str) -> None:
    """Bring stories to the destination, as a sync destination does."""
    subject = tenants.subject(*names)
    body = {
        "destination_tenant_url": tenants.prod.url,
        "destination_tenant_api_key": PROD_KEY,
        "destination_team_id": subject.destination_team.id,
        "team_id": subject.source_team.id,
        "story_ids": [story.id for story in subject.stories],
    }
    create_destination(tenants.dev, body)
    tenants.passes(minutes=1)


async def reported(
    tenants: Tenants,
    *names: str,
    ignore: tuple[str, ...] = (),
    sent: Mapping[int, Sent] | None = None,
    copies: Mapping[int, int] | None = None,
    whole: frozenset[int] | None = None,
) -> Report:
    """Return what is known of stories."""
    return await report(
        tenants.preflight,
        tenants.clients,
        ("dev", "prod"),
        tenants.subject(*names),
        ignore=[parse_pointer(each) for each in ignore],
        earlier=Earlier(sent=sent or {}, copies=copies or {}),
        progress=ReportProgress(len(names)),
        whole=whole,
    )


async def test_each_story_is_new_unchanged_or_changed(tenants: Tenants) -> None:
    """A story without a copy is new, one whose copy differs is changed by so much; and the pairing is named."""
    synced(tenants, ALERTS, NOTES)
    tenants.dev.edit_action(tenants.story(ALERTS).id, mode="extract")
    tenants.passes(minutes=1)
    found = await reported(tenants, ALERTS, NOTES, "Close duplicates in Jira")
    assert [(each.status, each.paired_by) for each in found.stories] == [
        (Status.CHANGED, PairedBy.SLUG),
        (Status.UNCHANGED, PairedBy.SLUG),
        (Status.NEW, None),
    ]
    assert found.stories[0].words == "1 action changed (copy found by the same slug)"
    assert found.totals == "1 changed story (1 action changed), 1 new on the destination, 1 unchanged"
    assert found.remarks == ()
    before = tenants.exported()
    assert await reported(tenants, ALERTS, NOTES, "Close duplicates in Jira") == found
    assert tenants.exported() == before


async def test_a_story_that_may_have_several_copies_is_not_called_new(tenants: Tenants) -> None:
    """Where several stories of the destination may be the copy, it is said so: the sync may overwrite one of them."""
    synced(tenants, ALERTS)
    synced(tenants, ALERTS)
    (found,) = (await reported(tenants, ALERTS)).stories
    assert found.words == "cannot be compared: several stories on prod may be its copy"


async def test_a_difference_that_nobody_needs_to_read_is_left_out(tenants: Tenants) -> None:
    """What a route ignores is no change; what is sent stays the same."""
    synced(tenants, ALERTS)
    tenants.dev.edit_action(tenants.story(ALERTS).id, mode="extract")
    tenants.passes(minutes=1)
    found = await reported(tenants, ALERTS, ignore=("/agents/*/options/mode",))
    assert [each.status for each in found.stories] == [Status.UNCHANGED]
    assert [each.status for each in (await reported(tenants, ALERTS)).stories] == [Status.CHANGED]


async def test_the_whole_diff_is_there_where_it_is_asked_for(tenants: Tenants) -> None:
    """Of one story of several the diff is returned whole, and no other one is compared."""
    synced(tenants, ALERTS, NOTES)
    story = tenants.story(ALERTS).id
    tenants.dev.edit_action(story, mode="extract")
    tenants.passes(minutes=1)
    (found,) = (await reported(tenants, ALERTS, NOTES, whole=frozenset({story}))).stories
    assert found.diff is not None
    assert [(change.path, change.old, change.new) for change in found.diff.changed[0].fields] == [
        ("/options/mode", '"message_only"', '"extract"')
    ]
    both = await reported(tenants, ALERTS, NOTES, whole=frozenset({story, tenants.story(NOTES).id}))
    text = whole_text(both, 100_000)
    assert text.startswith(f"# {ALERTS}: 1 action changed (copy found by the same slug)\n--- destination/")
    assert '-    "mode": "message_only"' in text
    assert f"# {NOTES}: unchanged" in text
    assert whole_text(both, 20) == "# There is more than one file can hold.\n"


async def test_a_copy_is_edited_when_it_is_neither_what_was_sent_nor_what_would_be(tenants: Tenants) -> None:
    """A copy that somebody changed since it was synced is told, and one that is as it was sent is not."""
    synced(tenants, ALERTS)
    story = tenants.story(ALERTS)
    source = await tenants.preflight.sources("dev", [story])
    sent = {
        story.id: Sent(
            request_id="TS-ABCD1234", at=tenants.now, source_hash=source[story.id].source_hash or "", automatic=False
        )
    }
    assert (await reported(tenants, ALERTS, sent=sent)).edited == ()
    tenants.dev.edit_action(story.id, mode="extract")
    tenants.passes(minutes=1)
    assert (await reported(tenants, ALERTS, sent=sent)).edited == ()
    tenants.prod.edit_action(tenants.prod.copies[0].story_id, mode="explode")
    tenants.passes(minutes=1)
    (edited,) = (await reported(tenants, ALERTS, sent=sent)).edited
    assert edited.edited_since == sent[story.id]


async def test_what_cannot_be_compared_is_said(tenants: Tenants) -> None:
    """A copy that may not be exported, and a destination whose stories may not be listed, are words and no error."""
    synced(tenants, ALERTS)
    fault = tenants.prod.faults.add(Fault(Kind.ANSWER, path="/stories/*/export", times=None, status=403))
    (found,) = (await reported(tenants, ALERTS)).stories
    assert found.status is Status.UNKNOWN
    assert found.words.startswith("cannot be compared: the copy: 403: the key of prod may not do this")
    tenants.prod.faults.remove(fault)
    tenants.prod.faults.add(Fault(Kind.ANSWER, path="/stories", times=None, status=503))
    silent = await reported(tenants, ALERTS)
    assert [each.status for each in silent.stories] == [Status.UNKNOWN]
    assert silent.remarks == ("The stories of prod cannot be listed: 503: prod returned an error.",)


async def test_a_tenant_without_change_requests_is_no_remark(tenants: Tenants) -> None:
    """An older tenant does not know change requests: nothing is said about them."""
    tenants.dev.switches = type(tenants.dev.switches)(change_requests=False)
    found = await reported(tenants, ALERTS)
    assert (found.remarks, found.stories[0].remarks) == ((), ())
