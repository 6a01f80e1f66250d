"""What a sync would change is told action by action, from what to what, and in one line."""

import copy
from collections.abc import Callable
from typing import Any

import pytest

from handlers.comparison import FieldChange, PairedBy, Status, StoryDiff, normalise, parse_pointer, totals
from tests.unit.comparison.conftest import compared

Edit = Callable[[dict[str, Any]], object]


def diff_after(export: dict[str, Any], edit: Edit, *ignored: str) -> StoryDiff:
    """Return the diff between the story, edited on the source, and its copy as it was."""
    edited = copy.deepcopy(export)
    edit(edited)
    return compared(edited, export, paired_by=PairedBy.SLUG, ignore=[parse_pointer(each) for each in ignored])


def remove_headers(story: dict[str, Any]) -> None:
    """Remove the second action, as Tines would: the links that it had are gone, and the others are renumbered."""
    story["agents"].pop(1)
    story["links"] = [
        {"source": link["source"] - (link["source"] > 1), "receiver": link["receiver"] - (link["receiver"] > 1)}
        for link in story["links"]
        if 1 not in link.values()
    ]


@pytest.mark.parametrize(
    ("diff", "words"),
    [
        (StoryDiff(status=Status.NEW), "new on the destination"),
        (StoryDiff(status=Status.UNKNOWN, reason="the copy: not JSON"), "cannot be compared: the copy: not JSON"),
    ],
)
def test_what_has_nothing_to_compare_with_says_so(diff: StoryDiff, words: str) -> None:
    """A story without a copy is new on the destination, and one that cannot be read says why."""
    assert diff.words == words


def test_an_equal_copy_is_unchanged(export: dict[str, Any]) -> None:
    """A copy that is equal is unchanged, and the diff says how it was found."""
    diff = diff_after(export, lambda _: None)
    assert (diff.status, diff.words, diff.unified) == (Status.UNCHANGED, "unchanged", "")
    assert diff.paired_by is PairedBy.SLUG
    assert diff.paired_by.words == "the same slug"


@pytest.mark.parametrize(
    ("edit", "path", "old", "new"),
    [
        (lambda s: s["agents"][2]["options"].update(method="post"), "/options/method", '"get"', '"post"'),
        (lambda s: s["agents"][2]["options"].pop("method"), "/options/method", '"get"', None),
        (lambda s: s["agents"][2]["options"].update(retries=3), "/options/retries", None, "3"),
        (lambda s: s["agents"][2]["options"]["headers"].update({"a/b": 1}), "/options/headers/a~1b", None, "1"),
        (lambda s: s["agents"][2].update(disabled=True), "/disabled", "false", "true"),
        (lambda s: s["agents"][2].update(disabled=0), "/disabled", "false", "0"),
        (
            lambda s: s["agents"][2].update(schedule=[{"cron": "0 * * * *"}]),
            "/schedule",
            "null",
            '[{"cron":"0 * * * *"}]',
        ),
    ],
)
def test_a_changed_action(export: dict[str, Any], edit: Edit, path: str, old: str | None, new: str | None) -> None:
    """Each option, the schedule and whether it is disabled are told from what to what."""
    diff = diff_after(export, edit)
    assert [action.name for action in diff.changed] == ["Look up sender"]
    assert diff.changed[0].fields == (FieldChange(path=path, old=old, new=new),)
    assert diff.words == "1 action changed"


def test_an_added_action(export: dict[str, Any]) -> None:
    """An action that the copy has not is added, with its links."""

    def edit(story: dict[str, Any]) -> None:
        story["agents"].append({"type": "Agents::EmailAgent", "name": "Thank", "options": {"subject": "Thanks"}})
        story["links"].append({"source": 6, "receiver": 7})

    diff = diff_after(export, edit)
    assert (diff.added, diff.links_added) == (("Thank",), (("File it", "Thank"),))
    assert diff.words == "1 action added, 1 link added"
    assert "+++ source/actions/Thank\n" in diff.unified
    assert '+    "subject": "Thanks"\n' in diff.unified


def test_a_removed_action(export: dict[str, Any]) -> None:
    """An action that only the copy has is removed, with its links, and no other one is touched."""
    diff = diff_after(export, remove_headers)
    assert diff.removed == ("Headers",)
    assert diff.links_removed == (("Headers", "Look up sender"), ("Mail reported", "Headers"))
    assert (diff.added, diff.changed, diff.renamed, diff.links_added) == ((), (), (), ())
    assert diff.words == "1 action removed, 2 links removed"


def test_a_renamed_action(export: dict[str, Any]) -> None:
    """An action of another name that is otherwise the same is renamed; its links stay what they were."""
    diff = diff_after(export, lambda story: story["agents"][1].update(name="Mail headers"))
    assert diff.renamed == (("Headers", "Mail headers"),)
    assert diff.words == "1 action renamed"
    assert '-  "name": "Headers"' in diff.unified


def test_another_type_is_another_action(export: dict[str, Any]) -> None:
    """An action that became one of another type was removed and added."""
    diff = diff_after(export, lambda story: story["agents"][1].update(type="Agents::ScriptAgent"))
    assert (diff.added, diff.removed) == (("Headers",), ("Headers",))


def test_one_of_two_actions_of_one_name(export: dict[str, Any]) -> None:
    """Of two actions of the same name only the one that was changed is told."""
    diff = diff_after(export, lambda story: story["agents"][5]["options"].update(method="put"))
    assert [(action.name, len(action.fields)) for action in diff.changed] == [("Notify (2)", 1)]
    assert diff.words == "1 action changed"


