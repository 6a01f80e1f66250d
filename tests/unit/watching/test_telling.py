"""What is told of a sync destination, look by look: once for each change, and nothing that the bot did itself.

Every look in these tests is followed by a restart: nothing but the row is remembered.
"""

from collections.abc import Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.models import DestinationChange, State
from handlers.operations.registry import all_operations
from handlers.watching.known import Health, Report
from handlers.watching.round import own_of
from handlers.watching.telling import SHOWN, Own
from tests.unit.views.harness import a_request

from .harness import BEHIND_AFTER, EVERY, NOBODY, Eyes, seen, watching

HOUR = timedelta(hours=1)
SYNCING = Own(active=True)


def kind(report: Report) -> str:
    """Return what a message is about, in a word."""
    words = [
        ("new", report.new),
        ("deleted", report.deleted),
        ("mode", report.mode_changed),
        ("added", bool(report.added)),
        ("removed", bool(report.removed)),
        ("failed", bool(report.failed)),
        ("behind", bool(report.behind)),
    ]
    return " ".join(word for word, is_so in words if is_so)


BEFORE = ("synced", "synced")
# every change, as the next listing shows it, and what a message about it says
CHANGES = {
    "a story failed": (seen("failed", "synced"), "failed"),
    "two stories failed": (seen("failed", "failed"), "failed"),
    "a story was added": (seen("synced", "synced", "synced"), "added"),
    "a story was removed": (seen("synced"), "removed"),
    "a story was exchanged": (seen("synced", "synced", first_id=2), "added removed"),
    "the mode changed": (seen("synced", "synced", manual=True), "mode"),
    "deleted": (None, "deleted"),
    "a story needs a sync": (seen("requires_sync", "synced"), ""),
    "a status that nobody knows": (seen("pondering", "synced"), ""),
    "a story that cannot be read": (seen("synced", whole=False), ""),
    "the tenant no longer tells the mode": (seen("synced", "synced", manual=None), ""),
}
OWN = {
    "a story failed": Own(failed=frozenset({1})),
    "two stories failed": Own(failed=frozenset({1, 2})),
    "a story was added": Own(changes=frozenset({DestinationChange.STORIES})),
    "a story was removed": Own(changes=frozenset({DestinationChange.STORIES})),
    "a story was exchanged": Own(changes=frozenset({DestinationChange.STORIES})),
    "the mode changed": Own(changes=frozenset({DestinationChange.MODE})),
    "deleted": Own(changes=frozenset({DestinationChange.DELETED})),
}


CASES = [
    (change, case)
    for change in CHANGES
    for case in ("plain", "ours", "another's of ours", "muted", "down before", "first look")
    if (change, case) != ("deleted", "first look")  # nothing can be missing that was never there
]


@pytest.mark.parametrize(("change", "case"), CASES)
def test_every_change(change: str, case: str) -> None:
    """What somebody did on Tines is told once; what the bot did, or what is muted, is not; a pause changes nothing."""
    what, told = CHANGES[change]
    eyes = Eyes() if case == "first look" else watching(*BEFORE)
    own = {"ours": OWN.get(change, NOBODY), "another's of ours": Own(changes=frozenset({DestinationChange.KEY}))}.get(
        case
    )
    if case == "muted":
        eyes.mutes(HOUR * 24)
    eyes.looks(what, own=own or NOBODY, after=HOUR * 9 if case == "down before" else EVERY, first=case == "first look")
    expected = [] if case in {"ours", "muted", "first look"} or not told else [told]
    assert [kind(each) for each in eyes.messages.values()] == expected
    if what is not None:
        for _ in range(3):
            eyes.looks(what)
        assert [kind(each) for each in eyes.messages.values()] == expected  # and never again


def test_a_new_destination() -> None:
    """One that nobody requested here is told of, with what failed in it, in one message; one of ours is not."""
    strange, ours, coming = Eyes(), Eyes(), Eyes()
    strange.looks(seen("failed", "synced"))
    ours.looks(seen("synced"), created_by="TS-00000001")
    coming.looks(seen("synced"), own=Own(active=True, changes=frozenset({DestinationChange.CREATED})))
    assert [kind(each) for each in strange.messages.values()] == ["new failed"]
    assert ours.messages == coming.messages == {}


