from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.models import (
    MOVES,
    Decision,
    Request,
    State,
    Story,
    StoryStatus,
    SyncMode,
    Team,
    Verdict,
    digest_of,
    new_request_id,
    parse_request_id,
)
from handlers.operations.create import CreateFacts, CreateParams
from handlers.operations.following import ExistingDestination

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
PARAMS = st.builds(
    CreateParams,
    source_team=TEAMS,
    stories=st.lists(STORIES, min_size=1, max_size=5, unique_by=lambda story: story.id).map(tuple),
    destination_team=TEAMS,
    mode=st.sampled_from(SyncMode),
)
DESTINATIONS = st.builds(ExistingDestination, id=st.integers(1, 50), story_names=st.just(("One",)))
FACTS = st.builds(
    CreateFacts,
    stories=st.lists(STORIES, min_size=1, max_size=5, unique_by=lambda story: story.id).map(tuple),
    existing=st.lists(DESTINATIONS, max_size=3, unique_by=lambda each: each.id).map(tuple),
    add_to=st.none() | st.integers(1, 50),
)


class Covered(NamedTuple):
    """What a digest is made of."""

    operation: str
    route: str
    params: CreateParams
    origins: tuple[str, str]
    facts: CreateFacts

    @property
    def digest(self) -> str:
        """The digest of it."""
        return digest_of(*self)

    def asking(self, **differs: object) -> "Covered":
        """Return the same with other parameters."""
        return self._replace(params=self.params.model_copy(update=differs))

    def finding(self, **differs: object) -> "Covered":
        """Return the same with other facts."""
        return self._replace(facts=self.facts.model_copy(update=differs))


COVERED = st.builds(Covered, TEXTS, TEXTS, PARAMS, st.tuples(TEXTS, TEXTS), FACTS)


@given(COVERED)
def test_a_digest_is_64_hexadecimal_characters(covered: Covered) -> None:
    """A digest fits where it is stored and carried, whatever it covers, looked up or not."""
    for digest in (covered.digest, digest_of(*covered[:4], None)):
        assert len(digest) == 64
        assert set(digest) <= set("0123456789abcdef")


@given(covered=COVERED, data=st.data())
def test_a_digest_does_not_depend_on_what_is_not_sent(covered: Covered, data: st.DataObject) -> None:
    """The order of stories and of destinations, names and tags may change without an approval becoming invalid."""
    asked, found = covered.params, covered.facts

    def told_anew(stories: tuple[Story, ...]) -> tuple[Story, ...]:
        return tuple(
            story.model_copy(update={"name": data.draw(TEXTS), "tags": ("new",)})
            for story in data.draw(st.permutations(stories))
        )

    anew = covered.asking(
        stories=told_anew(asked.stories),
        source_team=Team(id=asked.source_team.id, name=data.draw(TEXTS)),
        destination_team=Team(id=asked.destination_team.id, name=data.draw(TEXTS)),
    ).finding(
        stories=told_anew(found.stories),
        existing=tuple(data.draw(st.permutations(found.existing))),
        source_team=Team(id=asked.source_team.id, name=data.draw(TEXTS)),
    )
    assert anew.digest == covered.digest


@given(covered=COVERED, other=COVERED, name=st.sampled_from(("operation", "route", "origins")))
def test_a_digest_depends_on_the_operation_the_route_and_the_tenants_addresses(
    covered: Covered, other: Covered, name: str
) -> None:
    """An approval of one operation, route or pair of tenants is none of another, as their names can be given away."""
    changed = covered._replace(**{name: getattr(other, name)})
    assert (changed.digest == covered.digest) is (getattr(changed, name) == getattr(covered, name))


