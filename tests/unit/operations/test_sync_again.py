"""Syncing chosen stories again, one call for each: what is refused of one story keeps no other from being synced."""

import pytest

from bot.playground.tines.faults import Fault, Kind
from handlers.models import State
from handlers.operations.sync import SyncAgainResult
from tests.unit.requests.harness import STORIES

from .conftest import OpenExecution
from .harness import DESTINATIONS


@pytest.mark.parametrize(("how", "words"), [("refused", "422"), ("not started", "started no sync of")])
@pytest.mark.parametrize("refused", [STORIES[:1], STORIES[1:], STORIES], ids=["first", "last", "all"])
async def test_a_story_of_which_no_sync_is_started(
    open_execution: OpenExecution, how: str, words: str, refused: tuple[str, ...]
) -> None:
    """Each other story is synced, once, and the result names what was not, whatever its status said before."""
    execution = await open_execution()
    harness = execution.harness
    there = execution.somebody_creates(*STORIES)
    paths = {name: f"{DESTINATIONS}/{there.id}/story/{harness.story(name)}/sync" for name in STORIES}
    request = await execution.approved_on(there, "sync", {"which": "chosen", "story_ids": list(STORIES)})
    for name in refused:
        if how == "refused":
            harness.dev.faults.add(Fault(Kind.ANSWER, "POST", paths[name], status=422, message="Not now"))
        else:
            execution.line.says["POST", paths[name]] = {"story_sync_initiated": False}
    ended = await harness.finishes(request.id)
    assert [execution.line.tries("POST", path) for path in paths.values()] == [1, 1]
    if refused == STORIES:
        assert ended.state is State.FAILED
        assert ended.problem is not None
        assert words in ended.problem.what
        return
    assert ended.state is State.PARTIAL
    assert isinstance(ended.result, SyncAgainResult)
    assert {each.name for each in ended.result.statuses if each.failed and words in (each.error or "")} == set(refused)


async def test_a_sync_that_tines_did_not_start(open_execution: OpenExecution) -> None:
    """Tines may take the call and say that it started nothing: that is no success."""
    execution = await open_execution()
    there = execution.somebody_creates(*STORIES)
    request = await execution.approved_on(there, "sync", {"which": "all"})
    execution.line.says["POST", f"{DESTINATIONS}/{there.id}/manual_sync"] = {"sync_initiated": False}
    ended = await execution.harness.finishes(request.id)
    assert ended.state is State.FAILED
    assert ended.problem is not None
    assert ended.problem.what == "Tines accepted the call, but started no sync of its stories"
