import pytest

from bot.playground.tines.syncing import publish_story
from handlers.comparison import Gap, Kind, Reference
from handlers.models import State
from handlers.requests import Changed, Done, approve
from tests.unit.requests.harness import ADA, BEN, CLEO, STORIES, TOM, create_of

from .conftest import OpenExecution
from .harness import DESTINATIONS


async def test_every_approver_must_have_seen_what_is_there(open_execution: OpenExecution) -> None:
    """Of two approvers only the second was shown a destination that had appeared: the first approval does not count."""
    execution = await open_execution(approvals=2)
    harness = execution.harness
    request = await harness.asks()
    assert isinstance(await approve(harness.services, ADA, await harness.shown(request.id), budget=None), Done)
    execution.somebody_creates(STORIES[0])
    assert isinstance(await approve(harness.services, BEN, await harness.shown(request.id), budget=None), Done)
    again = await harness.works(request.id)
    assert (again.state, [each.actor for each in again.approvals()]) == (State.PENDING, [BEN])
    assert execution.line.tries("POST") == 0
    assert await execution.notes(request) == ["stories_changed"]
    assert isinstance(await approve(harness.services, CLEO, await harness.shown(request.id), budget=None), Done)
    assert (await harness.finishes(request.id)).state is State.SUCCEEDED
    assert harness.creates() == 2


async def test_one_approver_who_saw_it_is_enough_where_one_is_needed(open_execution: OpenExecution) -> None:
    """Where one approval is needed, whoever gave it has seen what is there, and it runs beside it."""
    execution = await open_execution()
    execution.somebody_creates(STORIES[0])
    request = await execution.approved()
    assert (await execution.harness.finishes(request.id)).state is State.SUCCEEDED
    assert execution.harness.creates() == 2


async def test_what_was_listed_before_another_create_is_not_trusted(open_execution: OpenExecution) -> None:
    """A request whose look came before another one's create, and its turn after it, looks again and sees what is there."""
    execution = await open_execution()
    harness = execution.harness
    first, second = await execution.approved(), await execution.approved(reason="The same again")

    async def the_first_is_done() -> None:
        assert (await harness.works(first.id)).state is State.SUCCEEDED

    execution.line.after("GET", DESTINATIONS, the_first_is_done)
    waiting = await harness.works(second.id)
    assert (waiting.state, waiting.attempts) == (State.APPROVED, 0)
    harness.clock.passes(seconds=10)
    assert (await harness.works(second.id)).state is State.PENDING
    assert await execution.notes(second) == ["existing_found"]
    assert harness.creates() == 1


@pytest.mark.parametrize("what", ["edited", "gone", "moved", "no change control"])
async def test_what_was_approved_is_what_is_sent(open_execution: OpenExecution, what: str) -> None:
    """A story that changed during a freeze is not sent as it is by now: the request goes back to its approvers."""
    execution = await open_execution()
    harness = execution.harness
    await execution.freezes()
    request = await execution.approved()
    await harness.works(request.id)
    harness.clock.passes(hours=3)
    story = harness.story(STORIES[0])
    match what:
        case "edited":
            harness.dev.edit_action(story, mode="extract")
        case "gone":
            harness.dev.delete_story(story)
        case "moved":
            harness.dev.stories[story].team_id = next(
                team for team in harness.dev.teams if team != create_of(request).source_team.id
            )
        case _:
            harness.dev.set_change_control(story, enabled=False)
    await execution.unfreezes()
    again = await harness.works(request.id)
    assert (again.state, again.revision, again.approvals()) == (State.PENDING, 2, ())
    assert execution.line.tries("POST") == 0
    told = next(each for each in await harness.told() if each.get("kind") == "stories_changed")
    assert STORIES[0] in told["changes"][0]
    assert told["changes"][-1] == "It needs approval again."
    if what == "edited":
        assert isinstance(await approve(harness.services, BEN, await harness.shown(request.id), budget=None), Done)
        assert (await harness.finishes(request.id)).state is State.SUCCEEDED


async def test_a_story_that_only_was_published_again_is_what_was_approved(open_execution: OpenExecution) -> None:
    """A later version in which nothing changed that is sent needs no second approval; neither does a moved action."""
    execution = await open_execution()
    harness = execution.harness
    request = await execution.approved()
    harness.clock.passes(minutes=1)
    publish_story(harness.dev, harness.story(STORIES[0]))
    assert (await harness.finishes(request.id)).state is State.SUCCEEDED
    assert execution.line.tries("POST") == 1


async def test_a_story_edited_right_after_the_approval(open_execution: OpenExecution) -> None:
    """Also without a freeze the stories are looked at once more right before the call."""
    execution = await open_execution()
    harness = execution.harness
    request = await execution.approved()
    harness.clock.passes(seconds=1)
    harness.dev.edit_action(harness.story(STORIES[1]), mode="extract")
    assert (await harness.works(request.id)).state is State.PENDING
    assert execution.line.tries("POST") == 0


async def test_who_runs_it_without_approval_asks_nobody_again(open_execution: OpenExecution) -> None:
    """Who runs a request without approval runs it with the stories as they are, also after a freeze."""
    execution = await open_execution(break_glass=(TOM,))
    harness = execution.harness
    execution.somebody_creates(STORIES[0])
    await execution.freezes()
    request = await harness.asks(TOM, emergency=True)
    await harness.works(request.id)
    harness.clock.passes(hours=3)
    harness.dev.edit_action(harness.story(STORIES[0]), mode="extract")
    await execution.unfreezes()
    assert (await harness.finishes(request.id)).state is State.SUCCEEDED
    assert execution.line.tries("POST", DESTINATIONS) == 1


@pytest.mark.parametrize("rule", ["warn", "strict"])
async def test_what_is_missing_since_the_approval_is_told(open_execution: OpenExecution, rule: str) -> None:
    """What the destination lacks since the approval is told in the thread; strictly, the approvers decide again, once."""
    execution = await open_execution(preflight=rule)
    harness = execution.harness
    request = await execution.approved()
    prod = harness.dev.world.at("http://127.0.0.1:2")
    assert prod is not None
    prod.remove_credential("slack_bot")
    ended = await harness.finishes(request.id)
    assert await execution.notes(request) == ["newly_missing"]
    if rule == "strict":
        assert (ended.state, ended.revision, execution.line.tries("POST")) == (State.PENDING, 2, 0)
        assert isinstance(await approve(harness.services, BEN, await harness.shown(request.id), budget=None), Done)
        ended = await harness.finishes(request.id)
    assert ended.state is State.FAILED  # Tines says the same
    assert execution.line.tries("POST") == 1
    assert await execution.notes(request) == ["newly_missing"]


async def test_what_is_missing_since_the_review_is_shown_again(open_execution: OpenExecution) -> None:
    """Something that is missing since the review was opened is shown before the approval counts."""
    execution = await open_execution()
    harness = execution.harness
    request = await harness.asks()
    shown = await harness.shown(request.id)
    prod = harness.dev.world.at("http://127.0.0.1:2")
    assert prod is not None
    prod.remove_credential("slack_bot")
    answer = await approve(harness.services, BEN, shown.model_copy(update={"missing": frozenset[str]()}), budget=None)
    assert isinstance(answer, Changed)
    assert answer.changes[0].startswith("New: credential slack_bot is missing on the destination (used by ")
    told = frozenset({Gap(reference=Reference(kind=Kind.CREDENTIAL, slug="slack_bot"), stories=()).mark})
    answer = await approve(harness.services, BEN, shown.model_copy(update={"missing": told}), budget=None)
    assert isinstance(answer, Done)
