from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.models import (
    MOVES,
    Content,
    Decision,
    Request,
    State,
    Story,
    StoryStatus,
    SyncMode,
    Team,
    Verdict,
    new_request_id,
    parse_request_id,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)

TEXTS = st.text(max_size=20)
TIMES = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - Hypothesis wants naive bounds beside `timezones`
TEAMS = st.builds(Team, id=st.integers(1, 5), name=TEXTS)
STORIES = st.builds(
    Story,
    id=st.integers(1, 50),
    name=TEXTS,
    tags=st.lists(TEXTS, max_size=2).map(tuple),
    edited_at=st.none() | TIMES,
)
CONTENTS = st.builds(
    Content,
    route=TEXTS,
    source=TEXTS,
    destination=TEXTS,
    source_team=TEAMS,
    stories=st.lists(STORIES, min_size=1, max_size=5, unique_by=lambda story: story.id).map(tuple),
    destination_team=TEAMS,
    mode=st.sampled_from(SyncMode),
    reason=TEXTS,
)


@given(CONTENTS)
def test_a_digest_is_64_hexadecimal_characters(content: Content) -> None:
    """A digest fits where it is stored and carried, whatever the content."""
    assert len(content.digest()) == 64
    assert set(content.digest()) <= set("0123456789abcdef")


@given(content=CONTENTS, data=st.data())
def test_a_digest_does_not_depend_on_what_is_not_sent(content: Content, data: st.DataObject) -> None:
    """The order of stories, names, tags and the reason may change without an approval falling away."""
    told_anew = content.model_copy(
        update={
            "stories": tuple(
                story.model_copy(update={"name": data.draw(TEXTS), "tags": ("new",)})
                for story in data.draw(st.permutations(content.stories))
            ),
            "source_team": Team(id=content.source_team.id, name=data.draw(TEXTS)),
            "destination_team": Team(id=content.destination_team.id, name=data.draw(TEXTS)),
            "reason": data.draw(TEXTS),
        }
    )
    assert told_anew.digest() == content.digest()


@given(content=CONTENTS, other=CONTENTS, name=st.sampled_from(("route", "source", "destination", "mode")))
def test_a_digest_depends_on_where_and_how(content: Content, other: Content, name: str) -> None:
    """Two contents that differ in route, a tenant or the mode have different digests, and else the same."""
    changed = content.model_copy(update={name: getattr(other, name)})
    assert (changed.digest() == content.digest()) is (getattr(changed, name) == getattr(content, name))


@given(content=CONTENTS, name=st.sampled_from(("source_team", "destination_team")), team=TEAMS)
def test_a_digest_depends_on_the_teams(content: Content, name: str, team: Team) -> None:
    """Another team, known by its id, is another content."""
    changed = content.model_copy(update={name: team})
    assert (changed.digest() == content.digest()) is (team.id == getattr(content, name).id)


@given(content=CONTENTS, story=STORIES)
def test_a_digest_depends_on_each_story_and_its_last_edit(content: Content, story: Story) -> None:
    """A story more, less, or edited since is another content: what was reviewed is not what would be synced."""
    first, *rest = content.stories
    without = content.with_stories(tuple(rest))
    edited = content.with_stories((first.model_copy(update={"edited_at": story.edited_at}), *rest))
    assert without.digest() != content.digest()
    assert (edited.digest() == content.digest()) is (story.edited_at == first.edited_at)


@given(CONTENTS)
def test_a_digest_survives_being_stored(content: Content) -> None:
    """Content that was written as JSON and read again has the digest it had, down to the microsecond of an edit."""
    assert Content.model_validate_json(content.model_dump_json()).digest() == content.digest()


def test_the_parts_of_a_digest_do_not_run_into_each_other() -> None:
    """Moving a character from one name to the next is a change, as the parts are told apart by more than their order."""
    team, stories = Team(id=1, name="t"), (Story(id=1, name="s"),)

    def content(source: str, destination: str) -> Content:
        return Content(
            route="r",
            source=source,
            destination=destination,
            source_team=team,
            stories=stories,
            destination_team=team,
            mode=SyncMode.MANUAL,
            reason="",
        )

    assert content("ab", "c").digest() != content("a", "bc").digest()
    assert content("a", "b").digest() != content("b", "a").digest()