def test_a_link_elsewhere(export: dict[str, Any]) -> None:
    """A link that leads elsewhere is one removed and one added."""
    diff = diff_after(export, lambda story: story["links"][0].update(receiver=2))
    assert diff.links_added == (("Mail reported", "Look up sender"),)
    assert diff.links_removed == (("Mail reported", "Headers"),)
    assert '+  "Mail reported → Look up sender"' in diff.unified


def test_settings_of_the_story(export: dict[str, Any]) -> None:
    """Settings of the story as a whole are told as well."""
    diff = diff_after(export, lambda story: story.update(keep_events_for=3600, send_to_story_enabled=True))
    assert [(change.path, change.old, change.new) for change in diff.settings] == [
        ("/keep_events_for", "604800", "3600"),
        ("/send_to_story_enabled", "false", "true"),
    ]
    assert diff.words == "2 settings changed"


@pytest.mark.parametrize(
    ("pointer", "edit"),
    [
        ("/agents/*/options/url", lambda s: s["agents"][2]["options"].update(url="https://other.example")),
        ("/agents/Look up sender/options/url", lambda s: s["agents"][2]["options"].update(url="x")),
        ("/agents/*/options/headers/X-Team", lambda s: s["agents"][2]["options"]["headers"].pop("X-Team")),
        ("/agents/*/options/matchers/*/regexp", lambda s: s["agents"][1]["options"]["matchers"][0].update(regexp="x")),
        ("/agents/*/options/matchers/0/to", lambda s: s["agents"][1]["options"]["matchers"][0].update(to="x")),
        ("/agents/*/options", lambda s: s["agents"][2].update(options={})),
        ("/agents/*/options/a~1b", lambda s: s["agents"][2]["options"].update({"a/b": 1})),
        ("/agents/*/disabled", lambda s: s["agents"][2].update(disabled=True)),
        ("/agents", lambda s: s["agents"][2].update(disabled=True)),
        ("/agents/Thank", lambda s: s["agents"].append({"name": "Thank"})),
        ("/keep_events_for", lambda s: s.update(keep_events_for=1)),
        ("/diagram_notes/*/content", lambda s: s["diagram_notes"][0].update(content="x")),
        ("/links", lambda s: s["links"].pop()),
        ("/links/*", lambda s: s["links"].pop()),
    ],
)
def test_ignored_differences(export: dict[str, Any], pointer: str, edit: Edit) -> None:
    """What a pointer means is no difference; without it, it is one; and the hash covers it all the same."""
    assert diff_after(export, edit).status is Status.CHANGED
    diff = diff_after(export, edit, "/other/*", pointer)
    assert (diff.status, diff.unified) == (Status.UNCHANGED, "")
    assert diff.source_hash != normalise(export).source_hash


def test_an_ignored_option_hides_no_other(export: dict[str, Any]) -> None:
    """Beside an ignored difference the others are told."""

    def edit(story: dict[str, Any]) -> None:
        story["agents"][2]["options"].update(url="https://other.example", method="post")

    diff = diff_after(export, edit, "/agents/*/options/url")
    assert [change.path for change in diff.changed[0].fields] == ["/options/method"]
    assert "other.example" not in diff.unified


@pytest.mark.parametrize("text", ["", "/", "agents/*", "$.agents", "*"])
def test_what_is_no_pointer_is_refused_in_words(text: str) -> None:
    """A pointer that is none is named, with an example of one."""
    with pytest.raises(ValueError, match="is not a JSON pointer: write it like /agents"):
        parse_pointer(text)


def test_totals(export: dict[str, Any]) -> None:
    """The stories of a request are told in one line."""
    diffs = [
        diff_after(export, lambda story: story["agents"][1].update(disabled=True)),
        diff_after(export, remove_headers),
        diff_after(export, lambda _: None),
        StoryDiff(status=Status.NEW),
        StoryDiff(status=Status.UNKNOWN, reason="the copy: not JSON"),
    ]
    assert totals(diffs) == (
        "2 changed stories (1 action removed, 1 action changed, 2 links removed), "
        "1 new on the destination, 1 unchanged, 1 not comparable"
    )
    assert totals(diffs[:1]) == "1 changed story (1 action changed)"
    assert totals([]) == "no stories"


def test_the_unified_diff_is_one(export: dict[str, Any]) -> None:
    """Each part of the whole diff has its heads, what is taken away, what is added, and a line end at its end."""

    def edit(story: dict[str, Any]) -> None:
        story["agents"][2]["options"].update(method="post")
        story.update(priority=True)

    lines = diff_after(export, edit).unified.splitlines(keepends=True)
    assert [line for line in lines if line.startswith(("---", "+++"))] == [
        "--- destination/story\n",
        "+++ source/story\n",
        "--- destination/actions/Look up sender\n",
        "+++ source/actions/Look up sender\n",
    ]
    assert '-    "method": "get",\n' in lines
    assert '+    "method": "post",\n' in lines
    assert all(line.startswith(("---", "+++", "@@ ", "-", "+", " ")) and line.endswith("\n") for line in lines)


def test_a_name_of_several_lines_stays_in_its_line(export: dict[str, Any]) -> None:
    """No name of an action can pretend to be a part of the diff."""
    diff = diff_after(export, lambda story: story["agents"].append({"name": "x\n--- a\n+++ b", "type": "y"}))
    assert "+++ source/actions/x --- a +++ b\n" in diff.unified


def test_very_long_options_are_shown_whole(export: dict[str, Any]) -> None:
    """An action of many thousand lines that changed is shown as removed and added."""
    export["agents"][2]["options"]["list"] = list(range(5_000))
    diff = diff_after(export, lambda story: story["agents"][2]["options"]["list"].reverse())
    assert diff.unified.count("\n-") >= 5_000
    assert diff.unified.count("\n+") >= 5_000