@given(covered=COVERED, other=PARAMS, name=st.sampled_from(("source_team", "destination_team", "mode")))
def test_a_digest_depends_on_the_teams_and_the_mode(covered: Covered, other: CreateParams, name: str) -> None:
    """Another team, known by its id, and another sync mode are another request."""
    changed = covered.asking(**{name: getattr(other, name)})
    assert (changed.digest == covered.digest) is (changed.params.essence() == covered.params.essence())
    assert (changed.digest == covered.digest) is (
        getattr(getattr(other, name), "id", getattr(other, name))
        == getattr(getattr(covered.params, name), "id", getattr(covered.params, name))
    )


@given(covered=COVERED, story=STORIES)
def test_a_digest_depends_on_each_story_and_its_last_edit(covered: Covered, story: Story) -> None:
    """A story more, less, or edited since is not what was approved."""
    first, *rest = covered.facts.stories
    edited = covered.finding(stories=(first.model_copy(update={"edited_at": story.edited_at}), *rest))
    assert covered.finding(stories=tuple(rest)).digest != covered.digest
    assert covered.asking(stories=covered.params.stories[1:]).digest != covered.digest
    assert (edited.digest == covered.digest) is (story.edited_at == first.edited_at)


@given(covered=COVERED, destination=DESTINATIONS, plan=st.none() | st.integers(1, 50))
def test_a_digest_depends_on_the_destinations_shown_and_on_the_plan(
    covered: Covered, destination: ExistingDestination, plan: int | None
) -> None:
    """A destination more or less than was shown is not what was approved, nor is adding where creating was approved."""
    existing = covered.facts.existing
    shown = {each.id for each in existing}
    assert (covered.finding(existing=(*existing, destination)).digest == covered.digest) is False
    assert not existing or covered.finding(existing=existing[1:]).digest != covered.digest
    assert (covered.finding(existing=(destination,)).digest == covered.digest) is (shown == {destination.id})
    assert (covered.finding(add_to=plan).digest == covered.digest) is (plan == covered.facts.add_to)


@given(COVERED)
def test_what_was_looked_up_is_not_the_same_as_nothing(covered: Covered) -> None:
    """An approval given before anything was looked up does not cover what was found."""
    assert digest_of(*covered[:4], None) != covered.digest


@given(COVERED)
def test_a_digest_survives_being_stored(covered: Covered) -> None:
    """What was written as JSON and read again has the digest it had, down to the microsecond of an edit."""
    params = CreateParams.model_validate_json(covered.params.model_dump_json())
    facts = CreateFacts.model_validate_json(covered.facts.model_dump_json())
    assert covered._replace(params=params, facts=facts).digest == covered.digest


def test_the_parts_of_a_digest_do_not_run_into_each_other() -> None:
    """Moving a character from one part to the next is a change, as the parts are told apart by more than their order."""
    team = Team(id=1, name="t")
    params = CreateParams(source_team=team, stories=(Story(id=1, name="s"),), destination_team=team)

    def digest(operation: str, route: str, *origins: str) -> str:
        source, destination = origins
        return digest_of(operation, route, params, (source, destination), None)

    assert digest("o", "r", "ab", "c") != digest("o", "r", "a", "bc")
    assert digest("o", "r", "a", "b") != digest("o", "r", "b", "a")
    assert digest("or", "", "a", "b") != digest("o", "r", "a", "b")


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
        operation="create",
        route="r",
        source="dev",
        destination="prod",
        origins=("https://dev.example", "https://prod.example"),
        resource="dev 1 > prod 1",
        params=CreateParams(source_team=team, stories=(), destination_team=team),
        digest="now",
        reason="",
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
    ("status", "settled"), [("synced", True), ("failed", True), ("requires_sync", False), ("archived", False)]
)
def test_a_story_is_waited_for_only_while_waiting_helps(status: str, *, settled: bool) -> None:
    """Only what Tines calls synced or failed stays so: a status that is unknown to us may still change."""
    assert StoryStatus(story_id=1, name="s", status=status).settled is settled


def _reached_from(start: State) -> set[State]:
    reached = {start}
    while further := {state for each in reached for state in MOVES[each]} - reached:
        reached |= further
    return reached