def test_ids_are_new_each_time_and_easily_read_aloud() -> None:
    """A thousand ids differ, and none holds a letter that is taken for a digit."""
    ids = {new_request_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert all(len(each) == 11 and each.startswith("TS-") for each in ids)
    assert not set("".join(each[3:] for each in ids)) & set("ILOU")


IDS = st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", min_size=8, max_size=8).map(lambda tail: f"TS-{tail}")


@given(IDS)
def test_an_id_is_understood_as_people_type_it(request_id: str) -> None:
    """Any case, with or without the prefix, in backticks or spaces, with O for 0 and I or L for 1, is the same id."""
    misread = request_id[3:].replace("0", "o").replace("1", "l")
    for typed in (request_id, request_id.lower(), request_id[3:], f" `{request_id}` ", misread, f"ts-{misread}"):
        assert parse_request_id(typed) == request_id


@pytest.mark.parametrize(
    "text", ["", "TS-", "TS-123", "TS-123456789", "TS-1234567U", "TS-1234567!", "TS 12345678", "٣٣٣٣٣٣٣٣"]
)
def test_what_cannot_be_an_id_is_none(text: str) -> None:
    """Too short, too long, or with a character that no id has: it is said not to be one instead of looked up."""
    assert parse_request_id(text) is None


@given(st.text())
def test_whatever_is_typed_is_either_an_id_or_none(text: str) -> None:
    """Reading an id never fails, and what it gives is read as itself again."""
    request_id = parse_request_id(text)
    assert request_id is None or parse_request_id(request_id) == request_id


def test_every_state_is_reached_and_can_end() -> None:
    """From pending every state can be reached, and from every state a final one: nothing waits for ever by design."""
    assert set(MOVES) == set(State)
    assert _reached_from(State.PENDING) == set(State)
    assert all(any(state.final for state in _reached_from(start)) for start in State)


def test_what_is_over_never_moves() -> None:
    """An outcome that people were told is never taken back, and no engine looks at it again."""
    over = {state for state in State if state.final}
    assert over == {
        State.SUCCEEDED,
        State.PARTIAL,
        State.FAILED,
        State.REJECTED,
        State.CANCELLED,
        State.EXPIRED,
    }
    assert not any(state.active for state in over)


def test_nothing_is_created_without_an_approval_and_nothing_waits_for_people_unseen() -> None:
    """A create follows an approval or an unknown outcome only; pending and uncertain requests wait for a click."""
    assert {state for state in State if State.RUNNING in MOVES[state]} == {State.APPROVED, State.UNCERTAIN}
    assert {state for state in State if not state.active and not state.final} == {State.PENDING, State.UNCERTAIN}


def test_once_a_create_may_have_been_sent_nothing_is_called_off() -> None:
    """While a call may have been applied a request is neither cancelled, rejected nor expired: that would be untrue.

    The only way back to where it can be is the move to approved, for a call that surely did not arrive.
    """
    called_off = {State.CANCELLED, State.REJECTED, State.EXPIRED}
    assert not called_off & MOVES[State.RUNNING]
    assert not called_off & _reached_from(State.FOLLOWING)


def a_decision(actor: str, **changes: object) -> Decision:
    """Build an approval of the request below by the actor."""
    decision = Decision(
        request_id="TS-00000000", revision=2, digest="now", actor=actor, verdict=Verdict.APPROVE, at=NOON
    )
    return decision.model_copy(update=changes)


def a_request(*decisions: Decision) -> Request:
    """Build a pending request in its second revision with these decisions."""
    team = Team(id=1, name="t")
    return Request(
        id="TS-00000000",
        state=State.PENDING,
        revision=2,
        content=Content(
            route="r",
            source="dev",
            destination="prod",
            source_team=team,
            stories=(),
            destination_team=team,
            mode=SyncMode.AUTOMATIC,
            reason="",
        ),
        digest="now",
        requester="U0ASKER",
        editor="U0ASKER",
        created_at=NOON,
        updated_at=NOON,
        expires_at=NOON + timedelta(hours=72),
        decisions=decisions,
    )


def test_only_approvals_of_what_is_shown_now_count() -> None:
    """An approval of an earlier revision or another digest, a rejection or a withdrawn approval counts for nothing."""
    counted = a_decision("U1")
    request = a_request(
        a_decision("U2", revision=1),
        a_decision("U3", digest="then"),
        a_decision("U4", verdict=Verdict.REJECT),
        a_decision("U5", withdrawn_at=NOON),
        counted,
    )
    assert request.approvals() == (counted,)


def test_each_person_approves_once_and_may_do_so_again_after_withdrawing() -> None:
    """Two approvals by one person are one, the older; a new one after a withdrawal counts."""
    first, again = a_decision("U1"), a_decision("U1", comment="again")
    assert a_request(first, again).approvals() == (first,)
    assert a_request(a_decision("U1", withdrawn_at=NOON), again).approvals() == (again,)


@pytest.mark.parametrize(
    ("status", "settled"), [("synced", True), ("failed", True), ("requires_sync", False), ("archived", True)]
)
def test_a_story_is_waited_for_only_while_waiting_helps(status: str, *, settled: bool) -> None:
    """Only a story that still needs a sync is worth looking at again, even where Tines has a status unknown to us."""
    assert StoryStatus(story_id=1, name="s", status=status).settled is settled


def _reached_from(start: State) -> set[State]:
    reached = {start}
    while further := {state for each in reached for state in MOVES[each]} - reached:
        reached |= further
    return reached
