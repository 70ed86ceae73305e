"""`TaskGroup` over an executor: a `with` block that does not end before the calls that were submitted in it.

What holds in it: a future of the group is in `_futures` until the block's end has seen it done.
"""

from __future__ import annotations

from concurrent.futures import CancelledError

from ungil._core import RLock
from ungil._task_group import raise_failures
from ungil._thread import StopRequested
from ungil._waiting import wait

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor, Future
    from types import TracebackType
    from typing import Any, Self, TypeVar

    T = TypeVar("T")

__all__ = ("TaskGroup",)


class TaskGroup:
    """Submits calls to an executor, and waits for all of them at the end of its `with` block.

    The first failure, that of the block's own statements included, cancels all calls that have not begun, and asks
    those that run to stop, where they can be asked (`ThreadPoolExecutor.options`). When all are over, the failures are
    raised as one `ExceptionGroup`, or `BaseExceptionGroup` if not all are an `Exception`. A call that was cancelled has
    not failed. `KeyboardInterrupt` and `SystemExit` are raised as themselves, with the other failures as their context.
    The executor is left as it is.

    Ctrl-C during the wait at the end cancels likewise, and is raised when all are over; a second Ctrl-C leaves at once.

    All methods may be called from any thread. A group serves one block.

    Args:
        executor: what makes the calls: any `concurrent.futures.Executor`, or a view of one with options.

    Example:
        >>> from ungil.futures import TaskGroup, ThreadPoolExecutor
        >>> with ThreadPoolExecutor(max_workers=2) as executor, TaskGroup(executor) as group:
        ...     futures = [group.submit(pow, n, 2) for n in range(4)]
        >>> [future.result() for future in futures]
        [0, 1, 4, 9]
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._state = "new"
        # Re-entrant, since a callback or a signal's handler may come to it while this thread is inside.
        self._lock = RLock()
        self._is_stopping = False
        self._futures: set[Future[Any]] = set()
        self._failures: list[BaseException] = []

    def __repr__(self) -> str:
        stopping = " stopping" if self._is_stopping else ""
        counts = f"futures={len(self._futures)} failures={len(self._failures)}"
        return f"<ungil.{type(self).__name__} at {id(self):#x}: {self._state}{stopping} {counts}>"

    def __enter__(self) -> Self:
        if self._state != "new":
            raise RuntimeError(f"a TaskGroup serves one `with` block: this one is {self._state}")
        self._state = "open"
        return self

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Submit a call of the group.

        A group that is stopping submits nothing more, so that a block which goes on submitting ends as well.

        Args:
            fn: what is called.
            *args: its positional arguments.
            **kwargs: its keyword arguments.

        Returns:
            The future of what comes of it.

        Raises:
            RuntimeError: the group's block has not begun or has ended, or the executor was shut down.
            StopRequested: a call of the group has failed.
        """
        with self._lock:
            if self._state != "open":
                raise RuntimeError(f"a TaskGroup submits calls within its `with` block: this one is {self._state}")
            if self._is_stopping:
                raise StopRequested("a call of the group has failed")
            future = self._executor.submit(fn, *args, **kwargs)
            self._futures.add(future)
        # Outside of the lock: it may be called at once.
        future.add_done_callback(self._look)
        return future

    def __exit__(
        self, _: type[BaseException] | None, failure: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        was_stopping = self._is_stopping
        if failure is not None:
            self._note(failure)
        try:
            try:
                self._wait()
            except BaseException as interrupt:
                # Ctrl-C, or what another signal's handler raised.
                self._note(interrupt)
                self._wait()
        finally:
            self._state = "over"
        failures, self._failures = self._failures, []
        if failures:
            raise_failures(failures)
        # What is left is a `StopRequested`, of this group or of one around it.
        return failure is not None and was_stopping

    def _wait(self) -> None:
        """Wait for all futures, those included that are submitted meanwhile."""
        while self._state != "over":
            with self._lock:
                futures = set(self._futures)
                if not futures:
                    self._state = "over"
                    return
            done, _ = wait(futures)
            # Each is looked at here too: its callback may be still to come.
            for future in done:
                self._look(future)

    def _look(self, future: Future[Any]) -> None:
        """Take note of how a future has ended, once."""
        with self._lock:
            if future not in self._futures:
                return
            self._futures.discard(future)
        try:
            failure = future.exception()
        except CancelledError:
            return
        if failure is not None:
            self._note(failure)

    def _note(self, failure: BaseException) -> None:
        with self._lock:
            # What one call's `result` raised in another is that call's failure, and was noted then.
            if not isinstance(failure, StopRequested) and not any(failure is noted for noted in self._failures):
                self._failures.append(failure)
            self._is_stopping = True
            futures = list(self._futures)
        for future in futures:
            future.cancel()


TaskGroup.__module__ = "ungil.futures"
