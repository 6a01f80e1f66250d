"""What the presentations say of themselves, so that what surrounds them names none of them."""

from bot.operations import all_presentations
from bot.views.presentation import plain, repairing

ALL = tuple(all_presentations().values())


def test_one_form_opens_without_a_word() -> None:
    """The command alone opens one form, and so does a form's metadata that names no operation."""
    assert [each for each in ALL if each.command == ""] == [plain(ALL)]


def test_one_operation_repairs_stories() -> None:
    """At most one form is offered where stories failed: a button opens one; without such an operation there is none."""
    assert [each.name for each in ALL if each.repairs_stories] == [repairing(ALL)]
    assert repairing(each for each in ALL if not each.repairs_stories) == ""


def test_no_two_operations_have_the_same_word() -> None:
    """What is typed after the command opens one form, and the help says what it does."""
    words = [each.command for each in ALL if each.command is not None]
    assert len(words) == len(set(words))
    assert all(each.help for each in ALL if each.command is not None)
