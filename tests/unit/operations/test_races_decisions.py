import asyncio
from datetime import datetime

from handlers.models import State
from handlers.operations.create import CreateFacts
from handlers.requests import Changed, Done, Refused, ReviewedVersion, approve, edit, reject, submit, withdraw
from tests.unit.requests.harness import ADA, BEN, RINA, RequestHarness, create_of

from .conftest import OpenExecution
from .harness import DESTINATIONS, ExecutionHarness


async def clicked_on(execution: ExecutionHarness) -> tuple[RequestHarness, ReviewedVersion, datetime]:
    """Have a request asked for and shown, and Approve clicked five seconds ago; its job is still to run."""
    harness = execution.harness
    request = await harness.asks()
    shown, clicked = await harness.shown(request.id), harness.clock()
    harness.clock.passes(seconds=5)
    return harness, shown, clicked


async def test_an_approval_that_runs_twice_stays_withdrawn(open_execution: OpenExecution) -> None:
    """A job that finishes an approval and runs again after the person took it back does not approve once more."""
    harness, shown, clicked = await clicked_on(await open_execution(approvals=2))
    first = await approve(harness.services, ADA, shown, budget=None, since=clicked)
    assert isinstance(first, Done)
    harness.clock.passes(seconds=5)
    assert isinstance(await withdraw(harness.services, ADA, shown.request_id), Done)
    again = await approve(harness.services, ADA, shown, budget=None, since=clicked)
    assert isinstance(again, Done)
    assert "already approved" in again.text
    assert (await harness.now(shown.request_id)).approvals() == ()
    assert (await harness.kinds(shown.request_id)).count("approved") == 1
    # a new click after that is a new approval
    assert isinstance(await approve(harness.services, ADA, shown, budget=None, since=harness.clock()), Done)
    assert len((await harness.now(shown.request_id)).approvals()) == 1


async def test_a_job_that_runs_again_is_no_second_form(open_execution: OpenExecution) -> None:
    """A job that made a request and runs again leaves no row; the same form sent again later leaves one, told the same."""
    execution = await open_execution()
    harness = execution.harness
    form, sent = harness.form(), harness.clock()
    harness.clock.passes(seconds=5)
    made = await submit(harness.services, RINA, form, budget=None, since=sent)
    harness.clock.passes(seconds=5)
    again = await submit(harness.services, RINA, form, budget=None, since=sent)
    assert isinstance(made, Done)
    assert isinstance(again, Done)
    assert again.request.id == made.request.id
    assert "was already requested" in again.text
    assert await harness.kinds(made.request.id) == ["asked"]

    later = await submit(harness.services, RINA, form, budget=None, since=harness.clock())
    assert later == again
    assert await harness.kinds(made.request.id) == ["asked", "repeated"]


async def test_a_job_that_runs_again_is_no_second_click(open_execution: OpenExecution) -> None:
    """A job that gave an approval and runs again leaves no row; another click on the same review leaves one."""
    harness, shown, clicked = await clicked_on(await open_execution(approvals=2))
    for _ in range(2):
        assert isinstance(await approve(harness.services, ADA, shown, budget=None, since=clicked), Done)
    assert "repeated" not in await harness.kinds(shown.request_id)

    harness.clock.passes(seconds=5)
    later = await approve(harness.services, ADA, shown, budget=None, since=harness.clock())
    assert isinstance(later, Done)
    assert "already approved" in later.text
    assert (await harness.kinds(shown.request_id)).count("repeated") == 1


async def test_what_was_looked_up_for_an_older_revision_is_not_shown(open_execution: OpenExecution) -> None:
    """An approval during which the request is edited is shown again, without what was looked up for its old stories."""
    execution = await open_execution()
    harness = execution.harness
    request = await harness.asks()
    shown = await harness.shown(request.id)

    async def rina_edits() -> None:
        answer = await edit(harness.services, RINA, request.id, 1, harness.form(reason="Better"), budget=None)
        assert isinstance(answer, Done)

    execution.line.after("GET", DESTINATIONS, rina_edits)
    answer = await approve(harness.services, ADA, shown, budget=None)
    assert isinstance(answer, Changed)
    assert (answer.request.revision, answer.preview) == (2, None)
    assert answer.changes == ("The requester edited the request. The new version is below.",)
    assert (await harness.now(request.id)).approvals() == ()


