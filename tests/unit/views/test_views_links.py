"""Wherever a story is named with room for a link, its name leads to it on the source tenant, as that is configured."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from bot.operations import all_presentations
from bot.views import approval, destinations, health, lists, preflight, review, statuses
from handlers.comparison import Gap, Gaps, Kind, Reference, Status
from handlers.models import Request, State, Story
from handlers.operations import Preview
from handlers.operations.create import CreateFacts
from handlers.operations.destination import DestinationDetail, DestinationRef
from handlers.policy import Quorum, Ruling
from handlers.preflight import Report, Sent, StoryReport
from handlers.requests import SeenDestination
from handlers.watching.known import Report as HealthReport
from handlers.watching.known import StoryFault

from .harness import NOW, REPAIR, ROUTE, SHOWN, a_status, params_of, synced

STORY = Story(id=9981, name="<https://evil.example|High-Priority Alerts>")
TWINS = (Story(id=5, name="Twin"), Story(id=6, name="Twin"))
MAY = Ruling(allowed=True)
QUORUM = Quorum(needed=1, have=0, separate_needed=1, separate_have=0, reached=False)


def about(state: State, origin: str, **differs: Any) -> Request:  # noqa: ANN401 - fields of a request
    """Return a request about one story, which failed, with the source tenant at an address."""
    failed = a_status(STORY.id, "failed", "Credential virustotal was not found").model_copy(update={"name": STORY.name})
    return synced(
        state,
        failed,
        origins=(origin, "https://prod.example"),
        **{"params": params_of(STORY), "facts": FACTS} | differs,
    )


GAPS = Gaps(missing=(Gap(reference=Reference(kind=Kind.CREDENTIAL, slug="virustotal"), stories=(STORY.name, "Twin")),))
FACTS = CreateFacts(stories=(STORY, *TWINS), gaps=GAPS)
COMPARED = StoryReport(
    story=STORY,
    status=Status.CHANGED,
    edited_since=Sent(request_id="TS-ABCD1234", at=NOW, source_hash="", automatic=False),
)
REPORT = Report(stories=(COMPARED, *(StoryReport(story=each, status=Status.NEW) for each in TWINS)))


def a_review(origin: str) -> object:
    """Return the review of a request, compared."""
    return review.review_view(
        about(State.PENDING, origin),
        ROUTE,
        SHOWN,
        origins=(origin, "https://prod.example"),
        quorum=QUORUM,
        preview=Preview(facts=FACTS, report=REPORT),
        may_approve=MAY,
        may_reject=MAY,
    )


def a_destination(origin: str) -> object:
    """Return the window of a sync destination."""
    request = about(State.PARTIAL, origin)
    params = params_of(STORY)
    ref = DestinationRef(id=24, source_team=params.source_team, destination_team=params.destination_team)
    detail = DestinationDetail(ref=ref, route="dev-to-prod", statuses=SHOWN.rows(request))
    seen = SeenDestination(detail=detail, source="dev", destination="prod")
    return destinations.destination_view(seen, all_presentations(), {}, (origin, "https://prod.example"))


def a_failure(origin: str) -> object:
    """Return the message about a sync that failed by itself."""
    report = HealthReport(
        source="dev",
        destination="prod",
        id=24,
        route="dev-to-prod",
        source_team="SecOps",
        destination_team="SecOps copies",
        at=NOW,
        failed=(StoryFault(story_id=STORY.id, name=STORY.name, since=NOW),),
    )
    return health.health_message(report.model_dump(mode="json"), {"dev": origin}).blocks


def shown_with(origin: str) -> Mapping[str, object]:
    """Return everything in which a story is named, with how often."""
    request = about(State.PARTIAL, origin)
    (row,) = SHOWN.rows(request)
    return {
        "approval": approval.approval_message(about(State.PENDING, origin), ROUTE, QUORUM, SHOWN, repair=REPAIR).blocks,
        "result": [message.blocks for message in statuses.status_messages(request, ROUTE, SHOWN, repair=REPAIR)],
        "details": lists.status_message(request, SHOWN, quorum=QUORUM).blocks,
        "error": statuses.error_view(request, row, "x"),
        "review": a_review(origin),
        "changes": preflight.changes_view(request, COMPARED),
        "destination": a_destination(origin),
        "failure": a_failure(origin),
    }


def objects_in(payload: object) -> Iterator[Mapping[str, Any]]:
    """Yield every object in a payload, at any depth."""
    if isinstance(payload, dict):
        yield payload
    for child in payload.values() if isinstance(payload, dict) else payload if isinstance(payload, list) else ():
        yield from objects_in(child)


@pytest.mark.parametrize(
    ("place", "times"),
    [
        ("approval", 1),
        ("result", 2),  # in the table, and where it is said what explains the failure
        ("details", 2),  # among the stories, and with its error
        ("error", 1),
        ("review", 3),  # in the list, as one that lacks something, and as one whose copy was edited
        ("changes", 1),
        ("destination", 1),
        ("failure", 1),
    ],
)
def test_a_story_leads_to_it_on_the_source_tenant(place: str, times: int) -> None:
    """Each time it is named in rich text, the name is a link, built from the configured address and the id."""
    links = [each for each in objects_in(shown_with("https://dev.example:8443")[place]) if each.get("type") == "link"]
    mine = [link for link in links if link["text"].startswith("<https://evil.example|High")]
    assert [link["url"] for link in mine] == ["https://dev.example:8443/stories/9981"] * times
    assert all(link["url"].startswith("https://dev.example:8443/stories/") for link in links)


@pytest.mark.parametrize("origin", ["javascript:alert(1)", "https://dev.example/<!channel>", "ftp://dev.example", ""])
def test_what_is_no_address_is_no_link(origin: str) -> None:
    """Where the tenant has no http or https address, the name stands there without a link."""
    for place, shown in shown_with(origin).items():
        assert [each for each in objects_in(shown) if "url" in each] == [], place
        assert any(each.get("text", "") == STORY.name for each in objects_in(shown)), place


def test_of_stories_with_one_name_no_wrong_one_is_linked() -> None:
    """What lacks something is known by name: a name that two stories have is not linked, since it may be the other one."""
    named = [each for each in objects_in(a_review("https://dev.example")) if each.get("text") == "Twin"]
    assert [each.get("url", "").rpartition("/")[2] for each in named] == ["", "5", "6"]
