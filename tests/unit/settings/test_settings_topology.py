from datetime import time, timedelta
from pathlib import Path

import certifi
import pytest
from pydantic import SecretStr

from bot.settings.faults import Fault
from bot.settings.topology import read_parts
from handlers.routes import Calendar, Existing, PreflightRule, Topology

ENVIRON = {
    "KEY": "a-real-api-key",
    "OTHER": "another-api-key",
    "SHORT": "k",
    "SPACED": "a key with spaces",
    "PROXY": "http://bot:secret@proxy.example:3128",
}
BASE = """\
[tenants.dev]
url = "https://dev.example.com"
api_key = "env:KEY"

[tenants.prod]
url = "https://prod.example.com"
api_key = "env:OTHER"

[routes.up]
source = "dev"
destination = "prod"
requesters = ["*"]
approvers = ["S0APPROVERS", "U0ADA"]
approval_channel = "C0APPROVALS"
"""
ROUTE_LINE = 9


def read(text: str, folder: Path = Path()) -> tuple[Topology | None, list[Fault]]:
    """Read a file's text with the keys of these tests in the environment."""
    found, faults = read_parts(text, ENVIRON, folder, ())
    return None if faults else found, faults


def topology(text: str) -> Topology:
    """Return the topology of a text without faults."""
    result, faults = read(text)
    assert not faults
    assert result is not None
    return result


def only_fault(text: str, folder: Path = Path()) -> Fault:
    """Return the one fault of a text that has just one."""
    result, faults = read(text, folder)
    assert result is None
    (fault,) = faults
    return fault


def changed(key: str, value: str) -> str:
    """Return the base file with one key of the route set, on the first line under the table's header."""
    head, header, tail = BASE.partition("[routes.up]\n")
    kept = [line for line in tail.splitlines() if not line.startswith(f"{key} = ")]
    return "\n".join([head + header + f"{key} = {value}", *kept]) + "\n"


def test_the_least() -> None:
    """Two tenants and one route with its required keys are enough; all else has its default."""
    found = topology(BASE)
    route = found.routes["up"]
    assert (route.name, route.source, route.destination) == ("up", "dev", "prod")
    assert (route.approvals, route.self_approval, route.separate_groups) == (1, False, 1)
    assert (route.denied, route.break_glass, route.notify) == ((), (), ())
    assert (route.expires_after, route.remind_after, route.existing) == (timedelta(hours=72), None, Existing.ASK)
    assert found.calendar == Calendar()
    assert found.tenants["prod"].key_for_publishing.get_secret_value() == "another-api-key"


def test_everything() -> None:
    """Every key of a route and of the calendar arrives as it was written."""
    text = (
        BASE
        + """
denied = ["U0EVE"]
approvals = 2
self_approval = true
separate_groups = 2
break_glass = ["W0CALL", "S0CALL"]
notify = ["C0SECOPS", "G0PRIVATE"]
expires_after = "3d"
remind_after = "1h 30m"
existing = "add"
preflight = "strict"
[routes.up.diff]
ignore = ["/agents/*/options/url", "/tags"]
[calendar]
time_zone = "Europe/Dublin"
working_days = ["Monday", "tue", "SAT"]
from = 08:30:00
to = "18:15"
days_off = [2026-12-25, "2027-01-01"]
"""
    )
    found = topology(text)
    route = found.routes["up"]
    assert (route.denied, route.break_glass) == (("U0EVE",), ("W0CALL", "S0CALL"))
    assert (route.approvals, route.self_approval, route.separate_groups) == (2, True, 2)
    assert route.notify == ("C0SECOPS", "G0PRIVATE")
    assert (route.expires_after, route.remind_after) == (timedelta(days=3), timedelta(minutes=90))
    assert route.existing is Existing.ADD
    assert route.preflight is PreflightRule.STRICT
    assert route.diff_ignore == ("/agents/*/options/url", "/tags")
    assert found.calendar == Calendar(
        time_zone="Europe/Dublin",
        working_days=(0, 1, 5),
        from_time=time(8, 30),
        to_time=time(18, 15),
        days_off=("2026-12-25", "2027-01-01"),
    )


