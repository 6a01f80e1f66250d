"""An edit is told with what it changed, and with nothing else."""

from typing import Any, Final

import pytest

from handlers.models import Params, Story, SyncMode, Team
from handlers.operations.add_stories import AddParams
from handlers.operations.delete import DeleteParams
from handlers.operations.destination import DestinationRef
from handlers.operations.registry import all_operations
from handlers.operations.remove_stories import RemoveParams
from handlers.operations.rotate_key import RotateParams
from handlers.operations.set_mode import ModeParams
from handlers.operations.sync import SyncParams
from handlers.requests.edits import edit_changes
from handlers.store import OpaqueParams
from tests.unit.views.harness import a_request, params_of

_ONE, _TWO, _THREE = (Story(id=number, name=name) for number, name in ((1, "One"), (2, "Two"), (3, "Three")))
_TEAM: Final = Team(id=7, name="SecOps")


def _ref(number: int) -> DestinationRef:
    return DestinationRef(id=number, source_team=_TEAM, destination_team=_TEAM)


def _rotate(*numbers: int, **differs: Any) -> RotateParams:  # noqa: ANN401 - fields of the parameters
    refs = tuple(map(_ref, numbers))
    return RotateParams(destination=refs[0], others=refs[1:], **{"key_name": "env:KEY"} | differs)


ROWS: Final[tuple[tuple[str, Params, Params, list[str]], ...]] = (
    (
        "create",
        params_of(_ONE, _TWO),
        params_of(_TWO, _THREE, destination_team=Team(id=9, name="Elsewhere"), mode=SyncMode.MANUAL),
        [
            "Added: Three",
            "Removed: One",
            "Destination team: SecOps copies → Elsewhere",
            "Sync mode: automatic → manual",
        ],
    ),
    (
        "create",
        params_of(_ONE),
        params_of(_ONE, source_team=Team(id=8, name="SecOps")),
        ["Source team: SecOps #7 → SecOps #8"],
    ),
    (
        "add_stories",
        AddParams(destination=_ref(12), stories=(_ONE,)),
        AddParams(destination=_ref(12), stories=(_TWO, _THREE)),
        ["Also adds: Two, Three", "No longer adds: One"],
    ),
    (
        "remove_stories",
        RemoveParams(destination=_ref(12), stories=(_ONE,)),
        RemoveParams(destination=_ref(12), stories=(_TWO,)),
        ["Also removes: Two", "No longer removes: One"],
    ),
    (
        "sync",
        SyncParams(destination=_ref(12), stories=(_ONE,)),
        SyncParams(destination=_ref(12), stories=(_ONE, _TWO), everything=True),
        ["Stories: only those chosen → all", "Also syncs: Two"],
    ),
    (
        "sync",
        SyncParams(destination=_ref(12), stories=(_ONE,), everything=True),
        SyncParams(destination=_ref(12), stories=(_ONE,)),
        ["Stories: all → only those chosen"],
    ),
    (
        "set_mode",
        ModeParams(destination=_ref(12), mode=SyncMode.MANUAL),
        ModeParams(destination=_ref(12), mode=SyncMode.AUTOMATIC),
        ["Sync mode: manual → automatic"],
    ),
    (
        "rotate_key",
        _rotate(12),
        _rotate(12, 13, 14, unclear=1),
        [
            "These get the key as well: sync destination 13, sync destination 14",
            "Left out, since the address on Tines is not surely the tenant's: 1",
        ],
    ),
    ("rotate_key", _rotate(12, unread=2), _rotate(12, unread=3), ["Left out, since the record could not be read: 3"]),
    (
        "rotate_key",
        _rotate(12, 13, unclear=1, unread=1),
        _rotate(12, key_name="env:OTHER"),
        ["These no longer get the key: sync destination 13", "Key: env:KEY → env:OTHER"],
    ),
    (
        "delete",
        DeleteParams(destination=_ref(12)),
        DeleteParams(destination=_ref(12), keep_stories=False),
        ["Keep the copies: yes → no"],
    ),
    # what no operation has words for is not passed over
    (
        "set_mode",
        ModeParams(destination=_ref(12), mode=SyncMode.MANUAL),
        ModeParams(destination=_ref(13), mode=SyncMode.MANUAL),
        ["What is requested has changed."],
    ),
    (
        "delete",
        OpaqueParams.model_validate({"v": 2, "everything": True}),
        DeleteParams(destination=_ref(12)),
        ["What is requested has changed."],
    ),
)


def _told(operation: str, before: Params, after: Params, reason: str = "Incident 42") -> list[str]:
    asked = a_request(operation=operation, params=before)
    return edit_changes(all_operations()[operation], asked, a_request(operation=operation, params=after, reason=reason))


@pytest.mark.parametrize(("operation", "before", "after", "said"), ROWS)
def test_an_edit_says_what_changed(operation: str, before: Params, after: Params, said: list[str]) -> None:
    """Each operation says what came, what went, and what is another one, and the reason is said before and after."""
    assert _told(operation, before, after) == said
    assert _told(operation, before, after, "Incident 43") == [*said, "Reason: “Incident 42” → “Incident 43”"]
    assert _told(operation, after, after) == []


def test_every_operation_is_in_the_table() -> None:
    """What can be asked for can be edited, so that each operation has words for it."""
    assert {operation for operation, *_ in ROWS} == set(all_operations())


def test_what_stayed_is_not_said() -> None:
    """A request that was saved as it was has no changes; a story's later edit is none of them, nor a team's new name."""
    newer = (Story(id=1, name="One", tags=("x",)), _TWO)
    renamed = Team(id=7, name="Security")
    assert _told("create", params_of(_ONE, _TWO), params_of(*newer, source_team=renamed)) == []


def test_many_and_long_names_stay_short() -> None:
    """Whatever was chosen, a sentence stays short enough to be read."""
    many = [Story(id=number, name=f"{number} " + "x" * 500) for number in range(500)]
    [added] = _told("create", params_of(), params_of(*many))
    assert added.endswith("and 495 more")
    assert len(added) < 400
