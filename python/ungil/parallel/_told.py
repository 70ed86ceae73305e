"""What a `Parallel` tells of a call: lines for `verbose`, statistics, an explanation, a trace."""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Iterable
    from typing import Any, Protocol

    from ungil.parallel._batch import Report
    from ungil.parallel._choice import Choice, Measurement

    class Counts(Protocol):
        """What is told of a `Parallel`."""

        n_tasks: int | None
        n_dispatched_tasks: int
        n_dispatched_batches: int
        n_completed_tasks: int
        verbose: int
        # How many were to be drawn ahead; 0 for all.
        _pre_dispatch_amount: int


__all__ = ("ParallelStatistics", "Trace", "duration", "explanation", "is_quiet_at", "progress_line")


@dataclass(frozen=True, slots=True)
class ParallelStatistics:
    """A call of a `Parallel`, at one moment or at its end.

    Attributes:
        backend: the class of the backend.
        route: where tasks run: "in line", "threads", "processes", or the name of another backend's class.
        n_jobs: how many run at once.
        dispatched: how many were handed over.
        completed: how many have come back with a result.
        failed: 1 if a task, or the iterable of tasks, has raised, which ends the call.
        batches: in how many batches they were handed over.
        largest_batch: how many tasks the largest had.
        mean_run: for how many seconds a task ran; None if none did.
        elapsed: for how many seconds the call has gone on.
        shared_bytes: how many bytes of arrays were put where tasks share them.
    """

    backend: str
    route: str
    n_jobs: int
    dispatched: int
    completed: int
    failed: int
    batches: int
    largest_batch: int
    mean_run: float | None
    elapsed: float
    shared_bytes: int


class Trace:
    """When which worker made which task, for a file that https://ui.perfetto.dev and chrome://tracing show.

    Args:
        path: the file.

    Raises:
        OSError: it cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path)
        self._start = time.monotonic()
        self._events: list[dict[str, Any]] = []
        # So that a path which cannot be written is told now, and not when the tasks are made.
        self.write()

    def add(self, report: Report) -> None:
        """Take in the tasks of a batch."""
        begun = report.begun
        for name, ended in report.times or ():
            self._events.append(
                {
                    "name": name,
                    "cat": "task",
                    "ph": "X",
                    "pid": report.pid,
                    "tid": report.thread,
                    # Microseconds, as the format has it.
                    "ts": (begun - self._start) * 1e6,
                    "dur": (ended - begun) * 1e6,
                }
            )
            begun = ended

    def write(self) -> None:
        """Write the file."""
        text = json.dumps({"traceEvents": self._events, "displayTimeUnit": "ms"})
        self._path.write_text(text, encoding="utf-8")


def explanation(
    backend: str, n_jobs: int, measured: Measurement | None, choices: Iterable[Choice], statistics: ParallelStatistics
) -> str:
    """Return a text that says where tasks ran, and why.

    Args:
        backend: the class of the backend.
        n_jobs: how many tasks run at once.
        measured: what was measured, if something was.
        choices: what was chosen from it, one after the other.
        statistics: what came of it.
    """
    if measured is None:
        lines = [f"{backend}, {n_jobs} at once, without measuring"]
    else:
        lines = [f"{backend}, up to {n_jobs} at once, after measuring {measured.n_tasks} tasks"]
    lines += [f"{choice.route}: the tasks {choice.reason}" for choice in choices]
    lines.append(
        f"{statistics.completed} tasks in {statistics.batches} batches of up to {statistics.largest_batch}, in"
        f" {statistics.elapsed:.3g} s"
    )
    return "\n".join(lines)


def progress_line(counts: Counts, is_iterating: bool, is_complete: bool, elapsed: float) -> str | None:
    """Return what joblib's `print_progress` says of a call, or None where it says nothing.

    Args:
        counts: how many tasks there are, were handed over and are done.
        is_iterating: whether there may be more.
        is_complete: whether all of them are done.
        elapsed: for how many seconds the call has gone on.
    """
    width = math.floor(math.log10(counts.n_tasks)) + 1 if counts.n_tasks else 3
    done, total = counts.n_completed_tasks, counts.n_dispatched_tasks
    if is_complete:
        return f"Done {done:{width}d} out of {done:{width}d} | elapsed: {duration(elapsed)} finished"
    if is_iterating:
        if is_quiet_at(counts.n_dispatched_batches, counts.verbose):
            return None
        if counts.n_tasks is not None:
            return f"Done {done:{width}d} out of {counts.n_tasks:{width}d} | elapsed: {duration(elapsed)}"
        padding = " " * (len("out of ") + width - len("tasks"))
        return f"Done {done:{width}d} tasks {padding}| elapsed: {duration(elapsed)}"
    # It is known how many there are.
    cursor = total - done + 1 - counts._pre_dispatch_amount
    if done and (done + 1 == total or cursor % (total // counts.verbose + 1)):
        return None
    left = duration(elapsed / max(done, 1) * (total - done))
    return f"Done {done:{width}d} out of {total:{width}d} | elapsed: {duration(elapsed)} remaining: {left}"


def duration(seconds: float) -> str:
    """Return a time as joblib writes it: seconds in eight places, or minutes in seven."""
    return f"{seconds / 60:4.1f}min" if seconds > 60 else f" {seconds:5.1f}s"


def is_quiet_at(index: int, verbose: int) -> bool:
    """Return whether nothing is told after so many batches, at this level: lines come ever more seldom.

    Their distance grows with the square of the index; above 10 there is a line for each.
    """
    if not verbose:
        return True
    if verbose > 10:
        return False
    if index == 0:
        return False
    scale = 0.5 * (11 - verbose) ** 2
    return int(math.sqrt(index / scale)) == int(math.sqrt((index + 1) / scale))


ParallelStatistics.__module__ = "ungil.parallel"
