"""What a benchmark is made of: rows, each of which prepares one way to run the same work."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from enum import Enum

from ungil.cli.timing import Timing, measure

__all__ = ("Benchmark", "Family", "Outcome", "Row", "UnavailableError", "run_row")


class Family(Enum):
    """Whose a row is."""

    PYTHON = "python"
    UNGIL = "ungil"
    PEER = "peer"


class UnavailableError(Exception):
    """A row cannot run here; the message says why."""


@dataclass(frozen=True)
class Row:
    """One way to run the work.

    `prepare` makes everything that is not timed (pools, which the stack closes; imports; compiled modules) and returns
    the call that is. It raises `UnavailableError` or `ImportError` when this machine lacks something.
    """

    name: str
    family: Family
    prepare: Callable[[ExitStack], Callable[[], object]]
    compiles: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of a row: its timing, or the reason why there is none."""

    row: Row
    timing: Timing | None = None
    reason: str | None = None
    failed: bool = False


@dataclass(frozen=True)
class Benchmark:
    """The rows of one run. The first is plain Python, which the others are compared with.

    `verdict` judges a result beside plain Python's (None where that did not run), in a few characters; `exact` is the
    right answer where one is known.
    """

    title: str
    rows: tuple[Row, ...]
    verdict_title: str
    verdict: Callable[[object, object], str]
    parameters: dict[str, object]
    exact: float | None = None


def run_row(row: Row, repeat: int, on_sample: Callable[[], object]) -> Outcome:
    """Prepare, time and close one row. What goes wrong in it is its outcome, never an exception."""
    try:
        with ExitStack() as stack:
            call = row.prepare(stack)
            return Outcome(row, timing=measure(call, repeat, on_sample))
    except ModuleNotFoundError as error:
        return Outcome(row, reason=f"{error.name} is not installed")
    except UnavailableError as error:
        return Outcome(row, reason=str(error))
    except Exception as error:
        headline = (str(error).strip().splitlines() or [""])[0]
        return Outcome(row, reason=f"{type(error).__name__}: {headline}", failed=True)