@pytest.mark.parametrize(
    ("key", "value", "where", "problem"),
    [
        ("source", '"dv"', "source", "names a tenant that the file does not define"),
        ("source", "1", "source", "has the wrong type"),
        ("requesters", "[]", "requesters", "is empty"),
        ("requesters", '"*"', "requesters", "has the wrong type"),
        ("requesters", '["@ada"]', "requesters[1]", '"@ada" is not a Slack id'),
        ("approvers", '["U0ADA", "#sec"]', "approvers[2]", '"#sec" is not a Slack id'),
        ("approvers", '["U0ADA", "U0ADA"]', "approvers", "lists U0ADA more than once"),
        ("denied", '["*"]', "denied[1]", '"*" (everybody) cannot be used here'),
        ("denied", '["eve"]', "denied[1]", '"eve" is not a Slack id'),
        ("break_glass", '["*"]', "break_glass[1]", '"*" (everybody) cannot be used here'),
        ("approvals", "0", "approvals", "is not accepted"),
        ("approvals", '"2"', "approvals", "has the wrong type"),
        ("separate_groups", "3", "separate_groups", "requires 3 different entries, but approvers lists 2"),
        ("separate_groups", "2", "separate_groups", "requires 2 different entries, but 1 approval(s) are enough"),
        ("self_approval", '"yes"', "self_approval", "has the wrong type"),
        ("approval_channel", '"#approvals"', "approval_channel", '"#approvals" is not a channel id'),
        ("approval_channel", '"D0DIRECT"', "approval_channel", '"D0DIRECT" is not a channel id'),
        ("notify", '["C0A", "C0A"]', "notify", "lists C0A more than once"),
        ("expires_after", "72", "expires_after", "is not a duration"),
        ("expires_after", '"72 hours"', "expires_after", "is not a duration"),
        ("expires_after", '""', "expires_after", "is not a duration"),
        ("expires_after", '"0h"', "expires_after", "is no time at all"),
        ("expires_after", '"366d"', "expires_after", "is longer than a year"),
        ("expires_after", '"99999999999999999999w"', "expires_after", "is longer than a year"),
        ("remind_after", '"72h"', "remind_after", "is not before the request expires"),
        ("existing", '"replace"', "existing", "is not accepted"),
        ("preflight", '"loud"', "preflight", "is not accepted"),
        ("diff", '"/agents"', "diff", "is not a table"),
        ("diff", '{ ignore = ["agents/url"] }', "diff.ignore[1]", "is not a JSON pointer"),
        ("diff", '{ ignore = ["/a", "/a"] }', "diff.ignore", "lists /a more than once"),
        ("diff", '{ ignored = ["/a"] }', "diff.ignored", "is not a known key"),
        ("approver", '["U0ADA"]', "approver", "is not a known key"),
    ],
)
def test_faulty_route(key: str, value: str, where: str, problem: str) -> None:
    """A wrong key of a route is one fault, with its path, its line and what was expected."""
    fault = only_fault(changed(key, value))
    assert fault.where == f"routes.up.{where}"
    assert fault.line == ROUTE_LINE + 1
    assert fault.problem.startswith(problem)
    assert fault.expected


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("acme", "is not a full URL"),
        ("ftp://acme.example", "is not a full URL"),
        ("https://", "is not a full URL"),
        ("https://acme.example:0", "is not a full URL"),
        ("https://acme.example:99999", "is not a URL"),
        ("https://[::1", "is not a URL"),
        ("https://acme.example/stories", "has a path after the host"),
        ("https://acme.example?x=secret-in-query", "has a query or fragment"),
        ("https://acme.example/#x", "has a query or fragment"),
        ("https://me:secret-in-url@acme.example", "has a user name or password in it"),
        ("https://acme .example", "has a character in it that no URL has"),
        ("http://acme.example", "is plain http"),
        ("http://127.0.0.1.acme.example", "is plain http"),
        ("http://0.0.0.0:8000", "is plain http"),
    ],
)
def test_refused_url(url: str, problem: str) -> None:
    """A tenant's URL that is not a full origin, or would send keys readable, is refused and not quoted."""
    fault = only_fault(BASE.replace("https://dev.example.com", url))
    assert (fault.where, fault.line) == ("tenants.dev.url", 2)
    assert fault.problem.startswith(problem)
    assert "secret-in" not in fault.problem + fault.expected


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://ACME.tines.com/", "https://acme.tines.com"),
        ("https://acme.tines.com:443", "https://acme.tines.com"),
        ("https://acme.example:8443", "https://acme.example:8443"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://127.0.0.2:80", "http://127.0.0.2"),
        ("http://[::1]:8000", "http://[::1]:8000"),
    ],
)
def test_accepted_url(url: str, origin: str) -> None:
    """An origin is kept in one spelling, so that the same tenant is recognised; http only on this machine."""
    assert topology(BASE.replace("https://dev.example.com", url)).tenants["dev"].url == origin


