"""What a story refers to and its destination lacks is known before anything is sent, and explains what failed after."""

from typing import Any

import pytest

from handlers.comparison import (
    Destination,
    Gaps,
    Kind,
    Reference,
    References,
    Shared,
    explain,
    missing,
    normalise,
    references_of,
)


def reference(text: str) -> Reference:
    """Return the reference that is written so."""
    kind, _, slug = text.partition(".")
    return Reference(kind=Kind(kind), slug=slug)


def referring(*texts: str) -> References:
    """Return the references that are written so."""
    return References(named=tuple(map(reference, texts)))


def test_references_of_a_story(export: dict[str, Any]) -> None:
    """Credentials, resources and sub-stories are found in actions and in the formulas of notes; computed ones are named."""
    found = references_of(normalise(export))
    assert [str(each) for each in found.named] == [
        "CREDENTIAL.chat",
        "CREDENTIAL.reputation",
        "RESOURCE.oncall",
        "RESOURCE.team_name",
        "STORY.file_evidence",
    ]
    assert found.unresolved == ("RESOURCE[headers.region]",)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("<<CREDENTIAL.jira>>", ["CREDENTIAL.jira"]),
        ("=CREDENTIAL.jira.user", ["CREDENTIAL.jira"]),
        ("{{.RESOURCE.ip_list}}", ["RESOURCE.ip_list"]),
        ("{{ RESOURCE.ip-list | first }}", ["RESOURCE.ip-list"]),
        ("{% credential old_one %}", ["CREDENTIAL.old_one"]),
        ("<<CONCAT(RESOURCE.a,RESOURCE.b)>>&<<CREDENTIAL.c>>", ["CREDENTIAL.c", "RESOURCE.a", "RESOURCE.b"]),
        ("<<event.CREDENTIAL.jira>>", []),
        ("<<MYCREDENTIAL.jira>>", []),
        ("<<credential.jira>>", []),
        ("CREDENTIAL.", []),
        ("<<RESOURCE>>", []),
    ],
)
def test_ways_to_refer(export: dict[str, Any], text: str, named: list[str]) -> None:
    """However a formula is written, its references are found, in values and in keys, and nothing else."""
    for options in ({"deep": [{"x": text}]}, {text: 1}):
        export["agents"] = [{"name": "A", "type": "Agents::HTTPRequestAgent", "options": options}]
        export["diagram_notes"] = []
        assert [str(each) for each in references_of(normalise(export)).named] == named


def test_a_reference_in_a_header_of_a_secret_kind_is_found(export: dict[str, Any]) -> None:
    """Replacing secrets leaves references."""
    export["agents"][0]["options"] = {
        "path": "<<RESOURCE.path>>",
        "secret": "<<CREDENTIAL.hook>>",
        "password": "<<CREDENTIAL.p>>",
    }
    named = {str(each) for each in references_of(normalise(export)).named}
    assert {"RESOURCE.path", "CREDENTIAL.hook", "CREDENTIAL.p"} <= named


@pytest.mark.parametrize(
    ("shared", "usable"),
    [
        (Shared(slug="jira", team_id=7, read_access="TEAM"), True),
        (Shared(slug="jira", team_id=8, read_access="TEAM"), False),
        (Shared(slug="jira", team_id=8, read_access="GLOBAL"), True),
        (Shared(slug="jira", team_id=8, read_access="SPECIFIC_TEAMS", shared_team_slugs=("sec_ops",)), True),
        (Shared(slug="jira", team_id=8, read_access="SPECIFIC_TEAMS", shared_team_slugs=("sec-ops", "it")), True),
        (Shared(slug="jira", team_id=8, read_access="SPECIFIC_TEAMS", shared_team_slugs=("it",)), False),
        (Shared(slug="jira", team_id=7, read_access="SPECIFIC_TEAMS", shared_team_slugs=()), True),
        (Shared(slug="jira", team_id=8, read_access="SPECIFIC_TEAMS", shared_team_slugs=()), False),
        (Shared(slug="jira", team_id=8, read_access="SPECIFIC_TEAMS"), True),  # nobody tells with whom: no false alarm
        (Shared(slug="jira", team_id=8, read_access="SOMETHING_NEW"), True),
        (Shared(slug="jira", team_id=8), True),
        (Shared(slug="jira"), True),
        (Shared(slug="jira2", team_id=7), False),
    ],
)
def test_who_may_read_a_credential(shared: Shared, usable: bool) -> None:  # noqa: FBT001 - a column of the table
    """Read access decides whether the destination team has what a story refers to."""
    destination = Destination(team_id=7, team_slugs=("Sec Ops",), credentials=(shared,), resources=(), stories=())
    gaps = missing({"Triage": referring("CREDENTIAL.jira")}, destination)
    assert (gaps.missing == ()) is usable
    if not usable:
        assert gaps.missing[0].not_shared is (shared.slug == "jira")