async def test_what_changed_on_tines_is_shown_with_what_is_there(open_execution: OpenExecution) -> None:
    """An approval of stories that were edited since comes back with what was looked up, to be decided on at once."""
    execution = await open_execution()
    harness = execution.harness
    request = await harness.asks()
    shown = await harness.shown(request.id)
    harness.clock.passes(seconds=5)
    harness.dev.edit_action(create_of(request).stories[0].id, mode="extract")
    answer = await approve(harness.services, ADA, shown, budget=None)
    assert isinstance(answer, Changed)
    assert answer.preview is not None
    assert isinstance(answer.preview.facts, CreateFacts)
    assert answer.preview.facts.stories[0].edited_at == harness.clock()


async def test_a_second_click_after_a_rejection_is_told_of_it(open_execution: OpenExecution) -> None:
    """Who approved, and clicks again after somebody rejected the request, is not told that the approval counts."""
    execution = await open_execution(approvals=2)
    harness = execution.harness
    request = await harness.asks()
    shown = await harness.shown(request.id)
    assert isinstance(await approve(harness.services, ADA, shown, budget=None), Done)
    assert isinstance(await reject(harness.services, BEN, shown, "Not now"), Done)
    answer = await approve(harness.services, ADA, shown, budget=None)
    assert isinstance(answer, Refused)
    assert answer.reasons == (f"{request.id} was rejected.",)


async def test_a_click_during_a_rejection_is_told_of_it(open_execution: OpenExecution) -> None:
    """The same is said when the rejection comes while the second click is being checked."""
    execution = await open_execution(approvals=2)
    harness = execution.harness
    request = await harness.asks()
    shown = await harness.shown(request.id)

    async def ben_rejects() -> None:
        assert isinstance(await reject(harness.services, BEN, shown, "Not now"), Done)

    execution.line.after("GET", DESTINATIONS, ben_rejects)
    answer = await approve(harness.services, ADA, shown, budget=None)
    assert isinstance(answer, Refused)
    assert answer.reasons == (f"{request.id} was rejected.",)
    assert (await harness.now(request.id)).state is State.REJECTED


async def test_an_approval_on_a_frozen_route_says_when_it_runs(open_execution: OpenExecution) -> None:
    """Who gives the last approval on a frozen route is not told that it runs now, and neither is who runs it without approval."""
    execution = await open_execution(break_glass=(RINA,))
    harness = execution.harness
    await execution.freezes()
    request = await harness.asks()
    approved = await approve(harness.services, ADA, await harness.shown(request.id), budget=None)
    assert isinstance(approved, Done)
    assert approved.text.endswith("dev-to-prod is frozen, so it will run when the route is unfrozen.")
    broken = await submit(harness.services, RINA, harness.form(emergency=True), budget=None)
    assert isinstance(broken, Done)
    assert broken.text.endswith("dev-to-prod is frozen. It will run when the route is unfrozen.")


async def test_a_form_that_arrives_twice_at_once_makes_one_request(open_execution: OpenExecution) -> None:
    """Two clicks on one form at the same moment, in two processes, make one request; both are told of the same one."""
    execution = await open_execution()
    harness = execution.harness
    form = harness.form()
    async with execution.beside() as other:
        answers = await asyncio.gather(
            *(
                submit(services, RINA, form, budget=None)
                for services in (harness.services, other.services, harness.services, other.services)
            )
        )
    found = {answer.request.id for answer in answers if isinstance(answer, Done)}
    assert len(found) == 1
    assert {type(answer) for answer in answers} == {Done}
    async with harness.store.reading() as reader:
        assert await reader.requests.counts() == {"pending": 1}
    assert await harness.kinds(found.pop()) == ["asked", *["repeated"] * 3]
    assert len(await harness.told()) == 1