@pytest.mark.parametrize(
    ("reference", "problem"),
    [
        ('"t0ps3cret-in-clear"', "stands here in clear text"),
        ('"env:not a name"', "is not a reference to a secret"),
        ('"file:"', "is not a reference to a secret"),
        ("17", "is not a reference to a secret"),
        ('"env:ABSENT"', "names environment variable ABSENT, which is not set or empty"),
        ('"env:SHORT"', "names environment variable SHORT, which does not hold a key"),
        ('"env:SPACED"', "names environment variable SPACED, which does not hold a key"),
        ('"file:absent"', "names a file that cannot be read: absent (No such file or directory)"),
        ('"file:binary"', "names a file that cannot be read: binary (not a text file)"),
        ('"file:empty"', "names file empty, which is not set or empty"),
    ],
)
def test_refused_key(tmp_path: Path, reference: str, problem: str) -> None:
    """A key that is typed in clear text or cannot be found is refused, without a word of it in the report."""
    (tmp_path / "binary").write_bytes(b"\xff\xfe\xfd")
    (tmp_path / "empty").write_text("\n")
    fault = only_fault(BASE.replace('"env:KEY"', reference), tmp_path)
    assert (fault.where, fault.line) == ("tenants.dev.api_key", 3)
    assert fault.problem.startswith(problem)
    assert "t0ps3cret" not in repr(fault)


def test_key_from_file(tmp_path: Path) -> None:
    """A key in a file is read from beside the configuration, without the line's end, and never shown."""
    (tmp_path / "key").write_text("from-a-file-key\n")
    found, faults = read(BASE.replace('"env:KEY"', '"file:key"'), tmp_path)
    assert not faults
    assert found is not None
    assert found.tenants["dev"].api_key.get_secret_value() == "from-a-file-key"
    assert "from-a-file-key" not in repr(found)


@pytest.mark.parametrize(
    ("approvers", "requesters", "denied", "self_approval", "approvals", "possible"),
    [
        (["U01", "U02"], ["*"], [], False, 2, True),
        (["U01", "U02"], ["*"], [], False, 3, False),
        (["U01", "U02"], ["*"], ["U01"], False, 2, False),
        (["U01", "U02"], ["U01"], [], False, 2, False),
        (["U01", "U02"], ["U01"], [], True, 2, True),
        (["U01", "U02"], ["U01", "U03"], [], False, 2, True),
        (["U01"], ["U01"], [], False, 1, False),
        (["S01"], ["U01"], [], False, 9, True),
        (["*"], ["*"], [], False, 9, True),
    ],
)
def test_quorum_by_listing(
    *,
    approvers: list[str],
    requesters: list[str],
    denied: list[str],
    self_approval: bool,
    approvals: int,
    possible: bool,
) -> None:
    """A quorum that the listed people can never reach is refused; groups are left to the check on Slack."""
    text = BASE.partition("requesters")[0] + (
        f"requesters = {requesters}\napprovers = {approvers}\ndenied = {denied}\n"
        f'self_approval = {str(self_approval).lower()}\napprovals = {approvals}\napproval_channel = "C0A"\n'
    )
    _, faults = read(text)
    assert [fault.where for fault in faults] == ([] if possible else ["routes.up.approvals"])


@pytest.mark.parametrize("key", ["requesters", "approvers"])
def test_nobody_may(key: str) -> None:
    """A route whose people are all denied is refused: nobody could use it."""
    fault = only_fault(changed(key, '["U0EVE"]') + 'denied = ["U0EVE"]\n')
    assert fault.where == f"routes.up.{key}"
    assert "nobody may" in fault.problem


@pytest.mark.parametrize(
    ("calendar", "where"),
    [
        ('time_zone = "Mars/Olympus"', "calendar.time_zone"),
        ('time_zone = "../etc/passwd"', "calendar.time_zone"),
        ('working_days = ["someday"]', "calendar.working_days[1]"),
        ("working_days = []", "calendar.working_days"),
        ('from = "9"', "calendar.from"),
        ('from = "17:00"', "calendar.to"),
        ('to = "24:00"', "calendar.to"),
        ('days_off = ["christmas"]', "calendar.days_off[1]"),
        ("holidays = []", "calendar.holidays"),
    ],
)
def test_faulty_calendar(calendar: str, where: str) -> None:
    """A wrong key of the calendar is one fault with its path, also where a default makes it wrong."""
    assert only_fault(f"{BASE}[calendar]\n{calendar}\n").where == where


