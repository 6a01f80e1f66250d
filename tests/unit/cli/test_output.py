"""What the command line writes arrives on any terminal and pipe, and never ends in a traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.check.findings import Finding
from bot.check.render import findings_table, findings_text

ROOT = Path(__file__).parents[3]


def environ(**more: str) -> dict[str, str]:
    """Return an environment in which nothing is configured."""
    return {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"], **more}


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.parametrize("command", [["check"], ["migrate"], ["serve"], ["audit", "verify"]])
def test_a_terminal_that_is_not_utf8(tmp_path: Path, encoding: str, command: list[str]) -> None:
    """What an encoding cannot write is replaced."""
    ran = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-m", "bot", *command],
        cwd=tmp_path,
        env=environ(PYTHONIOENCODING=encoding, DATABASE_URL=f"sqlite:///{tmp_path}/Datenbänke → neu/db.sqlite"),
        capture_output=True,
        check=False,
        timeout=60,
    )
    said = (ran.stdout + ran.stderr).decode(encoding, errors="replace")
    assert "Traceback" not in said
    assert "UnicodeEncodeError" not in said
    assert said.strip()


@pytest.mark.parametrize("command", ["--help", "check"])
@pytest.mark.parametrize("which", ["stdout", "stderr"])
def test_a_pipe_that_nobody_reads(tmp_path: Path, command: str, which: str) -> None:
    """A reader that is gone, as after `| head`, ends the command without a word about it."""
    reading, writing = os.pipe()
    os.close(reading)
    other = {"stdout": "stderr", "stderr": "stdout"}[which]
    try:
        ran = subprocess.run(  # noqa: S603 - our own interpreter
            [sys.executable, "-m", "bot", command],
            cwd=tmp_path,
            env=environ(),
            check=False,
            timeout=60,
            **{which: writing, other: subprocess.PIPE},  # type: ignore[call-overload]  # keywords by name
        )
    finally:
        os.close(writing)
    said = ((ran.stdout or b"") + (ran.stderr or b"")).decode()
    assert "Traceback" not in said
    assert "BrokenPipe" not in said


@pytest.mark.parametrize("command", ["check", "migrate"])
def test_no_output_at_all(tmp_path: Path, command: str) -> None:
    """A process that was started with its output closed runs all the same."""
    ran = subprocess.run(  # noqa: S603 - our own interpreter through the system's shell
        ["/bin/sh", "-c", f'exec "{sys.executable}" -m bot {command} >&- 2>&-'],
        cwd=tmp_path,
        env=environ(DATABASE_URL=f"sqlite:///{tmp_path}/db.sqlite"),
        check=False,
        timeout=60,
    )
    assert ran.returncode == {"check": 1, "migrate": 0}[command]


def test_marks_are_words() -> None:
    """What works and what does not is told in words, which every terminal can show."""
    findings = [Finding("Database", ok=True, what="answers"), Finding("Tenant dev", ok=False, what="no", advice="Do.")]
    table = findings_table(findings)
    assert [str(cell) for cell in table.columns[0].cells] == ["ok", "FAIL"]
    assert "FAIL" in findings_text(findings)
