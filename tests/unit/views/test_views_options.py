"""Answers to typing: the best first, whole sets on top, and never so many that Slack shows none."""

from typing import Any

import pytest

from bot.views.options import note_options, problem_options, story_option, story_options, team_options
from handlers.catalogue import FoundStories, TagCount
from handlers.models import Problem, Story, Team


def stories(count: int) -> tuple[Story, ...]:
    """Return this many stories."""
    return tuple(Story(id=n, name=f"Story {n}") for n in range(1, count + 1))


def values(answer: dict[str, Any]) -> list[str]:
    """Return the values of all options, in order, out of their groups."""
    groups = answer.get("option_groups", [answer])
    return [option["value"] for group in groups for option in group["options"]]


@pytest.mark.parametrize(("found", "total"), [(0, 0), (1, 1), (99, 99), (100, 100), (100, 101), (120, 5_000), (40, 50)])
def test_what_does_not_fit_is_counted(found: int, total: int) -> None:
    """All that were found are listed, best first, or as many as fit and a line that tells how many more there are."""
    teams = [Team(id=n, name=f"Team {n}") for n in range(1, found + 1)]
    for answer, prefix in (
        (team_options(teams, total), "team:"),
        (story_options(FoundStories(items=stories(found), total=total, everything=0)), "story:"),
    ):
        listed = [value for value in values(answer) if value != "more"]
        assert listed == [f"{prefix}{n}" for n in range(1, len(listed) + 1)]
        assert len(values(answer)) <= 100
        left = total - len(listed)
        if left:
            assert answer["options"][-1]["text"]["text"] == f"{left:,} more: type to narrow"
        else:
            assert "more" not in values(answer)


@pytest.mark.parametrize(("query", "first"), [("", "Stories"), ("a", "Whole sets")])
def test_whole_sets_are_not_picked_by_chance(query: str, first: str) -> None:
    """What stands first, which Enter picks, is a set only once something was typed; a set of one is not offered."""
    tags = (TagCount(tag="phishing", count=12, key="k1"), TagCount(tag="triage", count=1, key="k2"))
    answer = story_options(FoundStories(items=stories(30), total=30, everything=30, tags=tags), query)
    assert answer["option_groups"][0]["label"]["text"] == first
    assert {"all", "tag:k1"} < set(values(answer))
    assert "tag:k2" not in values(answer)


def test_whole_sets_stand_above_single_stories() -> None:
    """All stories of the team and all with a tag can be chosen at once, each saying how many they are."""
    tags = (TagCount(tag="phishing", count=12, key="k1"), TagCount(tag="triage", count=2, key="k2"))
    answer = story_options(FoundStories(items=stories(30), total=30, everything=30, tags=tags), "a")
    sets, singles = answer["option_groups"]
    assert [option["text"]["text"] for option in sets["options"]] == [
        "All 30 stories of this team",
        "All 12 tagged “phishing”",
        "All 2 tagged “triage”",
    ]
    assert [option["value"] for option in sets["options"]] == ["all", "tag:k1", "tag:k2"]
    assert len(singles["options"]) == 30


@pytest.mark.parametrize(
    ("everything", "query", "offered"),
    [(30, "", True), (30, " AL", True), (30, "phish", False), (1, "", False), (500, "", True), (501, "", False)],
)
def test_the_whole_team_is_offered_when_that_can_be_meant(everything: int, query: str, *, offered: bool) -> None:
    """All stories of the team are offered while nothing else is searched for, and only up to 500 of them."""
    answer = story_options(FoundStories(items=stories(2), total=2, everything=everything), query)
    assert ("all" in values(answer)) is offered


def test_a_tag_on_too_many_stories_is_not_offered() -> None:
    """A set that no request may hold is not a choice."""
    tags = (TagCount(tag="prod", count=501, key="k1"), TagCount(tag="dev", count=500, key="k2"))
    assert values(story_options(FoundStories(items=(), total=0, everything=0, tags=tags))) == ["tag:k2"]


def test_namesakes_can_be_told_apart() -> None:
    """A story's choice shows its id and tags, and its value is its id."""
    option = story_option(Story(id=9981, name="High-Priority Alerts", tags=("phishing", "tier-1")))
    assert option["text"]["text"] == "High-Priority Alerts"
    assert option["description"]["text"] == "#9981 · phishing, tier-1"
    assert option["value"] == "story:9981"


def test_a_list_that_cannot_be_had_says_why() -> None:
    """When Tines does not answer, the list says so in a line that is not a choice."""
    assert values(problem_options(Problem(what="dev does not answer"))) == ["more"]
    assert "dev does not answer" in str(problem_options(Problem(what="dev does not answer")))
    assert values(note_options("Choose the source team first")) == ["more"]