def test_recovery_is_said_in_the_same_message() -> None:
    """A failure that is over is said where it was told, with its duration, and a story at a time."""
    eyes = watching(*BEFORE)
    eyes.looks(seen("failed", "failed"))
    eyes.looks(seen("synced", "failed"), after=HOUR)
    assert [(each.until is None) for each in eyes.last.failed] == [False, True]
    assert eyes.last.recovered_at is None
    eyes.looks(seen("synced", "requires_sync"), after=HOUR)
    assert eyes.last.recovered_at is None  # it waits for a sync: not well yet
    eyes.looks(seen("synced", "synced"), after=HOUR)
    assert len(eyes.messages) == 1
    assert eyes.last.recovered_at == eyes.now
    assert eyes.last.failed[1].until == eyes.now
    eyes.looks(seen("synced", "synced"), after=HOUR * 2)
    assert eyes.known is not None
    assert eyes.known.told.standing == ()  # nothing more is kept of what is over


def test_a_second_failure_is_a_second_message() -> None:
    """Another story that fails later is told anew, and both messages say when it is over."""
    eyes = watching(*BEFORE)
    eyes.looks(seen("failed", "synced"))
    eyes.looks(seen("failed", "failed"), after=HOUR)
    assert [[each.story_id for each in message.failed] for message in eyes.messages.values()] == [[1], [2]]
    eyes.looks(seen("synced", "synced"), after=HOUR)
    assert all(message.recovered_at == eyes.now for message in eyes.messages.values())


def test_behind() -> None:
    """A story that needs a sync for too long is told of once in automatic mode, never in manual mode."""
    eyes, manual, old = watching(*BEFORE), watching(*BEFORE, manual=True), watching(*BEFORE, manual=None)
    for each, mode in ((eyes, False), (manual, True), (old, None)):
        for _ in range(8):
            each.looks(seen("requires_sync", "synced", manual=mode))
    assert [kind(each) for each in eyes.messages.values()] == ["behind"]
    assert [kind(each) for each in old.messages.values()] == ["behind"]  # a tenant that knows no manual mode
    assert manual.messages == {}
    assert eyes.known is not None
    assert eyes.known.health is Health.BEHIND
    assert eyes.last.at - eyes.last.behind[0].since >= BEHIND_AFTER
    eyes.looks(seen("synced", "synced"))
    assert eyes.last.recovered_at == eyes.now
    assert len(eyes.messages) == 1


def test_flapping_is_one_message_that_counts() -> None:
    """A story that fails and recovers again and again has one message an hour, which counts and says how it is now."""
    eyes = watching(*BEFORE)
    for _ in range(3):
        eyes.looks(seen("failed", "synced"), after=EVERY)
        eyes.looks(seen("synced", "synced"), after=EVERY)
    assert len(eyes.messages) == 1
    assert eyes.last.changes >= 3
    assert eyes.last.recovered_at == eyes.now
    eyes.looks(seen("failed", "synced"), after=HOUR * 3)
    assert len(eyes.messages) == 2  # calm for hours: that is news again
    assert eyes.last.changes == 1


def test_another_story_is_no_flapping() -> None:
    """A story that fails for the first time is told of, however restless another one is."""
    eyes = watching(*BEFORE)
    eyes.looks(seen("failed", "synced"))
    eyes.looks(seen("synced", "synced"))
    eyes.looks(seen("failed", "failed"))
    assert [[each.story_id for each in message.failed] for message in eyes.messages.values()] == [[1], [1, 2]]


def test_what_still_fails_after_a_mute_is_told() -> None:
    """Muted means later: a failure that lasts longer than the mute is told when it ends, one that is over is not."""
    lasting, passing = watching(*BEFORE), watching(*BEFORE)
    for eyes in (lasting, passing):
        eyes.mutes(HOUR)
        eyes.looks(seen("failed", "synced"))
    passing.looks(seen("synced", "synced"))
    lasting.looks(seen("failed", "synced"), after=HOUR)
    passing.looks(seen("synced", "synced"), after=HOUR)
    assert [kind(each) for each in lasting.messages.values()] == ["failed"]
    assert passing.messages == {}


@pytest.mark.parametrize("change", CHANGES)
def test_after_a_mute_only_what_lasts_is_told(change: str) -> None:
    """When a mute ends, what still fails is told; that stories or the mode were changed, or it was deleted, is not."""
    what, told = CHANGES[change]
    eyes = watching(*BEFORE)
    eyes.mutes(HOUR * 2)
    eyes.looks(what)
    if what is not None:
        eyes.looks(what, after=HOUR * 3)
        assert [kind(each) for each in eyes.messages.values()] == (
            ["failed"] if told == "failed" else ["behind"] if change == "a story needs a sync" else []
        )
    else:
        assert eyes.messages == {}


def test_a_mute_keeps_messages_right() -> None:
    """A message that stands is corrected although its destination was muted after it."""
    eyes = watching(*BEFORE)
    eyes.looks(seen("failed", "synced"))
    eyes.mutes(HOUR * 9)
    eyes.looks(seen("synced", "synced"))
    assert eyes.last.recovered_at == eyes.now