def test_gaps_name_the_stories(export: dict[str, Any]) -> None:
    """What is missing is told once for each slug, with the stories that use it, and what cannot be resolved too."""
    stories = {"Triage": references_of(normalise(export)), "Rate": referring("CREDENTIAL.chat", "STORY.triage")}
    destination = Destination(
        team_id=7,
        credentials=(Shared(slug="reputation", team_id=7), Shared(slug="chat", team_id=8, read_access="TEAM")),
        resources=(Shared(slug="oncall", read_access="GLOBAL"),),
        stories=(),
    )
    gaps = missing(stories, destination, synced_too={"triage"})
    assert [gap.words for gap in gaps.missing] == [
        "credential chat is not shared with the destination team (used by Triage, Rate)",
        "resource team_name is missing on the destination (used by Triage)",
        "sub-story file_evidence is missing on the destination (used by Triage)",
    ]
    assert [(each.text, each.stories) for each in gaps.unresolved] == [("RESOURCE[headers.region]", ("Triage",))]
    assert gaps.unchecked == ()


def test_what_the_key_may_not_list_is_not_missing() -> None:
    """A kind that cannot be listed is told as unchecked, if any story refers to it."""
    gaps = missing({"A": referring("CREDENTIAL.jira", "STORY.b")}, Destination(team_id=7, stories=()))
    assert gaps.unchecked == (Kind.CREDENTIAL,)
    assert [str(gap.reference) for gap in gaps.missing] == ["STORY.b"]
    assert missing({"A": References()}, Destination(team_id=7)) == Gaps()


GAPS = missing(
    {
        "Triage": referring("CREDENTIAL.jira", "CREDENTIAL.jira_prod", "RESOURCE.team", "STORY.file_evidence"),
        "Rate": referring("RESOURCE.team"),
    },
    Destination(team_id=7, credentials=(), resources=(), stories=()),
)


@pytest.mark.parametrize(
    ("error", "explained"),
    [
        ("Credential 'jira' not found", ["CREDENTIAL.jira"]),
        ("CREDENTIAL.jira_prod does not exist", ["CREDENTIAL.jira_prod"]),
        ("Could not resolve credential jira-prod", ["CREDENTIAL.jira_prod"]),
        ("Missing credentials: jira, jira_prod", ["CREDENTIAL.jira", "CREDENTIAL.jira_prod"]),
        ("Credential Jira Prod is missing", ["CREDENTIAL.jira_prod"]),
        ("A global resource is missing", ["RESOURCE.team"]),
        ("A credential is missing", []),  # which of the two?
        ("Send to story target file_evidence is not available", ["STORY.file_evidence"]),
        ("No such sub-story", ["STORY.file_evidence"]),
        ("The team has too many stories", []),
        ("Story could not be published", []),
        ("Name has already been taken", []),
        ("", []),
        ("jirafication failed", []),
    ],
)
def test_which_gap_explains_an_error(error: str, explained: list[str]) -> None:
    """An error that names a slug, or speaks of the only gap of its kind, is explained by it; another one is not."""
    assert [str(gap.reference) for gap in explain(error, GAPS)] == explained


def test_gaps_of_other_stories_explain_nothing() -> None:
    """Only what the story that failed refers to can be why."""
    assert explain("Credential jira not found", GAPS, "Rate") == ()
    assert [str(gap.reference) for gap in explain("resource missing", GAPS, "Rate")] == ["RESOURCE.team"]
