import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from bot.playground.tines.faults import Fault, Kind
from bot.playground.tines.seed import FAILING_STORY
from handlers.comparison import Kind as ReferenceKind
from handlers.operations.create import CreateFacts
from handlers.preflight import Exports, Preflight, newly_missing
from handlers.tines import TinesError

from .conftest import Tenants

ALERTS = "High-Priority Alerts"
PHISHING = "Phishing triage: reported e-mail"
DOMAINS = "Block & report malicious domain"


async def test_what_the_destination_lacks_is_told_with_who_uses_it(tenants: Tenants) -> None:
    """Each credential, resource and sub-story that the team lacks is named once, with every story that uses it."""
    tenants.prod.remove_credential("slack_bot")
    tenants.prod.resources.clear()
    subject = tenants.subject(ALERTS, "Change Control Requests", DOMAINS, PHISHING)
    gaps = (await tenants.preflight.look("dev", "prod", subject)).gaps
    assert [(str(gap.reference), gap.stories) for gap in gaps.missing] == [
        ("CREDENTIAL.slack_bot", (ALERTS, "Change Control Requests")),
        ("RESOURCE.blocked_domains", (DOMAINS,)),
        ("STORY.enrich_indicators_with_virustotal", (PHISHING,)),
    ]
    assert (gaps.unresolved, gaps.unchecked, gaps.unread) == ((), (), ())


async def test_what_was_looked_up_is_the_same_when_it_is_read_again(tenants: Tenants) -> None:
    """An approval of facts that were stored before a restart covers what is found after it."""
    tenants.prod.remove_credential("slack_bot")
    subject = tenants.subject(ALERTS, DOMAINS)
    digests, now = set(), tenants.now
    for _ in range(2):
        found = await tenants.preflight.look("dev", "prod", subject)
        facts = CreateFacts(stories=subject.stories, hashes=found.hashes, gaps=found.gaps)
        for each in (facts, CreateFacts.model_validate_json(facts.model_dump_json())):
            assert newly_missing(facts, each) == ()
            digests.add(json.dumps(each.essence()))
        await tenants.exports.close()
        tenants = replace(tenants, preflight=Preflight(tenants.clients, Exports(tenants.clients, lambda: now)))
    assert len(digests) == 1


async def test_a_sub_story_that_is_synced_too_is_not_missing(tenants: Tenants) -> None:
    """What is brought together with a story will be there."""
    gaps = (await tenants.preflight.look("dev", "prod", tenants.subject(PHISHING, FAILING_STORY))).gaps
    assert [str(gap.reference) for gap in gaps.missing] == ["CREDENTIAL.virustotal"]


async def test_only_what_is_referred_to_is_asked_for(tenants: Tenants) -> None:
    """The destination is asked for nothing that no story refers to."""
    await tenants.preflight.look("dev", "prod", tenants.subject(ALERTS))
    assert [call.path for call in tenants.prod.calls] == ["/user_credentials"]


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (404, "Credentials cannot be checked: the key of prod may not list credentials."),
        (403, "Credentials cannot be checked: the key of prod may not list credentials."),
        (503, "Credentials cannot be checked: 503: prod returned an error."),
    ],
)
async def test_a_destination_that_does_not_tell_is_said_so(tenants: Tenants, status: int, why: str) -> None:
    """A key that may not list credentials, or a tenant in trouble, is a remark and never an error."""
    tenants.prod.faults.add(Fault(Kind.ANSWER, path="/user_credentials", times=None, status=status))
    sources = await tenants.preflight.look("dev", "prod", tenants.subject(ALERTS))
    assert sources.gaps.missing == ()
    assert sources.gaps.unchecked == (ReferenceKind.CREDENTIAL,)
    assert sources.gaps.unchecked_because == (why,)
    assert len(sources.hashes) == 1


async def test_a_listing_that_cannot_be_read_whole_is_not_trusted(tenants: Tenants) -> None:
    """A record that cannot be read may be the very credential that is asked for."""
    tenants.prod.switches = type(tenants.prod.switches)(odd_records=True)
    gaps = (await tenants.preflight.look("dev", "prod", tenants.subject(FAILING_STORY))).gaps
    assert (gaps.missing, gaps.unchecked) == ((), (ReferenceKind.CREDENTIAL,))


async def test_a_story_whose_export_cannot_be_read_is_named(tenants: Tenants) -> None:
    """Where a story cannot be exported, its references are not known, and the others are looked at all the same."""
    tenants.dev.faults.add(
        Fault(Kind.ANSWER, path=f"/stories/{tenants.story(ALERTS).id}/export", times=None, status=403)
    )
    sources = await tenants.preflight.look("dev", "prod", tenants.subject(ALERTS, FAILING_STORY))
    assert sources.gaps.unread == (ALERTS,)
    assert [str(gap.reference) for gap in sources.gaps.missing] == ["CREDENTIAL.virustotal"]
    assert list(sources.hashes) == [tenants.story(FAILING_STORY).id]


async def test_a_source_that_does_not_answer_is_an_error(tenants: Tenants) -> None:
    """What is sent is what was compared: a source that cannot be looked at now is waited for."""
    tenants.dev.faults.add(Fault(Kind.ANSWER, path="/stories/*/export", times=4, status=503))
    with pytest.raises(TinesError):
        await tenants.preflight.look("dev", "prod", tenants.subject(ALERTS))


async def test_comparisons_of_many_requests_begin_at_an_even_pace(tenants: Tenants) -> None:
    """After a pause eight begin at once, then one a second; after another pause it is the same again."""
    first = tenants.now
    begun = [(tenants.preflight.turn(first) - first).total_seconds() for _ in range(24)]
    assert begun == [0.0] * 8 + [float(number) for number in range(1, 17)]
    later = first + timedelta(minutes=1)
    assert [tenants.preflight.turn(later) for _ in range(9)] == [later] * 8 + [later + timedelta(seconds=1)]


async def test_a_clock_that_is_set_back_holds_no_comparison_up_for_long(tenants: Tenants) -> None:
    """A request that is asked for then is compared within minutes."""
    tenants.preflight.turn(tenants.now)
    before = tenants.now - timedelta(days=1)
    assert tenants.preflight.turn(before) - before <= timedelta(minutes=5)


async def test_comparisons_that_became_due_together_begin_one_after_the_other(tenants: Tenants) -> None:
    """What a sweep finds within one second does not begin all at once, and the first one does not wait."""
    loop = asyncio.get_running_loop()
    first, begun = loop.time(), []

    async def one() -> None:
        await tenants.preflight.evenly()
        begun.append(loop.time() - first)

    await asyncio.gather(*(one() for _ in range(3)))
    assert [begun[0] < 0.125, begun[1] >= 0.12, begun[2] >= 0.245] == [True, True, True]
