"""An export becomes what can be compared: whatever differs between tenants by itself is gone, all else is there."""

import copy
import json
import os
import random
import subprocess
import sys
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handlers.comparison import Export, NotComparableError, Status, normalise
from tests.unit.comparison.conftest import compared

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
SHARED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


HASHES = """
import sys
from handlers.comparison import normalise, references_of
story = normalise(sys.stdin.read())
print(story.source_hash, references_of(story))
"""


def reordered(export: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """Return the same story as another tenant exports it: other order, positions, keys, ids and guids."""
    other = copy.deepcopy(export)
    order = list(range(len(other["agents"])))
    rng.shuffle(order)
    other["agents"] = [
        dict(rng.sample(list(agent.items()), len(agent))) for agent in map(other["agents"].__getitem__, order)
    ]
    for agent in other["agents"]:
        agent.update(guid=f"{rng.getrandbits(128):032x}", position={"x": rng.random(), "y": 0}, id=rng.getrandbits(30))
    place = {old: new for new, old in enumerate(order)}
    other["links"] = [
        {"receiver": place[link["receiver"]], "source": place[link["source"]]}
        for link in rng.sample(other["links"], len(other["links"]))
    ]
    rng.shuffle(other["diagram_notes"])
    for note in other["diagram_notes"]:
        note.update(guid=f"{rng.getrandbits(128):032x}", position={"x": rng.random()})
    other.update(guid=f"{rng.getrandbits(128):032x}", id=rng.getrandbits(30), exported_at="2027-01-01T00:00:00Z")
    other.update(team_id=9, folder_id=4, diagram_layout="{}", entry_agent_guid=None, recipients=[])
    other["origin_story_identifier"] = "cloud:9:other"
    return dict(rng.sample(list(other.items()), len(other)))


@SHARED
@given(seed=st.integers(0, 10**6))
def test_order_positions_keys_and_guids_are_no_change(export: dict[str, Any], seed: int) -> None:
    """The same story exported in another order, with other positions, ids and guids, has the same hash and no change."""
    export = copy.deepcopy(export)
    other = reordered(export, random.Random(seed))  # noqa: S311 (an order, no secret)
    assert normalise(other).source_hash == normalise(export).source_hash
    assert compared(other, export).status is Status.UNCHANGED


@SHARED
@given(
    seed=st.integers(0, 10**6),
    links=st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=14),
    contents=st.lists(st.integers(0, 1), min_size=9, max_size=9),
)
def test_order_is_no_change_among_actions_of_one_name(
    export: dict[str, Any], seed: int, links: list[tuple[int, int]], contents: list[int]
) -> None:
    """However actions of the same name and content are linked, their order in the export does not matter."""
    export = copy.deepcopy(export)
    export["agents"] = [
        {"type": "Agents::HTTPRequestAgent", "name": f"Step {number % 2}", "options": {"n": content}}
        for number, content in enumerate(contents)
    ]
    export["links"] = [{"source": begin, "receiver": end} for begin, end in links]
    other = reordered(export, random.Random(seed))  # noqa: S311 (an order, no secret)
    same = normalise(other).source_hash == normalise(export).source_hash
    assert same
    assert compared(other, export).status is Status.UNCHANGED


def differ(old: object, new: object) -> bool:
    """Whether two values are written differently in JSON, 1 and 1.0 being one number."""

    def plain(value: object) -> object:
        match value:
            case bool() | None | str():
                return repr(value)
            case int() | float():
                return str(value) if value != value or value in (float("inf"), -float("inf")) else float(value)  # noqa: PLR0124
            case dict():
                return {key: plain(each) for key, each in value.items()}
            case list():
                return [plain(each) for each in value]
        return value

    return plain(old) != plain(new)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text("abc XYZ<>{}.", max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc_", max_size=8), inner, max_size=4),
    max_leaves=12,
)


@SHARED
@given(which=st.integers(0, 6), key=st.sampled_from(["payload", "rules", "mode", "url"]), old=PLAIN, new=PLAIN)
def test_any_change_of_an_option_is_one(export: dict[str, Any], which: int, key: str, old: object, new: object) -> None:
    """Whatever value an option of an action had and gets, the change is seen, and named, unless it is the same value."""
    export = copy.deepcopy(export)
    before, after = copy.deepcopy(export), copy.deepcopy(export)
    before["agents"][which]["options"][key] = old
    after["agents"][which]["options"][key] = new
    diff = compared(after, before)
    hashes = {normalise(before).source_hash, normalise(after).source_hash}
    if differ(old, new):
        assert diff.status is Status.CHANGED
        assert len(hashes) == 2
        assert diff.changed[0].fields[0].path.startswith(f"/options/{key}")
    else:
        assert diff.status is Status.UNCHANGED
        assert len(hashes) == 1


def test_swapped_links_of_actions_of_one_name_are_a_change(export: dict[str, Any]) -> None:
    """Which of two actions of the same name gets the events is told apart."""
    other = copy.deepcopy(export)
    other["links"][3]["receiver"], other["links"][4]["receiver"] = 5, 4
    assert normalise(other).source_hash != normalise(export).source_hash
    assert compared(other, export).status is Status.CHANGED


