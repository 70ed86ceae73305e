"""A report as a table for people."""

from __future__ import annotations

from rich.box import SIMPLE_HEAVY
from rich.console import Console
from rich.table import Table

from ungil.cli.report import Report
from ungil.cli.rows import Family, Outcome

__all__ = ("print_report", "ratio_text", "seconds_text")

STYLES = {Family.PYTHON: "", Family.UNGIL: "bold green", Family.PEER: "cyan"}


def print_report(report: Report, console: Console) -> None:
    """Print the table of a report, with a line under it that says how to read it."""
    # Narrow enough for 80 columns; what is no terminal (a log, a pipe) gets every character.
    if not console.is_terminal:
        console.width = 120
    table = Table(title=report.benchmark.title, title_justify="left", box=SIMPLE_HEAVY, padding=(0, 1, 0, 0))
    table.show_edge = False
    table.add_column("way", no_wrap=True)
    for title in ("median", "min", "first\ncall", "vs\nPython", "vs best\npeer", report.benchmark.verdict_title):
        table.add_column(title, justify="right", no_wrap=True)

    skipped = []
    for outcome in report.outcomes:
        if outcome.timing is None:
            skipped.append(outcome)
        else:
            table.add_row(*_cells(report, outcome), style=STYLES[outcome.row.family])
    console.print(table)

    for outcome in skipped:
        word = "failed" if outcome.failed else "not run"
        console.print(f"{outcome.row.name}: {word}: {outcome.reason}", markup=False, highlight=False, soft_wrap=True)
    console.print(_legend(report), markup=False, highlight=False)


def seconds_text(seconds: float) -> str:
    """Write a time with three digits and the unit that suits it."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            return f"{_three_digits(seconds / size)} {unit}"
    return f"{_three_digits(seconds / 1e-9)} ns"


def ratio_text(ratio: float | None) -> str:
    """Write how many times faster something is, or a dash when that is not known."""
    return "-" if ratio is None else f"{_three_digits(ratio)}×"


def _three_digits(number: float) -> str:
    if number >= 100:
        return f"{number:,.0f}"
    return f"{number:.1f}" if number >= 10 else f"{number:.2f}"


def _cells(report: Report, outcome: Outcome) -> list[str]:
    timing = outcome.timing
    assert timing is not None
    return [
        outcome.row.name,
        seconds_text(timing.median),
        seconds_text(timing.minimum),
        seconds_text(timing.first) if outcome.row.compiles else "",
        ratio_text(report.ratio(outcome, report.plain)),
        ratio_text(report.ratio(outcome, report.best_peer)),
        report.verdict(outcome),
    ]


def _legend(report: Report) -> str:
    best = report.best_peer
    peer = f"; the best peer is {best.row.name}" if best else ""
    return (
        f"\nvs: how many times faster, by medians{peer}.\n"
        "First call: compiles. Thread and process pools were started, and warmed up, before."
    )
