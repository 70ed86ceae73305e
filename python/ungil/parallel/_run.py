"""`Run`: one call of a `Parallel`, from the first task that is drawn to the last result.

One thread draws tasks, sends batches, waits and gives results out: the caller's, or for generators one that goes on
while nobody takes results (`_background.py`). So there is nothing to lock. A failure ends it at once: what runs is
ended where that can be done, what waits is cancelled, and the caller's iterator is closed.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque

from ungil._waiting import wait
from ungil.parallel._backends import AutoBackend, ThreadingBackend
from ungil.parallel._batch import Batch, Round
from ungil.parallel._batching import Batching
from ungil.parallel._choice import Choice, choose
from ungil.parallel._measuring import Known, Watch, is_compiled
from ungil.parallel._told import ParallelStatistics, Trace, explanation

TYPE_CHECKING = False
if TYPE_CHECKING:
    import concurrent.futures
    from collections.abc import Iterator
    from typing import Any

    from ungil.parallel._batch import Report
    from ungil.parallel._choice import Measurement
    from ungil.parallel._engines import Engine, Engines
    from ungil.parallel._parallel import Parallel
    from ungil.parallel._source import Source

__all__ = ("Run", "Stopped")

# No more batches than this, and twice as many as run at once, are with an executor, however far may be drawn ahead.
_MOST_PENDING = 32

# So many tasks are drawn at a time that run in line.
_SLICE = 256

# Tasks that take so many times as long as those that were measured, and so many seconds, are measured anew; and those
# after a single one that takes so long.
_SLOWER = 4
_SLOW = 20e-6
_LONG = 1e-3

# From so many seconds on it pays to see to it that tasks in two threads are not made on one processor.
_WORTH_SPREADING = 200e-6


class Stopped(BaseException):
    """Nobody wants the results any more."""


class _Pending:
    """A batch that was sent, and what has come of it."""

    __slots__ = ("report",)

    def __init__(self) -> None:
        self.report: Report | None = None


class Run:
    """One call.

    Args:
        owner: the `Parallel`, whose counters it moves.
        source: the tasks.
        n_jobs: how many run at once.
        ahead: how many batches may be drawn ahead of the results; None for all.
        engines: what opens engines.
        is_managed: whether somebody else closes them.
        stop: a future whose end ends the run, if it can be stopped.

    Attributes:
        n_failed: 1 if a task, or the iterable of tasks, has raised.
        n_consumed: how many results the caller has taken.
        is_complete: whether all tasks are done.
    """

    def __init__(
        self,
        owner: Parallel,
        source: Source,
        n_jobs: int,
        ahead: int | None,
        engines: Engines,
        *,
        is_managed: bool,
        stop: concurrent.futures.Future[None] | None,
    ) -> None:
        self._owner = owner
        self._source = source
        self._n_jobs = n_jobs
        self._ahead = ahead
        self._engines = engines
        self._is_managed = is_managed
        self._stop = stop
        self._backend = owner._runner
        self._backend.n_jobs = n_jobs
        nested = self._backend.get_nested_backend()
        self._nested = nested if isinstance(nested, tuple) else (nested, None)
        fixed = None if owner.batch_size == "auto" else int(owner.batch_size)
        self._batching = Batching(n_jobs, fixed if self._backend.batches or fixed is not None else 1)
        self._pending: dict[concurrent.futures.Future[Report], _Pending] = {}
        # Those whose results nobody has been given, in the order of their tasks.
        self._order: deque[_Pending] = deque()
        # Since when the first of them is waited for.
        self._waiting_for: _Pending | None = None
        self._waiting_since = 0.0
        # A task that is measured and goes on; it takes one of the places.
        self._watched: _Pending | None = None
        self._takes_part = False
        self._trace = None if owner._trace_path is None else Trace(owner._trace_path)
        self._begun = time.monotonic()
        self._ended: float | None = None
        self._measured: Measurement | None = None
        # What the first task called, and what an earlier call has learnt of it.
        self._function: Any = None
        self._known: Known | None = None
        self._choices: list[Choice] = []
        self._route = type(self._backend).__name__
        self.n_failed = 0
        self._n_batches = 0
        self._largest = 0
        self._n_shared = 0
        self._task_seconds = 0.0
        self.n_dispatched = 0
        self.n_completed = 0
        self.n_consumed = 0
        self.is_complete = False

    def batches(self) -> Iterator[list[Any]]:
        """Give the results, some at a time, in the order of their tasks if that is wanted.

        Raises:
            BaseException: what the first task raised of which that is known, or the caller's iterator.
            Stopped: it was stopped.
        """
        try:
            if self._ahead is None:
                self._source.draw()
            if isinstance(self._backend, AutoBackend):
                yield from self._measuring()
            else:
                yield from self._dispatching(self._engines.open(self._backend, self._n_jobs))
            self.is_complete = True
            self._learn()
        except (GeneratorExit, Stopped):
            raise
        except BaseException:
            self.n_failed = 1
            raise
        finally:
            self._end()

    @property
    def is_drawing(self) -> bool:
        """Whether the caller's iterator may be running."""
        return self._source.is_drawing

    @property
    def is_over(self) -> bool:
        """Whether no more tasks are drawn."""
        return self._source.is_over

    def keep_engines(self) -> None:
        """Be the one that closes its engines: the next call has others."""
        self._is_managed = False

    def statistics(self) -> ParallelStatistics:
        """Return what has been done by now."""
        ended = time.monotonic() if self._ended is None else self._ended
        return ParallelStatistics(
            backend=type(self._backend).__name__,
            route=self._route,
            n_jobs=self._n_jobs,
            dispatched=self.n_dispatched,
            completed=self.n_completed,
            failed=self.n_failed,
            batches=self._n_batches,
            largest_batch=self._largest,
            mean_run=self._task_seconds / self.n_completed if self.n_completed else None,
            elapsed=ended - self._begun,
            shared_bytes=self._n_shared,
        )

    def explain(self) -> str:
        """Tell where its tasks ran, and why."""
        backend = type(self._backend).__name__
        return explanation(backend, self._n_jobs, self._measured, self._choices, self.statistics())

    # How tasks go out, and results come back.

    def _dispatching(self, engine: Engine) -> Iterator[list[Any]]:
        with self._backend.retrieval_context():
            while True:
                self._fill(engine)
                if not self._pending:
                    return
                for future in self._done():
                    self._settle(future)
                self._n_shared = engine.n_shared
                yield from self._ready()

    def _fill(self, engine: Engine) -> None:
        """Send batches until as many are on their way as may be."""
        most = max(2 * self._n_jobs, _MOST_PENDING)
        limit = most if self._ahead is None else min(self._ahead, most)
        if self._watched is not None:
            # Beside a task that this process runs, each worker has one.
            limit = min(limit, self._n_jobs)
        while len(self._pending) < limit:
            tasks = self._source.take(self._batching.size(self._source.n_left))
            if not tasks:
                return
            self._count(1, len(tasks))
            batch = Batch(tasks, self._nested, self._trace is not None)
            if self._takes_part and 0 < len(self._pending) < self._n_jobs and self._source.first() is None:
                is_short = self._known is not None and self._known.seconds < _WORTH_SPREADING
                with contextlib.nullcontext() if is_short else engine.elsewhere():
                    self._make_here(batch)
                return
            self._send(engine, batch)

    def _make_here(self, batch: Batch) -> None:
        """Make the last batch in this thread, which has nothing else to do."""
        pending = _Pending()
        self._order.append(pending)
        pending.report = batch()
        self._take_in(pending.report)

    def _send(self, engine: Engine, batch: Batch) -> concurrent.futures.Future[Report]:
        future = engine.submit(batch)
        self._pending[future] = _Pending()
        self._order.append(self._pending[future])
        return future

    def _count(self, n_batches: int, n_tasks: int) -> None:
        self.n_dispatched += n_tasks
        self._n_batches += n_batches
        self._largest = max(self._largest, n_tasks)
        self._owner.n_dispatched_tasks += n_tasks
        self._owner.n_dispatched_batches += n_batches

    def _done(self) -> set[concurrent.futures.Future[Report]]:
        """Wait until a batch is done."""
        timeout = self._owner.timeout
        futures: set[concurrent.futures.Future[Any]] = set(self._pending)
        if self._stop is not None:
            futures.add(self._stop)
        left = None
        if timeout is not None:
            if self._order[0] is not self._waiting_for:
                self._waiting_for, self._waiting_since = self._order[0], time.monotonic()
            left = max(self._waiting_since + timeout - time.monotonic(), 0)
        if len(futures) == 1:
            # Who waits for one future reads the answer itself.
            with contextlib.suppress(TimeoutError):
                next(iter(futures)).exception(left)
        done, _ = wait(futures, 0 if len(futures) == 1 else left, "FIRST_COMPLETED")
        self._look_whether_stopped()
        if not done and left is not None:
            raise _timeout_error(timeout)
        if not self._owner.return_ordered:
            # Any result will do, and the time runs from the last.
            self._waiting_for = None
        return done

    def _look_whether_stopped(self) -> None:
        if self._stop is not None and self._stop.done():
            raise Stopped

    def _settle(self, future: concurrent.futures.Future[Report]) -> Report:
        """Take in what has come of a batch, and return it."""
        pending = self._pending.pop(future)
        if pending is self._watched:
            self._watched = None
        try:
            report = future.result()
        finally:
            # What is raised has this frame.
            del future
        pending.report = report
        if report.results:
            # All of its tasks may have been taken back.
            self._batching.record(len(report.results), report.seconds)
        self._take_in(report)
        return report

    def _take_in(self, report: Report) -> None:
        n_tasks = len(report.results)
        self._task_seconds += report.seconds
        self.n_completed += n_tasks
        if self._trace is not None:
            self._trace.add(report)
        self._owner._advance(n_tasks)

    def _ready(self) -> Iterator[list[Any]]:
        """Give the results whose turn it is."""
        if self._owner.return_ordered:
            while self._order and (report := self._order[0].report) is not None:
                self._order.popleft()
                yield report.results
            return
        ready = [pending for pending in self._order if pending.report is not None]
        self._order = deque(pending for pending in self._order if pending.report is None)
        for pending in ready:
            if pending.report is not None:
                yield pending.report.results

    # What is measured first.

    def _measuring(self) -> Iterator[list[Any]]:
        """Have a thread make the first tasks, unless they are known; then go on as is best."""
        threads = self._engines.open(ThreadingBackend(self._backend.nesting_level), self._n_jobs)
        watch = Watch(self._n_jobs)
        first = self._source.first()
        if first is not None:
            self._function = first[0]
            if (known := self._owner._known) is not None and known.function is self._function:
                self._known = known
            measured = None if self._known is None else self._known.measured_anew(first, self._n_jobs)
            if measured is not None:
                self._measured = measured
                choice = self._within_timeout(choose(measured))
                self._choose(Choice(choice.route, f"{choice.reason}, as an earlier call has shown"))
                if choice.route != "in line":
                    yield from self._dispatching(self._engine_of(choice, threads))
                    return
                yield from self._in_line()
        while tasks := self._source.take(watch.size()):
            if is_compiled(tasks[0][0]):
                # Threads are right in any case, and this one may be one of them at the end.
                self._source.give_back(tasks)
                self._takes_part = self._stop is None and self._owner.timeout is None
                self._choose(Choice("threads", "are compiled: they run without the GIL"))
                break
            self._count(1, len(tasks))
            round_ = Round(tasks, self._nested, self._trace is not None)
            future = self._send(threads, round_)
            is_over = watch.look(round_, future, set() if self._stop is None else {self._stop})
            self._look_whether_stopped()
            if not is_over:
                rest = round_.withdraw()
                self._source.give_back(rest)
                self._count(0, -len(rest))
            if is_over:
                report = self._settle(future)
                yield from self._ready()
                if not watch.record(report):
                    continue
            choice = self._within_timeout(watch.choice(tasks[0]), is_over)
            self._measured = watch.measured
            self._choose(choice)
            if choice.route != "in line":
                self._watched = None if is_over else self._pending[future]
                yield from self._dispatching(self._engine_of(choice, threads))
                return
            yield from self._in_line()
            watch = Watch(self._n_jobs)
        yield from self._dispatching(threads)

    def _within_timeout(self, choice: Choice, is_over: bool = True) -> Choice:
        """Return a choice by which tasks can be given up: this thread cannot do that while it makes them."""
        if choice.route == "in line" and (self._owner.timeout is not None or not is_over):
            return Choice("threads", f"{choice.reason}; but they can be given up there, when they take too long")
        return choice

    def _engine_of(self, choice: Choice, threads: Engine) -> Engine:
        return threads if choice.route == "threads" else self._engines.open(self._backend, self._n_jobs)

    def _learn(self) -> None:
        """Leave to later calls what this one has come to know, unless the tasks were not what they seemed to be."""
        if self._function is None or not self.n_completed:
            return
        seconds = self._task_seconds / self.n_completed
        before = self._known
        is_odd = before is not None and not before.seconds / _SLOWER <= seconds <= before.seconds * _SLOWER
        self._owner._known = None if is_odd else Known(self._function, seconds, self._measured)

    def _choose(self, choice: Choice) -> None:
        """Keep a choice, in the place of the last one if it is the same again."""
        if self._choices and self._choices[-1].route == choice.route:
            self._choices.pop()
        self._choices.append(choice)
        self._route = choice.route

    def _in_line(self) -> Iterator[list[Any]]:
        """Make tasks here, until there are no more, or they turn out to be longer."""
        each = 0.0 if self._measured is None else self._measured.seconds
        slow = max(_SLOWER * each, _SLOW)
        while tasks := self._source.take(_SLICE):
            report = Batch(tasks, self._nested, self._trace is not None).made_until(_LONG)
            n_made = len(report.results)
            self._source.give_back(tasks[n_made:])
            self._count(1, n_made)
            self._take_in(report)
            yield report.results
            self._look_whether_stopped()
            if n_made < len(tasks) or report.seconds > slow * n_made:
                return

    def _end(self) -> None:
        """Leave nothing behind."""
        try:
            if not self.is_complete:
                for future in self._pending:
                    future.cancel()
                self._engines.abort()
                with contextlib.suppress(Exception):
                    # What it raises must not take the place of what has ended the call.
                    self._source.close()
        finally:
            self._pending.clear()
            self._order.clear()
            self._ended = time.monotonic()
            if not self._is_managed:
                self._engines.close()
            if self._trace is not None:
                self._trace.write()


def _timeout_error(timeout: float | None) -> Exception:
    # It is joblib's, which is that of `multiprocessing`, and Python's own.
    from ungil.parallel._timeout import TaskTimeoutError

    return TaskTimeoutError(f"a task was not over within the timeout of {timeout} s")
