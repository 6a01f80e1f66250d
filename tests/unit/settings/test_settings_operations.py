from datetime import timedelta
from pathlib import Path

import pytest

from bot.settings.faults import Fault
from bot.settings.topology import read_parts
from handlers.operations.registry import all_operations
from handlers.routes import OperationPolicy, Route

BASE = """\
[tenants.dev]
url = "https://dev.example.com"
api_key = "env:KEY"

[routes.up]
source = "dev"
destination = "dev"
requesters = ["U0ADA", "U0BOB"]
approvers = ["S0SEC", "U0ADA"]
approvals = 2
separate_groups = 2
approval_channel = "C0APPROVALS"
"""


def read(added: str) -> tuple[Route | None, list[Fault]]:
    """Read the base file with something added; returns the route and what is wrong."""
    found, faults = read_parts(BASE + added, {"KEY": "a-real-api-key"}, Path(), all_operations())
    return None if faults else found.routes["up"], faults


def route(added: str) -> Route:
    """Return the route of a file without faults."""
    found, faults = read(added)
    assert not faults
    assert found is not None
    return found


def only_fault(added: str) -> Fault:
    """Return the one fault of a file that has just one."""
    found, faults = read(added)
    assert found is None
    (fault,) = faults
    return fault


def test_what_an_operation_does_not_say_is_the_routes() -> None:
    """Only what stands in the operation's table is different from the route, and other operations are as the route."""
    found = route('[routes.up.operations.sync]\napprovals = 0\nrequesters = ["*"]\n')
    assert found.operations == {"sync": OperationPolicy(approvals=0, requesters=("*",))}
    sync, create = found.for_operation("sync"), found.for_operation("create")
    assert (sync.approvals, sync.requesters, sync.approvers) == (0, ("*",), ("S0SEC", "U0ADA"))
    assert (create.approvals, create.requesters, create.approvers) == (2, ("U0ADA", "U0BOB"), ("S0SEC", "U0ADA"))


def test_every_key_of_an_operation_arrives() -> None:
    """All that can be said of an operation is read as it was written."""
    found = route(
        "[routes.up.operations.delete]\n"
        'enabled = false\nrequesters = ["S0OPS"]\napprovers = ["S0OPS", "*"]\n'
        "approvals = 3\nself_approval = true\nseparate_groups = 1\n"
    )
    assert found.operations["delete"] == OperationPolicy(
        enabled=False,
        requesters=("S0OPS",),
        approvers=("S0OPS", "*"),
        approvals=3,
        self_approval=True,
        separate_groups=1,
    )


@pytest.mark.parametrize("name", list(all_operations()))
def test_every_operation_can_have_a_policy(name: str) -> None:
    """Each operation that exists can be switched off on a route."""
    found = route(f"[routes.up.operations.{name}]\nenabled = false\n")
    assert [each for each in list(all_operations()) if not found.for_operation(each).enabled] == [name]


def test_how_long_approvals_are_valid() -> None:
    """Where nothing else is said, an approval is valid for as long as a request waits."""
    assert route("").approval_lifetime == timedelta(hours=72)
    assert route('expires_after = "1h"\n').approval_lifetime == timedelta(hours=1)
    assert route('approval_valid_for = "1d"\n').for_operation("sync").approval_lifetime == timedelta(days=1)


@pytest.mark.parametrize(
    ("added", "where", "problem", "expected"),
    [
        (
            "[routes.up.operations.snyc]\n",
            "routes.up.operations.snyc",
            "is not a known operation",
            "sync (did you mean",
        ),
        ("[routes.up.operations.x]\n", "routes.up.operations.x", "is not a known operation", "one of: add_stories,"),
        (
            "operations = 1\n",
            "routes.up.operations",
            "is not a table",
            "[routes.up.operations.NAME] with keys under it",
        ),
        ("operations.sync = 1\n", "routes.up.operations.sync", "is not a table", "[routes.up.operations.sync] with"),
        (
            "[routes.up.operations.sync]\napproval = 1\n",
            "routes.up.operations.sync.approval",
            "is not a known key",
            "approvals (did you mean that?)",
        ),
        (
            "[routes.up.operations.sync]\ndenied = []\n",
            "routes.up.operations.sync.denied",
            "cannot differ from the route",
            "denied in [routes.up] only",
        ),
        (
            "[routes.up.operations.sync]\napprovals = -1\n",
            "routes.up.operations.sync.approvals",
            "is not accepted",
            "a number from 0",
        ),
        (
            '[routes.up.operations.sync]\nrequesters = ["ada"]\n',
            "routes.up.operations.sync.requesters[1]",
            '"ada" is not a Slack id',
            "a user id",
        ),
        (
            "[routes.up.operations.sync]\nrequesters = []\n",
            "routes.up.operations.sync.requesters",
            "is empty: nobody may",
            "at least one entry",
        ),
        (
            '[routes.up.operations.sync]\napprovers = ["U0ADA"]\napprovals = 2\nseparate_groups = 1\n',
            "routes.up.operations.sync.approvals",
            "requires 2, but at most 1 of the listed people can approve any request",
            "no more than can approve",
        ),
        (
            '[routes.up.operations.sync]\napprovers = ["S0SEC"]\n',
            "routes.up.operations.sync",
            "inherits separate_groups from the route, which requires 2 different entries, but approvers lists 1",
            "its own separate_groups: no more than there are entries in approvers",
        ),
        (
            "[routes.up.operations.sync]\napprovals = 1\n",
            "routes.up.operations.sync",
            "inherits separate_groups from the route, which requires 2 different entries, but 1 approval(s) are enough",
            "its own separate_groups: no more than approvals",
        ),
    ],
)
def test_what_is_wrong_with_an_operation(added: str, where: str, problem: str, expected: str) -> None:
    """A fault in the policy of an operation is told once, at its place, with what would be right."""
    fault = only_fault(added)
    assert (fault.where, fault.problem) == (where, problem)
    assert fault.expected.startswith(expected)
    assert fault.line is not None


def test_faults_of_a_route_and_of_its_operations_are_told_together() -> None:
    """A fault on the route hides none in its operations, and the other way round."""
    _, faults = read("self_approval = 1\n[routes.up.operations.sync]\nenabled = 1\n[routes.up.operations.x]\n")
    assert [fault.where for fault in faults] == [
        "routes.up.self_approval",
        "routes.up.operations.sync.enabled",
        "routes.up.operations.x",
    ]