def test_the_bot_at_work() -> None:
    """While a request is followed it tells of its stories itself; what it did not tell of is told afterwards."""
    eyes, untold = watching(*BEFORE), watching(*BEFORE)
    for each in (eyes, untold):
        each.looks(seen("failed", "synced"), own=SYNCING)
        assert each.messages == {}
    eyes.looks(seen("failed", "synced"), own=Own(failed=frozenset({1})))
    untold.looks(seen("failed", "synced"))
    eyes.looks(seen("failed", "synced"))
    untold.looks(seen("failed", "synced"))
    assert eyes.messages == {}
    assert [kind(each) for each in untold.messages.values()] == ["failed"]


def test_deleted_while_it_fails() -> None:
    """A message about a failure says that its destination was deleted, also when the bot did it."""
    eyes = watching(*BEFORE)
    eyes.looks(seen("failed", "synced"))
    eyes.looks(None, own=Own(changes=frozenset({DestinationChange.DELETED})))
    assert [each.deleted for each in eyes.messages.values()] == [True]


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("create", {DestinationChange.CREATED, DestinationChange.STORIES, DestinationChange.MODE}),
        ("add_stories", {DestinationChange.STORIES}),
        ("remove_stories", {DestinationChange.STORIES}),
        ("sync", set()),
        ("set_mode", {DestinationChange.MODE}),
        ("rotate_key", {DestinationChange.KEY}),
        ("delete", {DestinationChange.DELETED}),
        ("of a newer version", set()),
    ],
)
def test_what_the_bot_does_itself(name: str, changes: set[DestinationChange]) -> None:
    """What requests change is what their operations say; one that is not known here explains nothing."""
    request = a_request(State.RUNNING).model_copy(update={"operation": name})
    assert own_of([request], all_operations()) == Own(active=True, changes=frozenset(changes))


def test_a_removed_story_is_no_recovery() -> None:
    """A failed story that is taken out of the destination ended that way, and the message says so."""
    eyes = watching(*BEFORE)
    eyes.looks(seen("failed", "synced"))
    eyes.looks(seen("synced", first_id=2), own=Own(changes=frozenset({DestinationChange.STORIES})))
    assert eyes.last.failed[0].removed


def test_many_stories() -> None:
    """A message names some of many failed stories and counts the rest; it is over only when all are well."""
    eyes = watching(*["synced"] * 50)
    eyes.looks(seen(*["failed"] * 50))
    assert (len(eyes.last.failed), eyes.last.more) == (SHOWN, 50 - SHOWN)
    eyes.looks(seen(*["synced"] * 49, "failed"))
    assert eyes.last.recovered_at is None
    eyes.looks(seen(*["synced"] * 50))
    assert eyes.last.recovered_at == eyes.now
    assert len(eyes.messages) == 1


STATUSES = st.sampled_from(["synced", "failed", "requires_sync", "FAILED", "odd"])
LISTINGS = st.lists(
    st.tuples(
        st.lists(STATUSES, min_size=1, max_size=3),
        st.sampled_from([None, False, True]),
        st.sampled_from([EVERY, HOUR, HOUR * 30]),
    ),
    min_size=1,
    max_size=12,
)


@given(LISTINGS)
def test_whatever_is_listed(listings: Sequence[tuple[list[str], bool | None, timedelta]]) -> None:
    """Whatever a tenant lists, the same listing again tells nothing, and no story is told of as failed that is well."""
    eyes = watching("synced", "synced")
    for statuses, manual, after in listings:
        what = seen(*statuses, manual=manual)
        eyes.looks(what, after=after)
        count = len(eyes.messages)
        eyes.looks(what, after=timedelta(seconds=1))
        assert len(eyes.messages) == count
        well = {number for number, status in enumerate(statuses, 1) if status == "synced"}
        for message in eyes.messages.values():
            assert not [each for each in message.failed if each.until is None and each.story_id in well]
        assert eyes.known is not None
        failing = {number for number, status in enumerate(statuses, 1) if status.casefold() == "failed"}
        assert failing <= set(eyes.known.told.failed)
        assert (eyes.known.health is Health.FAILED) == bool(failing)


@given(LISTINGS)
def test_every_failure_is_in_a_message(listings: Sequence[tuple[list[str], bool | None, timedelta]]) -> None:
    """Whatever happened before, a story that fails is in a message that stands as failed."""
    eyes = watching("synced", "synced", "synced")
    for statuses, manual, after in listings:
        eyes.looks(seen(*statuses, manual=manual), after=after)
        failing = {number for number, status in enumerate(statuses, 1) if status.casefold() == "failed"}
        told = {each.story_id for message in eyes.messages.values() for each in message.failed if each.until is None}
        assert failing <= told
