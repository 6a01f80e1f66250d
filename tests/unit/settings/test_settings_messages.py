"""What a wrong configuration is answered with: where, what is wrong, and what to type."""

from pathlib import Path

import pytest

from bot.settings import ConfigurationError, Fault, load_settings

ENVIRON = {
    "SLACK_BOT_TOKEN": "xoxb-1-very-secret",
    "SLACK_SIGNING_SECRET": "0123456789abcdef0123456789abcdef",
    "KEY": "a-real-api-key",
    "OTHER": "another-api-key",
    "HOME": "/home/ada",
}
FILE = """\
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


def only_fault(folder: Path, text: str = FILE, **environ: str) -> Fault:
    """Return the one fault of a configuration."""
    (folder / "tines-sync.toml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigurationError) as caught:
        load_settings({**ENVIRON, **environ}, folder)
    (fault,) = caught.value.faults
    return fault


@pytest.mark.parametrize(
    ("name", "value", "problem", "expected"),
    [
        ("SLACK_BOT_TOKEN", '"xoxb-1-very-secret"', 'stands in quotes (")', "the value without them"),
        ("SLACK_BOT_TOKEN", "'xoxb-1-very-secret'", "stands in quotes (')", "the value without them"),
        ("SLACK_SIGNING_SECRET", "\u201c0123456789abcdef\u201d", "stands in quotes (\u201c)", "the value without them"),
        ("PORT", '"3000"', 'stands in quotes (")', "the value without them"),
        ("SLACK_BOT_TOKEN", "xapp-1-very-secret", "swapped with SLACK_APP_TOKEN?", "xoxb-"),
        ("SLACK_APP_TOKEN", "xoxb-1-very-secret", "swapped with SLACK_BOT_TOKEN?", "xapp-"),
        (
            "SLACK_BOT_TOKEN",
            "xoxp-1-very-secret",
            "does not start with xoxb-: it is a user token",
            "OAuth & Permissions",
        ),
        ("SLACK_SIGNING_SECRET", "xoxb-1-very-secret", "looks like a bot token", "Signing Secret"),
        ("SLACK_SIGNING_SECRET", "xapp-1-very-secret", "looks like an app-level token", "Signing Secret"),
        ("SLACK_API_URL", "https://slack.com", "does not end with /api/", '"https://slack.com/api/"'),
        ("SLACK_API_URL", "https://slack.com/api/auth.test", "does not end with /api/", '"https://slack.com/api/"'),
        ("TINES_SYNC_CONFIG", "~/bot.toml", "starts with ~", "/home/ada/bot.toml"),
        ("DATABASE_URL", "bot.sqlite", "is a path, not a URL", "sqlite:///bot.sqlite"),
        ("DATABASE_URL", "sqlite://bot.sqlite", "has two slashes before the file", "sqlite:///bot.sqlite"),
        ("DATABASE_URL", "postgresql+psycopg://u:very-secret@h/d", "names a driver", "postgresql://"),
        ("DATABASE_URL", "postgresql://u:very@secret@h/d", "probably in the password", "@ as %40"),
        ("DATABASE_URL", "postgresql://u:very#secret@h/d", "probably in the password", "# as %23"),
        ("DATABASE_URL", "postgresql://u:very/secret@h/d", "probably in the password", "/ as %2F"),
        ("DATABASE_URL", "postgresql://u:very-secret@h:http/d", "has a port that is no number", "from 1 to 65535"),
        ("METRICS_PORT", "many", "has the wrong type", "a port for /metrics"),
    ],
)
def test_a_variable(tmp_path: Path, name: str, value: str, problem: str, expected: str) -> None:
    """A wrong variable is named, with what is wrong and what to type, and without its value."""
    fault = only_fault(tmp_path, **{name: value})
    assert fault.where == name
    assert problem in fault.problem
    assert expected in fault.expected
    assert "very" not in f"{fault.problem} {fault.expected}"


@pytest.mark.parametrize(
    ("text", "line", "problem", "expected"),
    [
        (
            FILE + '[tenants.dev]\nurl = "x"\n',
            15,
            "the table [tenants.dev] stands twice, first on line 1",
            "one [tenants.dev]",
        ),
        (FILE + "[routes.up]\n", 15, "the table [routes.up] stands twice, first on line 9", "one [routes.up]"),
        (FILE + 'requesters = ["*"]\n', 15, "cannot overwrite a value", "each key once in its table"),
        (FILE.replace('"dev"', "\u201cdev\u201d"), 10, "\u201c is a curly quote", 'straight quotes: "…"'),
        (FILE.replace('"dev"', "\u2018dev\u2019"), 10, "\u2018 is a curly quote", 'straight quotes: "…"'),
        (FILE.replace('["*"]', '["*"'), 12, "the list that begins on line 12 is not closed", "a ] at the end"),
        (FILE.replace('["*"]', '["*",'), 12, "the list that begins on line 12 is not closed", "a ] at the end"),
        (FILE.replace('["*"]', '[\n  "*",\n'), 12, "the list that begins on line 12 is not closed", "a ] at the end"),
        (FILE + "notify = [", 15, "the list that begins on line 15 is not closed", "a ] at the end"),
        (FILE + 'notify = ["C0A"\n[calendar]\n', 15, "the list that begins on line 15 is not closed", "a ] at the end"),
        (FILE.replace('"dev"', '"dev'), 10, "text in quotes is not closed", 'a "'),
        (FILE.replace('"dev"', "dev"), 10, "the value of source stands without quotes", 'source = "…"'),
        (FILE + "self_approval = True\n", 15, "neither true nor false", "small letters"),
        (FILE + "self_approval = yes\n", 15, "neither true nor false", "small letters"),
    ],
)
def test_a_text_that_is_no_toml(tmp_path: Path, text: str, line: int, problem: str, expected: str) -> None:
    """A slip of the pen is named as what it is, on the line where it is to be mended."""
    fault = only_fault(tmp_path, text)
    assert (fault.where, fault.line) == ("TOML", line)
    assert problem in fault.problem
    assert expected in fault.expected


@pytest.mark.parametrize(
    ("more", "where", "problem", "expected"),
    [
        (
            'approvals = "2"',
            "routes.up.approvals",
            'has the wrong type: the text "2"',
            "a number from 1, without quotes",
        ),
        ("approvals = 1.5", "routes.up.approvals", "has the wrong type: the number 1.5", "a number from 1"),
        ("approvals = true", "routes.up.approvals", "has the wrong type: true", "a number from 1"),
        ("approvals = 0", "routes.up.approvals", "is not accepted", "a number from 1"),
        ('self_approval = "no"', "routes.up.self_approval", 'the text "no"', "true or false, without quotes"),
        ('notify = "C0A"', "routes.up.notify", 'has the wrong type: the text "C0A"', "a list of channel ids"),
        ("notify = [1]", "routes.up.notify[1]", "has the wrong type: the number 1", "a list of channel ids"),
        ("notify = 2026-01-02", "routes.up.notify", "the date 2026-01-02", "a list of channel ids"),
        ('existing = "replace"', "routes.up.existing", "is not accepted", '"ask" or "add"'),
        (f'approvals = "{"xoxb-1-very-secret" * 2}"', "routes.up.approvals", "has the wrong type: a text", "a number"),
        ('[calendar]\ntime_zone = "europe/dublin"', "calendar.time_zone", "is not a time zone", '"Europe/Dublin"'),
        ('[calendar]\ntime_zone = "Dublin"', "calendar.time_zone", "is not a time zone", '"Europe/Dublin"'),
        ('[calendar]\ntime_zone = "Europe/Berln"', "calendar.time_zone", "is not a time zone", '"Europe/Berlin"'),
        ('[calendar]\ntime_zone = "new york"', "calendar.time_zone", "is not a time zone", '"America/New_York"'),
    ],
)
def test_a_value(tmp_path: Path, more: str, where: str, problem: str, expected: str) -> None:
    """A wrong value is named with its type, as it was typed, unless it could be a secret."""
    fault = only_fault(tmp_path, f"{FILE}{more}\n")
    assert fault.where == where
    assert problem in fault.problem
    assert expected in fault.expected
    assert "very-secret" not in fault.problem


@pytest.mark.parametrize(
    ("contact", "problem"),
    [
        ('"' + "x" * 101 + '"', "is too long"),
        ('"two\\nlines"', "not one line"),
        ("7", "has the wrong type: the number 7"),
    ],
)
def test_a_contact_that_cannot_be_shown(tmp_path: Path, contact: str, problem: str) -> None:
    """Whom people are told to ask is a few words on one line."""
    fault = only_fault(tmp_path, f"admin_contact = {contact}\n{FILE}")
    assert (fault.where, fault.line) == ("admin_contact", 1)
    assert problem in fault.problem
    assert "U0ADA" in fault.expected


def test_a_contact(tmp_path: Path) -> None:
    """A contact is optional, and read as it stands."""
    path = tmp_path / "tines-sync.toml"
    path.write_text(f'admin_contact = "U0ADA"\n{FILE}')
    assert load_settings(ENVIRON, tmp_path).topology.admin_contact == "U0ADA"
    path.write_text(FILE)
    assert load_settings(ENVIRON, tmp_path).topology.admin_contact == ""
