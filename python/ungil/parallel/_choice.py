"""Where `backend="auto"` runs tasks: a measurement in, a choice and its reason out.

measured                                              | choice
------------------------------------------------------+------------------------------------------------
a task takes no longer than it costs to hand it over  | in line: the caller's thread runs them
there is no GIL                                       | threads
they hold the GIL for less than half of their time    | threads
they cannot be pickled                                | threads, which only take turns; the reason says so
sending one to a process costs more than it gains     | in line
anything else                                         | processes

Tasks that ungil has compiled are not measured: they run without the GIL, in threads.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Literal

    Route = Literal["in line", "threads", "processes"]

__all__ = ("Choice", "Measurement", "choose")

# Seconds that a task costs as one of a batch. Measured on tasks that do nothing: 0.13 us in threads, 1.4 us in
# processes, its pickles included. A gain of less than ten times the former is not worth the threads; guessed.
_THREAD_COST = 1.5e-6
_PROCESS_COST = 1.5e-6

# A pickle is made and read, and so is that of the result.
_PICKLES = 3

# Bytes of pickles per second that come to another process, measured with texts of 10 MB; large buffers are not in them.
_BANDWIDTH = 4e8

# From this part of the time on, threads would mostly wait for one another.
_HELD = 0.5


class Measurement:
    """What was measured of the first tasks.

    Attributes:
        n_tasks: how many were run.
        seconds: how long one of them took.
        held: the part of that time during which it held the GIL; None if that could not be seen.
        pickle_seconds: how long it takes to pickle a task; None if it cannot be pickled.
        n_bytes: how many bytes of a task are copied to another process.
        has_gil: whether the interpreter has a GIL.
        n_jobs: how many tasks may run at once.
    """

    def __init__(
        self,
        *,
        n_tasks: int,
        seconds: float,
        held: float | None,
        pickle_seconds: float | None,
        n_bytes: int,
        has_gil: bool,
        n_jobs: int,
    ) -> None:
        self.n_tasks = n_tasks
        self.seconds = seconds
        self.held = held
        self.pickle_seconds = pickle_seconds
        self.n_bytes = n_bytes
        self.has_gil = has_gil
        self.n_jobs = n_jobs

    @property
    def gain(self) -> float:
        """The seconds that are gained for each task if several run at once."""
        return self.seconds * (1 - 1 / self.n_jobs)

    @property
    def process_cost(self) -> float:
        """The seconds that it costs to send a task to a process, as part of a batch."""
        return _PROCESS_COST + _PICKLES * (self.pickle_seconds or 0.0) + self.n_bytes / _BANDWIDTH


class Choice:
    """A route, and why.

    Attributes:
        route: "in line", "threads" or "processes".
        reason: a sentence without its subject, which is the tasks.
    """

    def __init__(self, route: Route, reason: str) -> None:
        self.route = route
        self.reason = reason

    def __repr__(self) -> str:
        return f"Choice({self.route!r}, {self.reason!r})"


def choose(measured: Measurement) -> Choice:
    """Return where tasks like these are to run.

    Args:
        measured: what was measured of the first.
    """
    each = _text(measured.seconds)
    if measured.gain <= _THREAD_COST:
        return Choice("in line", f"take {each} each, less than it costs to hand them over")
    if not measured.has_gil:
        return Choice("threads", f"take {each} each, and the interpreter has no GIL")
    if measured.held is not None and measured.held < _HELD:
        return Choice("threads", f"take {each} each, and hold the GIL for {measured.held:.0%} of it")
    if measured.pickle_seconds is None:
        return Choice(
            "threads",
            f"take {each} each, and hold the GIL, so that threads take turns; they cannot be pickled for processes",
        )
    if measured.gain <= measured.process_cost:
        return Choice(
            "in line",
            f"take {each} each, less than the {_text(measured.process_cost)} that sending one to another process costs",
        )
    held = "" if measured.held is None else f" for {measured.held:.0%} of it"
    return Choice("processes", f"take {each} each, and hold the GIL{held}")


def _text(seconds: float) -> str:
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs"
