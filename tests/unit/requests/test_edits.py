"""An edit is told with what it changed, and with nothing else."""

from handlers.models import Story, SyncMode, Team
from handlers.requests.edits import edit_changes
from tests.unit.views.harness import a_request, params_of

_ONE, _TWO, _THREE = (Story(id=number, name=name) for number, name in ((1, "One"), (2, "Two"), (3, "Three")))


def test_an_edit_says_what_changed() -> None:
    """Stories that came and went are named; teams, mode and reason are said before and after."""
    before = a_request(params=params_of(_ONE, _TWO))
    after = a_request(
        params=params_of(_TWO, _THREE, destination_team=Team(id=9, name="Elsewhere"), mode=SyncMode.MANUAL),
        reason="Incident 43",
    )
    assert sorted(edit_changes(before, after)) == [
        "Added: Three",
        "Destination team: SecOps copies → Elsewhere",
        "Reason: “Incident 42” → “Incident 43”",
        "Removed: One",
        "Sync mode: automatic → manual",
    ]


def test_what_stayed_is_not_said() -> None:
    """A request that was saved as it was has no changes; a story's later edit is none of them."""
    assert edit_changes(a_request(), a_request()) == []
    newer = (Story(id=1, name="One", tags=("x",)), _TWO)
    assert edit_changes(a_request(params=params_of(_ONE, _TWO)), a_request(params=params_of(*newer))) == []


def test_many_and_long_names_stay_short() -> None:
    """Whatever was chosen, a sentence stays short enough to be read."""
    many = [Story(id=number, name=f"{number} " + "x" * 500) for number in range(500)]
    [added] = edit_changes(a_request(params=params_of()), a_request(params=params_of(*many)))
    assert added.endswith("and 495 more")
    assert len(added) < 400
