import io

import pytest

from bot.check import Finding
from bot.check.render import faults_text, findings_text, show_faults, show_findings
from bot.settings import ConfigurationError, Fault


def test_report_reads_alone() -> None:
    """In plain text each finding has its verdict and its advice, and the last line says how much is left to do."""
    good, bad = Finding("A", ok=True, what="fine"), Finding("B", ok=False, what="[red]broken[/red]", advice="Mend it.")
    assert (
        findings_text([good, bad])
        == "ok    A: fine\nFAIL  B: [red]broken[/red]\n      → Mend it.\n\n1 problem; everything else works."
    )
    assert findings_text([good]).endswith("Everything works.")


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        """Whether it is a terminal: yes."""
        return True


def test_table_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal the same comes as a table, and nothing in it is taken for markup."""
    monkeypatch.setenv("COLUMNS", "120")
    terminal, plain = Terminal(), io.StringIO()
    findings = [Finding("B", ok=False, what="[red]broken[/red]", advice="Mend it.")]
    show_findings(findings, terminal)
    show_findings(findings, plain)
    assert "┃" in terminal.getvalue()
    assert "[red]broken[/red]" in terminal.getvalue()
    assert "1 problem" in terminal.getvalue()
    assert plain.getvalue() == findings_text(findings) + "\n"


FAULTS = ConfigurationError(
    [
        Fault("PORT", None, "has the wrong type", "a port to listen on"),
        Fault("routes.up.approvers[1]", 12, "[b]@ada[/b] is not a Slack id", 'a user id ("U…")'),
    ],
    "my.toml",
)


def test_faults_read_alone() -> None:
    """In plain text each fault has its place, the file and line where there is one, and what was expected."""
    assert (
        faults_text(FAULTS)
        == """\
The configuration (my.toml and the environment) has 2 problems:

PORT has the wrong type
    expected: a port to listen on
my.toml:12: routes.up.approvers[1] [b]@ada[/b] is not a Slack id
    expected: a user id ("U…")"""
    )


def test_faults_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal the same faults come as a table, as text and not as markup."""
    monkeypatch.setenv("COLUMNS", "120")
    terminal, plain = Terminal(), io.StringIO()
    show_faults(FAULTS, terminal)
    show_faults(FAULTS, plain)
    assert "┃" in terminal.getvalue()
    for words in ("2 problems", "PORT", "12", "[b]@ada[/b]", "a port to listen on"):
        assert words in terminal.getvalue()
    assert plain.getvalue() == faults_text(FAULTS) + "\n"
