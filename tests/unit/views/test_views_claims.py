"""What is said of a sync claims no more than the statuses say: nobody reads "synced" where a story is not."""

import re
from collections.abc import Iterator
from itertools import combinations_with_replacement
from typing import Final

import pytest

from handlers.models import NOT_LISTED, Request, State, SyncMode
from handlers.operations.following import ending

from .harness import SHOWN, a_request, a_status, params_of, synced

WORDS: Final = ("synced", "failed", "requires_sync", "quarantined", NOT_LISTED)
ENDED: Final = (State.SUCCEEDED, State.PARTIAL, State.FAILED)
HONEST: Final = re.compile(
    r"nothing is synced until someone starts a sync|nothing synced yet|partly synced|sync(?:ing)? its stories"
    r"|[\d,]+ of [\d,]+ stor(?:y|ies) (?:synced|failed)|[\d,]+ (?:synced|failed|needs? a sync|with another status)"
)
BOASTS: Final = re.compile(r"\bsynced\b|\bdone\b|\bsucceeded\b|\bevery\b|\ball\b")


def said_of(request: Request) -> Iterator[str]:
    """Yield all that is said about how far it is."""
    for said in (SHOWN.state_words, SHOWN.headline, SHOWN.sentence, SHOWN.yours, SHOWN.ended, SHOWN.totals):
        yield said(request).casefold()


def boasts(said: str) -> bool:
    """Whether a text claims that all is well, besides counting what is."""
    return BOASTS.search(HONEST.sub("", said)) is not None


@pytest.mark.parametrize("mode", SyncMode)
@pytest.mark.parametrize("how", ["created", "added", "found", "adopted"])
@pytest.mark.parametrize("state", [State.RUNNING, State.FOLLOWING, State.UNCERTAIN, *ENDED])
def test_synced_is_said_only_when_every_story_is(state: State, how: str, mode: SyncMode) -> None:
    """For every mix of statuses, in every state, no text says or counts more stories as synced than Tines does."""
    for count in range(4):
        for words in combinations_with_replacement(WORDS, count):
            statuses = [a_status(number, word) for number, word in enumerate(words)]
            request = synced(state, *statuses, how=how, params=params_of(mode=mode))
            good, all_good = words.count("synced"), words.count("synced") == count > 0
            for said in said_of(request):
                assert all_good or not boasts(said), (words, said)
                assert all(int(number) == good for number in re.findall(r"(\d+) synced", said)), (words, said)


@pytest.mark.parametrize("mode", SyncMode)
def test_when_every_story_is_synced_that_is_said(mode: SyncMode) -> None:
    """Where Tines calls every story synced, the request has succeeded and all who are told read so."""
    statuses = (a_status(1), a_status(2, " Synced "))
    state = ending(statuses, None, manual=mode is SyncMode.MANUAL)
    request = synced(state, *statuses, params=params_of(mode=mode))
    assert state is State.SUCCEEDED
    assert SHOWN.state_words(request) == "synced"
    assert SHOWN.yours(request) == "Your sync request is synced."
    assert SHOWN.ended(request) == "Synced."
    assert boasts(SHOWN.ended(request).casefold())
    assert SHOWN.headline(request) == "Created sync destination 24. 2 stories: 2 synced."
    assert SHOWN.totals(request) == "2 stories: 2 synced"


@pytest.mark.parametrize("word", ["requires_sync", NOT_LISTED])
def test_where_people_start_syncs_nothing_is_synced_yet(word: str) -> None:
    """A destination in manual mode is created with nothing synced, and that is what is said, although all went well."""
    statuses = (a_status(1, word), a_status(2, word))
    state = ending(statuses, None, manual=True)
    request = synced(state, *statuses, params=params_of(mode=SyncMode.MANUAL))
    assert state is State.SUCCEEDED
    assert SHOWN.headline(request) == "Created sync destination 24. Nothing is synced until someone starts a sync."
    assert SHOWN.state_words(request) == "created, nothing synced yet"
    assert SHOWN.ended(request) == "Created, nothing synced yet."
    assert SHOWN.totals(request) == "2 stories: 2 need a sync"


@pytest.mark.parametrize("word", ["requires_sync", NOT_LISTED, "quarantined"])
def test_a_status_that_may_still_change_is_no_success(word: str) -> None:
    """Stories that Tines had not synced when following ended leave the request partly done, and counted as they are."""
    statuses = (a_status(1), a_status(2, word))
    state = ending(statuses, None, manual=False)
    request = synced(state, *statuses)
    assert state is State.PARTIAL
    assert SHOWN.state_words(request) == "partly synced: 1 of 2 stories synced"
    counted = "1 with another status" if word == "quarantined" else "1 needs a sync"
    assert SHOWN.headline(request) == f"Created sync destination 24. 2 stories: 1 synced, {counted}."


def test_a_mixed_outcome_is_counted() -> None:
    """Headline and totals say how many stories are synced and how many failed."""
    request = synced(State.PARTIAL, a_status(1), a_status(2), a_status(3), a_status(4, "failed"))
    assert SHOWN.headline(request).startswith("Created sync destination 24. 4 stories: 3 synced, 1 failed.")
    assert SHOWN.totals(request) == "4 stories: 3 synced, 1 failed"
    assert SHOWN.state_words(request) == "partly synced: 1 of 4 stories failed"


@pytest.mark.parametrize("state", [state for state in State if state not in ENDED])
def test_before_there_is_a_result_nothing_is_claimed(state: State) -> None:
    """A request without a result is told by its state, in words that claim nothing."""
    assert not any(boasts(said) for said in said_of(a_request(state)))


def test_adding_is_not_called_creating() -> None:
    """The headline says whether a destination was created or stories were added to one."""
    headlines = {how: SHOWN.headline(synced(State.SUCCEEDED, a_status(1), how=how)) for how in ("created", "added")}
    assert headlines == {
        "created": "Created sync destination 24. 1 story: 1 synced.",
        "added": "Added the stories to sync destination 24. 1 story: 1 synced.",
    }


def test_a_closed_create_is_not_denied() -> None:
    """Nobody knows whether a create without an answer was applied: closed, it is not said to have made nothing."""
    closed = a_request(State.FAILED, closed_by="U0ADA", closed_comment="Looked")
    said = " ".join(said_of(closed))
    assert "it is unclear whether tines applied the change." in said
    assert "no sync destination was created" not in said
    assert not SHOWN.nothing_came_of(closed)
