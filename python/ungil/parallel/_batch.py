"""`Batch`: some tasks that are made one after the other in one place, another process or thread; and what comes of it.

A worker process imports this module and what it needs, and no more of the package.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import threading
import time
from collections import deque

from ungil import _core
from ungil.parallel import _active

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from ungil.parallel._delayed import Task

__all__ = ("Batch", "Report", "Round", "run_pickled")


class Report:
    """What came of a batch.

    Attributes:
        results: the results of its tasks, in their order.
        begun: when the first began, in seconds of `time.monotonic`, which processes of a machine share.
        ended: when the last ended.
        pid: the process.
        thread: the system's number of the thread.
        times: for a trace, what each task was and when it ended; None without one.
    """

    __slots__ = ("begun", "ended", "pid", "results", "thread", "times")

    def __init__(self, results: list[Any], begun: float, ended: float, times: list[tuple[str, float]] | None) -> None:
        self.results = results
        self.begun = begun
        self.ended = ended
        self.pid = os.getpid()
        self.thread = threading.get_native_id()
        self.times = times

    @property
    def seconds(self) -> float:
        """How long its tasks ran."""
        return self.ended - self.begun


class Batch:
    """Tasks that are made one after the other.

    Args:
        tasks: the tasks.
        nested: the backend of `Parallel`s that the tasks make, and their number of jobs.
        is_traced: whether the time of each task is told.
    """

    __slots__ = ("_is_traced", "_nested", "tasks")

    def __init__(self, tasks: Sequence[Task], nested: tuple[Any, int | None], is_traced: bool = False) -> None:
        self.tasks: Iterable[Task] = tasks
        self._nested = nested
        self._is_traced = is_traced

    def __reduce__(self) -> tuple[Any, ...]:
        return Batch, (self.tasks, self._nested, self._is_traced)

    def with_functions(self, functions: dict[int, Any]) -> Batch:
        """Return a batch of the same tasks, with other objects for their functions, by the functions' `id`s."""
        tasks = [(functions[id(function)], args, kwargs) for function, args, kwargs in self.tasks]
        return Batch(tasks, self._nested, self._is_traced)

    def __call__(self) -> Report:
        """Make them; what one raises is raised, and those after it are not made."""
        with _active.nested(*self._nested):
            begun = time.monotonic()
            if self._is_traced:
                results, times = _told(self.tasks)
            else:
                results, times = _core._make_tasks(self.tasks), None
            return Report(results, begun, time.monotonic(), times)

    def made_until(self, seconds: float) -> Report:
        """Make tasks up to the first that takes so long; the others are not made."""
        with _active.nested(*self._nested):
            begun = time.monotonic()
            if self._is_traced:
                results, times = _told(self.tasks, seconds)
            else:
                results, times = _core._make_tasks(self.tasks, seconds), None
            return Report(results, begun, time.monotonic(), times)


class Round(Batch):
    """Tasks that are measured in this process: those that have not begun may be taken back.

    Attributes:
        has_begun: whether the first has.
    """

    __slots__ = ("_waiting", "has_begun")

    def __init__(self, tasks: Sequence[Task], nested: tuple[Any, int | None], is_traced: bool = False) -> None:
        super().__init__((), nested, is_traced)
        self._waiting = deque(tasks)
        self.has_begun = False

    def __call__(self) -> Report:
        """Make those that are not taken back meanwhile."""
        self.tasks = self._drained()
        return super().__call__()

    def withdraw(self) -> list[Task]:
        """Return the tasks that have not begun, which this will not make."""
        taken = []
        with contextlib.suppress(IndexError):
            while True:
                taken.append(self._waiting.popleft())
        return taken

    def _drained(self) -> Iterator[Task]:
        while True:
            try:
                task = self._waiting.popleft()
            except IndexError:
                return
            self.has_begun = True
            yield task


def _told(tasks: Iterable[Task], until: float | None = None) -> tuple[list[Any], list[tuple[str, float]]]:
    """Make tasks up to the first that takes `until` seconds; tell what each was, and when it ended."""
    results: list[Any] = []
    times: list[tuple[str, float]] = []
    before = time.monotonic()
    for task in tasks:
        results += _core._make_tasks((task,))
        now = time.monotonic()
        times.append((getattr(task[0], "__qualname__", repr(task[0])), now))
        if until is not None and now - before >= until:
            break
        before = now
    return results, times


def run_pickled(data: Any, *buffers: Any) -> Any:
    """Call what was pickled, with the buffers that came beside the pickle."""
    call = pickle.loads(data, buffers=buffers)  # noqa: S301 -- from our own process
    del data, buffers
    return call()