@pytest.mark.parametrize(
    ("text", "where", "problem"),
    [
        ("", "tenants", "has no table"),
        ("tenants = 1", "tenants", "has no table"),
        (BASE + "[tenant.x]\n", "tenant", "is not a known table"),
        (BASE.replace("[tenants.dev]", "[tenants.Dev]"), "tenants.Dev", "is not a name"),
        (BASE.replace("[routes.up]", '[routes."dev → prod"]'), "routes.dev → prod", "is not a name"),
        (BASE + "[routes]\nx = 1\n", "routes.x", "is not a table"),
        ("calendar = 1\n" + BASE, "calendar", "is not a table"),
        ("routes.x = 1\n" + BASE.replace("[routes.up]", "[other]"), "routes.x", "is not a table"),
        (BASE + 'requesters = ["*"]\n', "TOML", "cannot be read: cannot overwrite a value"),
        (
            BASE + BASE.partition("[routes.up]")[2].join(["[routes.again]", ""]),
            "routes.again",
            "goes from dev to prod as up does",
        ),
        (BASE.replace("prod.example", "DEV.example"), "tenants.prod.url", "is the tenant that dev is already"),
    ],
)
def test_faulty_file(text: str, where: str, problem: str) -> None:
    """Faults of the file as a whole are found: syntax, names, tables, two policies for one direction."""
    result, faults = read(text)
    assert result is None
    assert [fault.problem for fault in faults if fault.where == where and fault.problem.startswith(problem)]


def test_too_many_routes() -> None:
    """More routes than a Slack menu can show are refused."""
    tenants = "".join(f'[tenants.t{n}]\nurl = "https://t{n}.example"\napi_key = "env:KEY"\n' for n in range(101))
    people = 'requesters = ["*"]\napprovers = ["*"]\napproval_channel = "C0A"\n'
    routes = "".join(f'[routes.r{n}]\nsource = "t{n}"\ndestination = "t{n}"\n{people}' for n in range(101))
    assert only_fault(tenants + routes).problem == "has 101 routes"


def test_every_fault_at_once() -> None:
    """Faults in several tables are reported together, in the order of the file, each on its line."""
    text = """\
[tenants.dev]
url = "dev"
apikey = "env:KEY"

[routes.up]
source = "dev"
destination = "prd"
requesters = [
  "*",
  "bob",
]
approvers = ["U0ADA"]
approvals = 2
"""
    _, faults = read(text)
    assert [(fault.where, fault.line) for fault in faults] == [
        ("tenants.dev.api_key", 1),
        ("tenants.dev.url", 2),
        ("tenants.dev.apikey", 3),
        ("routes.up.approval_channel", 5),
        ("routes.up.destination", 7),
        ("routes.up.requesters[2]", 8),
        ("routes.up.approvals", 13),
    ]
    assert [fault.expected for fault in faults if fault.where == "tenants.dev.apikey"] == [
        "api_key (did you mean that?)"
    ]


def with_tenant_key(line: str) -> str:
    """Return the base file with one more line in the table of dev."""
    return BASE.replace('api_key = "env:KEY"\n', f'api_key = "env:KEY"\n{line}\n')


def test_the_way_to_a_tenant(tmp_path: Path) -> None:
    """A tenant may have a CA file of its own, relative to the file that names it, and a proxy, in clear or by reference."""
    (tmp_path / "ca.pem").write_bytes(Path(certifi.where()).read_bytes())
    text = with_tenant_key('ca_file = "ca.pem"\nproxy = "http://proxy.example:3128"')
    found, faults = read(text, tmp_path)
    assert not faults
    assert found is not None
    assert found.tenants["dev"].ca_file == tmp_path / "ca.pem"
    assert found.tenants["dev"].proxy == SecretStr("http://proxy.example:3128")
    assert (found.tenants["prod"].ca_file, found.tenants["prod"].proxy) == (None, None)
    by_reference = topology(with_tenant_key('proxy = "env:PROXY"'))
    assert by_reference.tenants["dev"].proxy == SecretStr("http://bot:secret@proxy.example:3128")


@pytest.mark.parametrize(
    ("line", "where", "said"),
    [
        ('proxy = "http://bot:hunter2@proxy"', "tenants.dev.proxy", "password in clear text"),
        ('proxy = "socks5://proxy"', "tenants.dev.proxy", "not an HTTP proxy"),
        ('proxy = "env:MISSING"', "tenants.dev.proxy", "MISSING"),
        ("proxy = 3128", "tenants.dev.proxy", "not a text"),
        ('ca_file = "nowhere.pem"', "tenants.dev.ca_file", "cannot be read"),
        ('ca_file = ""', "tenants.dev.ca_file", "not a path"),
    ],
)
def test_a_way_that_cannot_be_is_a_fault(line: str, where: str, said: str) -> None:
    """A proxy or CA file that cannot be used is a fault at its line, and never shows a password."""
    fault = only_fault(with_tenant_key(line))
    assert (fault.where, fault.line) == (where, 4)
    assert said in fault.problem
    assert "hunter2" not in repr(fault)
