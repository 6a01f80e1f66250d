"""Reports for people: a coloured table on a terminal, plain lines anywhere else.

Nothing that was read from a file or from Slack is taken for markup.
"""

from collections.abc import Iterable, Sequence
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bot.check.findings import Finding
from bot.settings import ConfigurationError, Fault


def faults_text(error: ConfigurationError) -> str:
    """Return every fault of a configuration as plain lines."""
    lines = [_headline(error), ""]
    for fault in error.faults:
        place = f"{error.file}:{fault.line}: " if fault.line else ""
        lines += [f"{place}{fault.where} {fault.problem}", f"    expected: {fault.expected}"]
    return "\n".join(lines)


def faults_table(error: ConfigurationError) -> Table:
    """Return every fault of a configuration as a table."""
    table = _table(_headline(error), "Where", "Line", "Problem", "Expected")
    for fault in error.faults:
        _row(table, (fault.where, str(fault.line or ""), fault.problem, fault.expected), ("bold", "dim", "red", ""))
    return table


def findings_text(findings: Sequence[Finding], *, all_tried: bool = True, untried: Sequence[str] = ()) -> str:
    """Return what a check found as plain lines, then what no check can try, with the verdict at the end."""
    lines = []
    for finding in findings:
        lines.append(f"{'ok  ' if finding.ok else 'FAIL'}  {finding.subject}: {finding.what}")
        if finding.advice:
            lines.append(f"      → {finding.advice}")
    lines += [f"not tried: {each}" for each in untried]
    return "\n".join([*lines, "", _verdict(findings, all_tried=all_tried)])


def findings_table(findings: Sequence[Finding], *, all_tried: bool = True, untried: Sequence[str] = ()) -> Table:
    """Return what a check found as a table, with what no check can try and the verdict below it."""
    table = _table("", "", "What", "Found", "To do")
    below = [*(f"Not tried: {each}" for each in untried), _verdict(findings, all_tried=all_tried)]
    table.caption = Text("\n".join(below), style="bold")
    table.caption_justify = "left"
    for finding in findings:
        mark, style = ("ok", "green") if finding.ok else ("FAIL", "red")
        _row(table, (mark, finding.subject, finding.what, finding.advice), (style, "bold", style, ""))
    return table


def show_faults(error: ConfigurationError, stream: TextIO) -> None:
    """Write the faults of a configuration to a stream."""
    _show(faults_table(error) if stream.isatty() else faults_text(error), stream)


def show_findings(
    findings: Sequence[Finding], stream: TextIO, *, all_tried: bool = True, untried: Sequence[str] = ()
) -> None:
    """Write what a check found to a stream; `all_tried` is false when faults kept something from being tried."""
    draw = findings_table if stream.isatty() else findings_text
    _show(draw(findings, all_tried=all_tried, untried=untried), stream)


def _show(report: Table | str, stream: TextIO) -> None:
    if isinstance(report, str):
        stream.write(report + "\n")
        stream.flush()
    else:
        Console(file=stream).print(report)


def _headline(error: ConfigurationError) -> str:
    return f"The configuration ({error.file} and the environment) has {_count(error.faults)}:"


def _verdict(findings: Iterable[Finding], *, all_tried: bool) -> str:
    failed = [finding for finding in findings if not finding.ok]
    if failed:
        return f"{_count(failed)}; everything else works."
    return "Everything works." if all_tried else "Everything else works."


def _count(things: Sequence[Fault] | Sequence[Finding]) -> str:
    return "1 problem" if len(things) == 1 else f"{len(things)} problems"


def _table(title: str, *columns: str) -> Table:
    table = Table(title=Text(title) if title else None, title_justify="left", title_style="bold", show_lines=True)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _row(table: Table, cells: Iterable[str], styles: Iterable[str]) -> None:
    table.add_row(*(Text(cell, style=style) for cell, style in zip(cells, styles, strict=True)))
