"""Who may do what, as `check` prints it for whoever reviews a configuration."""

import io

import pytest

from bot.check.render import rights_text, show_rights
from bot.check.rights import Right, rights
from handlers.operations.registry import all_operations
from handlers.routes import OperationPolicy, Route, Topology

ROUTE = Route(
    name="up",
    source="dev",
    destination="prod",
    requesters=("*",),
    approvers=("S0APPROVERS", "U0ADA"),
    denied=("U0EVE",),
    break_glass=("U0BOB",),
    approval_channel="C0APPROVALS",
)


def found(**changes: object) -> list[Right]:
    """Return the rights of one route."""
    return rights(Topology(tenants={}, routes={"up": ROUTE.model_copy(update=changes)}), all_operations())


def test_operations_with_the_same_rights_share_a_row() -> None:
    """Without policies of operations there is one row for all of them."""
    (row,) = found()
    assert row.operations == tuple(all_operations())
    assert row.requesters == "everybody"
    assert row.approvers == "1 of S0APPROVERS, U0ADA"
    assert row.more == "never U0EVE; at once, alone: U0BOB"


def test_an_operation_with_a_policy_of_its_own() -> None:
    """What an operation's policy says differs in its row, the rest is the route's."""
    operations = {
        "sync": OperationPolicy(approvals=0, requesters=("U0RINA",)),
        "delete": OperationPolicy(approvals=2, approvers=("S0PLATFORM",), separate_groups=1, self_approval=True),
        "rotate_key": OperationPolicy(enabled=False),
    }
    rows = {row.operations: row for row in found(operations=operations)}
    assert rows["sync",].approvers == "no approval needed"
    assert rows["sync",].requesters == "U0RINA"
    assert rows["delete",].approvers == "2 of S0PLATFORM"
    assert "requesters may approve their own" in rows["delete",].more
    assert rows["rotate_key",].requesters == "nobody: switched off"
    assert rows["create", "add_stories", "remove_stories", "set_mode"].approvers == "1 of S0APPROVERS, U0ADA"


def test_as_lines() -> None:
    """In plain text each route has a heading and each row a line that reads as a sentence."""
    said = rights_text(
        found(operations={"sync": OperationPolicy(approvals=0), "delete": OperationPolicy(enabled=False)})
    )
    assert said.splitlines()[0] == "rights on up:"
    assert "      sync: requested by everybody; no approval needed; never U0EVE" in said.splitlines()
    assert "      delete: nobody: switched off" in said.splitlines()


def test_as_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal it is a table."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setenv("COLUMNS", "140")
    terminal = Terminal()
    show_rights(found(), terminal)
    assert "Who may do what" in terminal.getvalue()
    assert "S0APPROVERS" in terminal.getvalue()
