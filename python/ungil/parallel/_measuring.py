"""How `backend="auto"` comes to know its tasks: it has a thread make the first ones, and watches.

The caller's thread waits for the other in short waits, and each time looks how late it gets the interpreter back. While
somebody holds the GIL, that is later by the switch interval, after which the holder is asked to let go; otherwise it is
there at once. A task that goes on for long is not waited for: what was seen of its beginning decides.
"""

from __future__ import annotations

import sys
import time

from ungil._waiting import wait
from ungil.parallel._choice import Measurement, choose

TYPE_CHECKING = False
if TYPE_CHECKING:
    import concurrent.futures
    from typing import Any

    from ungil.parallel._batch import Report, Round
    from ungil.parallel._choice import Choice
    from ungil.parallel._delayed import Task

__all__ = ("Known", "Watch", "is_compiled")

# Seconds of one wait.
_LOOK = 0.0005

# For so many seconds a task is watched, unless the GIL has been seen to be held or free for that long.
_ENOUGH = 0.004

# So late, in switch intervals, somebody has held the GIL; other lateness is the system's.
_LATE = 0.8

# So many seconds it is waited for a thread to come to run.
_PATIENCE = 0.1

# So late, in switch intervals, of a wait during which the tasks came to their end.
_LAST = 0.4

# Rounds of tasks grow up to this many seconds.
_ROUND = 0.008

# Tasks shorter than this are known from a round of this many seconds: who holds the GIL does not matter for them.
_TINY = 20e-6
_TINY_ROUND = 0.0005

# A pickle that takes so many seconds is timed again.
_ODD = 1e-4

# In one round the number of tasks grows at most so many times.
_GROWTH = 8


class Watch:
    """Measures tasks, round after round.

    Args:
        n_jobs: how many may run at once.

    Attributes:
        measured: what was measured last; None until `choice`.
    """

    def __init__(self, n_jobs: int) -> None:
        self._n_jobs = n_jobs
        self.measured: Measurement | None = None
        self._n_tasks = 0
        self._seconds = 0.0
        self._n_last = 0
        # What was seen of the GIL: for how long it was held, and for how long it was looked.
        self._held = 0.0
        self._looked = 0.0

    def size(self) -> int:
        """Return how many tasks the next round has."""
        if self._n_last == 0:
            return 1
        each = self._seconds
        wanted = _TINY_ROUND if each < _TINY else _ROUND
        return max(min(int(wanted / each) if each > 0 else self._n_last * _GROWTH, self._n_last * _GROWTH), 1)

    def look(self, round_: Round, future: concurrent.futures.Future[Any], stop: set[Any]) -> bool:
        """Watch a round until it is over or enough was seen; true if it is over.

        Args:
            round_: the round.
            future: what will have come of it.
            stop: futures whose end ends the watching too.
        """
        interval = sys.getswitchinterval()
        futures = {future, *stop}
        begun = time.monotonic()
        has_begun = False
        while True:
            before = time.monotonic()
            done, _ = wait(futures, _LOOK, "FIRST_COMPLETED")
            now = time.monotonic()
            late = now - before - _LOOK
            if done:
                if late >= _LAST * interval:
                    # It was over when the interpreter was to be had, and that was not to be had before.
                    self._looked += now - before
                    self._held += late
                return future in done
            if not has_begun:
                has_begun = round_.has_begun
                if late < _LATE * interval and now - begun < _PATIENCE:
                    # Before its thread has come to run, nobody holds the GIL.
                    continue
                begun = before
            self._looked += now - before
            if late >= _LATE * interval:
                self._held += late
            if now - begun >= _ENOUGH:
                self._seconds = max(self._seconds, now - begun)
                self._n_tasks = max(self._n_tasks, 1)
                return False

    def record(self, report: Report) -> bool:
        """Take in a round that is over; true if enough is known."""
        n = len(report.results)
        # The first times may hold what is done once.
        self._seconds = report.seconds / n
        self._n_last = n
        self._n_tasks += n
        if self._seconds < _TINY:
            return report.seconds >= _TINY_ROUND / 2
        return report.seconds >= _ENOUGH or self._looked >= _ENOUGH

    def choice(self, task: Task) -> Choice:
        """Return where tasks are to run.

        Args:
            task: one of them.
        """
        pickle_seconds, n_bytes = _pickling(task)
        self.measured = Measurement(
            n_tasks=self._n_tasks,
            seconds=self._seconds,
            held=self._held / self._looked if self._looked >= _LOOK else None,
            pickle_seconds=pickle_seconds,
            n_bytes=n_bytes,
            has_gil=_has_gil(),
            n_jobs=self._n_jobs,
        )
        return choose(self.measured)


class Known:
    """What a call has come to know of its tasks, for a later call of the same `Parallel` with the same function.

    Args:
        function: what the tasks called.
        seconds: how long one of them took.
        measured: what was measured, if it was.
    """

    def __init__(self, function: Any, seconds: float, measured: Measurement | None) -> None:
        self.function = function
        self.seconds = seconds
        self._measured = measured

    def measured_anew(self, task: Task, n_jobs: int) -> Measurement | None:
        """Return what was measured, with a task's own arguments: others may be larger, or have no pickles.

        None if it is about other tasks.
        """
        before = self._measured
        if before is None or task[0] is not self.function or before.n_jobs != n_jobs:
            return None
        pickle_seconds, n_bytes = _pickling(task)
        return Measurement(
            n_tasks=before.n_tasks,
            seconds=self.seconds,
            held=before.held,
            pickle_seconds=pickle_seconds,
            n_bytes=n_bytes,
            has_gil=before.has_gil,
            n_jobs=before.n_jobs,
        )


def _pickling(task: Task) -> tuple[float | None, int]:
    """Return for how long a task is pickled, and how many bytes it has, without its large buffers: they are shared."""
    from ungil._process_pool.pickles import carried, pickled

    function, args, kwargs = task
    try:
        # Once for all tasks.
        carried(function)
        begun = time.perf_counter()
        data, _, _ = pickled((args, kwargs))
        seconds = time.perf_counter() - begun
        if seconds >= _ODD:
            # It may have imported something for the first time.
            begun = time.perf_counter()
            pickled((args, kwargs))
            seconds = time.perf_counter() - begun
    except Exception:
        # The pickler's refusal, or what an object's own method raised.
        return None, 0
    return seconds, len(data)


def is_compiled(function: Any) -> bool:
    """Return whether a function is one that ungil compiles, so that it needs no GIL."""
    compiler = sys.modules.get("ungil._core")
    return compiler is not None and isinstance(function, compiler.Dispatcher)


def _has_gil() -> bool:
    is_enabled = getattr(sys, "_is_gil_enabled", None)
    return True if is_enabled is None else bool(is_enabled())
