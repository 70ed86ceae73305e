"""`ungil bench`: chooses the benchmark, runs its rows one after another, and shows what came out."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

import ungil
from ungil.cli import RequestError
from ungil.cli.info import machine, processor
from ungil.cli.report import Report
from ungil.cli.rows import Benchmark, run_row

__all__ = ("bench", "run")


def bench(options: argparse.Namespace, words: Sequence[str]) -> int:
    """Run the benchmark that the command line asks for.

    Returns:
        0, or 1 when a row of ours failed.

    Raises:
        RequestError: something about the request is wrong.
    """
    plot = Path(options.plot) if options.plot else None
    if plot is not None:
        from ungil.cli.plot import check_plot

        check_plot(plot)
    threads = _set_threads(options.threads)
    report = run(_benchmark(options, threads), options.repeat)

    if options.json:
        print(json.dumps(report.as_json(words, machine()), indent=2))
    else:
        from ungil.cli.table import print_report

        console = Console()
        console.print(f"{processor()}, {os.cpu_count()} CPUs, Python {sys.version.split()[0]}", highlight=False)
        print_report(report, console)
    if plot is not None:
        from ungil.cli.plot import write_plot

        write_plot(report, plot)
    return 1 if report.failed else 0


def run(benchmark: Benchmark, repeat: int) -> Report:
    """Run each row in turn, so that no two are ever measured at once, with a progress bar on a terminal's stderr."""
    console = Console(stderr=True)
    # Redrawn by hand between samples: a thread that redraws would be measured too.
    progress = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=console,
        auto_refresh=False,
        transient=True,
        disable=not console.is_terminal,
    )
    outcomes = []
    with progress:
        task = progress.add_task("", total=len(benchmark.rows) * repeat)

        def on_sample() -> None:
            progress.advance(task)
            progress.refresh()

        for done, row in enumerate(benchmark.rows):
            progress.update(task, description=row.name, completed=done * repeat, refresh=True)
            outcomes.append(run_row(row, repeat, on_sample))
    return Report(benchmark, tuple(outcomes))


def _benchmark(options: argparse.Namespace, threads: int) -> Benchmark:
    if options.target == "integrate":
        if options.args is not None or options.kwargs is not None:
            raise RequestError("--args and --kwargs are for a function of your own; integrate takes --n-iter")
        from ungil.cli.integrate import integrate_benchmark

        return integrate_benchmark(options.n_iter or 10**6, threads)
    if options.n_iter is not None:
        raise RequestError("--n-iter is for integrate; give a function of your own its arguments with --kwargs")
    from ungil.cli.function import function_benchmark

    return function_benchmark(options.target, options.args, options.kwargs, threads)


def _set_threads(wanted: int | None) -> int:
    """Set the number of threads of ungil, and of numba where it is installed; returns it."""
    if wanted is None:
        return ungil.get_num_threads()
    # Each reads its largest number once, when first asked, which is after this.
    os.environ.setdefault("UNGIL_NUM_THREADS", str(wanted))
    os.environ["NUMBA_NUM_THREADS"] = str(wanted)
    try:
        ungil.set_num_threads(wanted)
    except ValueError as error:
        raise RequestError(f"--threads: {error}") from error
    return wanted
