"""A report as a bar chart, SVG or PNG."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from ungil.cli import RequestError
from ungil.cli.report import Report
from ungil.cli.rows import Family
from ungil.cli.table import seconds_text

__all__ = ("check_plot", "write_plot")

SUFFIXES = (".svg", ".png")
COLOURS = {Family.PYTHON: "#8d99ae", Family.UNGIL: "#2a9d8f", Family.PEER: "#e9a03b"}


def check_plot(path: Path) -> None:
    """Check that a chart can be written there, before the time for measuring it is spent.

    Raises:
        RequestError: the suffix is neither of the two, the directory is missing, or matplotlib is not installed.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise RequestError(f"--plot writes {' or '.join(SUFFIXES)}, and {path.name} ends in neither")
    if not path.absolute().parent.is_dir():
        raise RequestError(f"--plot: there is no directory {path.absolute().parent}")
    if importlib.util.find_spec("matplotlib") is None:
        raise RequestError("--plot needs matplotlib: pip install 'ungil[plot]'")


def write_plot(report: Report, path: Path) -> None:
    """Write a horizontal bar a row, of median times on a logarithmic axis, in the order of the table."""
    # The figure's own class, without pyplot: no window system, no global state.
    from matplotlib.figure import Figure

    ran = [(outcome.row, outcome.timing) for outcome in report.outcomes if outcome.timing is not None]
    names = [row.name for row, _ in ran]
    milliseconds = [timing.median * 1e3 for _, timing in ran]

    figure = Figure(figsize=(9, 1.2 + 0.36 * len(ran)), layout="constrained")
    axes = figure.subplots()
    bars = axes.barh(names, milliseconds, color=[COLOURS[row.family] for row, _ in ran])
    axes.bar_label(bars, labels=[seconds_text(timing.median) for _, timing in ran], padding=4)
    axes.set_xscale("log")
    axes.margins(x=0.15)
    axes.invert_yaxis()
    axes.set_xlabel("median time of a call, ms (logarithmic)")
    axes.set_title(report.benchmark.title, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path)