def test_versions_are_told_apart(export: dict[str, Any]) -> None:
    """A tenant that runs another version of Tines has the same story; the versions are told beside it."""
    older = export | {"schema_version": 20}
    assert normalise(older).source_hash == normalise(export).source_hash
    diff = compared(export, older)
    assert diff.status is Status.UNCHANGED
    assert [(change.path, change.old, change.new) for change in diff.versions] == [("/schema_version", "20", "24")]


@pytest.mark.parametrize("key", ["name", "description", "keep_events_for", "send_to_story_enabled", "tags"])
def test_settings_of_the_story_are_compared(export: dict[str, Any], key: str) -> None:
    """Each setting of the story as a whole counts."""
    assert normalise(export | {key: "other"}).source_hash != normalise(export).source_hash


def test_links_are_pairs_of_names(export: dict[str, Any]) -> None:
    """Links name the actions that they go from and to; a link to no action is left out."""
    export["links"] += [{"source": 99, "receiver": 0}, {"source": True}, None, {"source": -1, "receiver": 0}]
    story = normalise(export)
    assert ("Mail reported", "Headers") in story.links
    assert len(story.links) == 6
    assert [action.label for action in story.actions].count("Notify (2)") == 1


@pytest.mark.parametrize("form", ["bytes", "text", "with a byte order mark", "decoded"])
def test_any_form_of_an_export(export: dict[str, Any], form: str) -> None:
    """An export may come as bytes, as text, and decoded."""
    text = json.dumps(export)
    forms: dict[str, Export] = {"bytes": text.encode(), "text": text, "decoded": export}
    forms["with a byte order mark"] = b"\xef\xbb\xbf" + text.encode()
    assert normalise(forms[form]).source_hash == normalise(export).source_hash


@pytest.mark.parametrize(
    ("odd", "words"),
    [
        (b"", "not JSON"),
        (b"<html>", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b'{"a":' * 500 + b"1" + b"}" * 500, "levels deep"),
        (b"[]", "not a JSON object"),
        (b'"text"', "not a JSON object"),
        (b'{"agents": {}}', "no list of actions"),
        (b'{"links": 1}', "none of links"),
        (b'{"agents": [{}, 7]}', "Action 2"),
        (b'{"a": 1' + b"0" * 5_000 + b"}", "not JSON"),
    ],
)
def test_what_is_no_export_cannot_be_compared(odd: bytes, words: str) -> None:
    """What is no export is told in words, and never as another error."""
    with pytest.raises(NotComparableError, match=words):
        normalise(odd)


@SHARED
@given(
    at=st.sampled_from(["", "agents", "links", "name", "slug", "tags", "diagram_notes", "agent", "options"]), odd=JSON
)
def test_odd_values_are_compared_or_refused(export: dict[str, Any], at: str, odd: object) -> None:
    """Whatever stands where something else is expected, the story can be compared, or there is a reason why not."""
    export = copy.deepcopy(export)
    if at == "agent":
        export["agents"][0] = odd
    elif at == "options":
        export["agents"][0]["options"] = odd
    story: Any = {**export, at: odd} if at else odd
    reason = None
    try:
        diff = compared(story, export)
    except NotComparableError as error:
        reason = str(error)
    else:
        assert compared(story, json.dumps(story)).status is Status.UNCHANGED
        assert json.loads(diff.model_dump_json())  # it can be stored
    assert reason is None or reason


@SHARED
@given(text=st.text(st.characters(categories=["Cs", "Cc", "Lu"]), max_size=9))
def test_odd_characters(export: dict[str, Any], text: str) -> None:
    """Half characters and control characters do no harm in names, keys and values."""
    export = copy.deepcopy(export)
    export |= {"name": text, text: text, "agents": [{"name": text, "type": text, text: text, "options": {text: text}}]}
    diff = compared(export, json.dumps(export))
    assert diff.status is Status.UNCHANGED
    assert diff.model_dump_json()


@pytest.mark.parametrize(
    "text", ["<<" * 50_000, "{{" * 50_000, "eyJ" * 30_000, "token=" * 20_000, "a:" * 50_000, "//a" * 30_000]
)
def test_pathological_texts_take_linear_time(export: dict[str, Any], text: str) -> None:
    """No text makes a comparison take long."""
    export["agents"][1]["options"] = {"code": text, "secret": text}
    export["agents"][0]["options"]["path"] = text
    begun = time.process_time()
    normalise(export)
    assert time.process_time() - begun < 5


def test_a_process_that_starts_anew_finds_the_same(export: dict[str, Any]) -> None:
    """After a restart the source of a story has the same hash: what was approved before is still what is sent."""
    found = {
        subprocess.run(  # noqa: S603 - our own interpreter and code
            [sys.executable, "-c", HASHES],
            input=json.dumps(export),
            env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1
    assert normalise(export).source_hash in found.pop()
