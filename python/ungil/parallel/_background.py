"""Results as a generator: a thread runs the call, and goes on while nobody takes them.

Who drops the generator, or closes it, ends the call.
"""

from __future__ import annotations

import contextvars
import threading
import warnings

from ungil import queue
from ungil._future import Future
from ungil._thread_start import start_thread
from ungil.parallel import _active
from ungil.parallel._run import Run, Stopped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from typing import Any

__all__ = ("Background",)


class Background:
    """A run in a thread of its own.

    Args:
        make_run: makes the run, with the future that stops it.
        when_over: called when the run is over, or is not wanted any more.
    """

    def __init__(self, make_run: Callable[[Future[None]], Run], when_over: Callable[[Run], None]) -> None:
        self._stop: Future[None] = Future()
        self._run = make_run(self._stop)
        self._when_over = when_over
        self._outcomes: queue.SimpleQueue[tuple[list[Any] | None, BaseException | None]] = queue.SimpleQueue()
        settings, context = _active.settings(), contextvars.copy_context()

        def target() -> None:
            _active.set_settings(settings)
            context.run(self._work)

        self._thread = threading.Thread(target=target, name="ungil-parallel-run", daemon=True)

    @property
    def run(self) -> Run:
        """The run."""
        return self._run

    def results(self) -> Generator[Any, None, None]:
        """Return the generator of results; the run has begun."""
        start_thread(self._thread)
        results = self._results()
        # It is inside its `try` from now on, whatever becomes of it.
        next(results)
        return results

    def _work(self) -> None:
        try:
            for results in self._run.batches():
                self._outcomes.put((results, None))
        except Stopped:
            pass
        except BaseException as failure:
            self._outcomes.put((None, failure))
        else:
            self._outcomes.put((None, None))

    def _results(self) -> Generator[Any, None, None]:
        is_over = False
        try:
            yield None
            while True:
                results, failure = self._outcomes.get()
                if results is None:
                    is_over = True
                    # Not before: while there are results that nobody has taken, the call is not over.
                    self._when_over(self._run)
                    if failure is not None:
                        raise failure
                    return
                for result in results:
                    self._run.n_consumed += 1
                    yield result
        finally:
            if not is_over:
                self.stop()

    def stop(self) -> None:
        """End the run, and wait for its end; but not while the caller's iterator is busy."""
        self._when_over(self._run)
        if not self._stop.done():
            self._stop.set_result(None)
        if threading.current_thread() is not self._thread:
            while self._thread.is_alive() and not self._run.is_drawing:
                self._thread.join(0.05)
        self._warn()

    def _warn(self) -> None:
        run = self._run
        n_unused, n_running = run.n_completed - run.n_consumed, run.n_dispatched - run.n_completed
        parts = []
        if n_unused:
            parts.append(f"{n_unused} tasks have been successfully executed but not used")
        if not run.is_complete:
            parts.append(f"{n_running} tasks which were still being processed by the workers have been cancelled")
        if parts:
            text = "; ".join(parts)
            warnings.warn(f"{text}: take all results, or give fewer tasks, to have nothing done in vain", stacklevel=3)
