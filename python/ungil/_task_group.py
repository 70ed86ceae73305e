"""`TaskGroup`: a `with` block that does not end before the threads that were started in it.

What holds in it: a thread of the group is in `_threads` until it is over, and `_state` becomes "over" only when none is
left, under the lock that a start takes; so no thread outlives the block, but one that a second Ctrl-C left behind.
"""

from __future__ import annotations

import sys
import threading

from ungil._core import RLock
from ungil._thread import StopRequested, StopToken, Thread
from ungil._thread_start import start_thread

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any, Self, TypeVar

    R = TypeVar("R")

__all__ = ("TaskGroup", "raise_failures")

# Not failures but ends: of the program, or of the generator whose block it is. As asyncio's, they are not wrapped.
_ENDS = (KeyboardInterrupt, SystemExit, GeneratorExit)


class TaskGroup:
    """Starts threads, and waits for all of them at the end of its `with` block.

    The threads share the group's stop token. The first failure, that of the block's own statements included, requests a
    stop for all; when all are over, the failures are raised as one `ExceptionGroup`, or `BaseExceptionGroup` if not all
    are an `Exception`. `StopRequested` is no failure. `KeyboardInterrupt` and `SystemExit` are raised as themselves,
    with the other failures as their context. `threading.excepthook` is not called.

    Ctrl-C during the wait at the end requests a stop, and is raised when all are over; a second Ctrl-C leaves at once.

    All methods may be called from any thread. A group serves one block.

    Attributes:
        stop_token: the token of the group's threads. A request, by it or by a thread's `stop`, is for all of them.

    Example:
        >>> from ungil.threading import TaskGroup
        >>> with TaskGroup() as group:
        ...     threads = [group.submit(pow, n, 2) for n in range(4)]
        >>> [thread.result() for thread in threads]
        [0, 1, 4, 9]
    """

    def __init__(self) -> None:
        self.stop_token = StopToken()
        self._state = "new"
        # Re-entrant, since a signal's handler may call `submit` while this thread is inside it.
        self._lock = RLock()
        self._threads: set[Thread[Any]] = set()
        self._room = 16
        self._failures: list[BaseException] = []

    def __repr__(self) -> str:
        running = sum(thread.is_alive() for thread in tuple(self._threads))
        stopping = " stopping" if self.stop_token.stop_requested else ""
        counts = f"threads={running} failures={len(self._failures)}"
        return f"<ungil.{type(self).__name__} at {id(self):#x}: {self._state}{stopping} {counts}>"

    def __enter__(self) -> Self:
        if self._state != "new":
            raise RuntimeError(f"a TaskGroup serves one `with` block: this one is {self._state}")
        self._state = "open"
        return self

    def submit(self, target: Callable[..., R], /, *args: Any, **kwargs: Any) -> Thread[R]:
        """Start a thread of the group; named as in `concurrent.futures`, whose signature and `result` it has.

        A group that is asked to stop starts nothing more, so that a block which goes on submitting ends as well.

        Args:
            target: what the thread calls; it may ask for the group's `StopToken` as that of a `Thread` does.
            *args: its positional arguments.
            **kwargs: its keyword arguments.

        Returns:
            The thread.

        Raises:
            RuntimeError: the group's block has not begun or has ended; or the system gives no further thread.
            StopRequested: the group was asked to stop.

        Example:
            >>> from ungil.threading import TaskGroup
            >>> with TaskGroup() as group:
            ...     thread = group.submit(sorted, [2, 3, 1], reverse=True)
            ...     thread.result()
            [3, 2, 1]
        """
        with self._lock:
            if self._state != "open":
                raise RuntimeError(f"a TaskGroup starts threads within its `with` block: this one is {self._state}")
            self.stop_token.raise_if_stopped()
            # A group may start any number of threads one after the other: those that are over are let go of each time
            # that their number may have doubled.
            if len(self._threads) >= self._room:
                self._room = 16 + 2 * len(self._unfinished())
            thread = Thread(target=target, args=args, kwargs=kwargs)
            thread.stop_token = self.stop_token
            # What the standard class calls with a thread that raised, to report it.
            thread._invoke_excepthook = self._fail
            try:
                start_thread(thread)
            finally:
                # Also if Ctrl-C interrupted the start. One that cannot be started is let go of like one that is over.
                self._threads.add(thread)
        return thread

    def __exit__(
        self, _: type[BaseException] | None, failure: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        was_stopped = self.stop_token.stop_requested
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
        return failure is not None and was_stopped

    def _wait(self) -> None:
        """Wait for all threads, those included that are started meanwhile."""
        while self._state != "over":
            for thread in self._unfinished():
                # Which it is not if Ctrl-C interrupted the start.
                thread._started.wait()
                thread.join()
            with self._lock:
                if not self._unfinished():
                    self._state = "over"

    def _unfinished(self) -> list[Thread[Any]]:
        """Let go of the threads that are over, and return the others."""
        with self._lock:
            # Among them those whose start was interrupted, which are not alive yet.
            started = set(threading.enumerate())
            for thread in tuple(self._threads):
                if not thread.is_alive() and thread not in started:
                    self._threads.discard(thread)
            return list(self._threads)

    def _fail(self, thread: threading.Thread) -> None:
        """Take the exception that a thread of the group ends with."""
        failure = sys.exception()
        assert failure is not None
        if self._state == "over":
            # Nobody waits for a thread that was left behind.
            threading.excepthook(threading.ExceptHookArgs((type(failure), failure, failure.__traceback__, thread)))
        else:
            self._note(failure)

    def _note(self, failure: BaseException) -> None:
        # What `Thread.result` raised in one thread is the failure of another, and was noted then.
        if not isinstance(failure, StopRequested) and not any(failure is noted for noted in self._failures):
            self._failures.append(failure)
        self.stop_token.request_stop()


def raise_failures(failures: list[BaseException]) -> None:
    """Raise the failures of a group as one; or the first that is an end, with the others as its context.

    Args:
        failures: at least one.

    Raises:
        BaseExceptionGroup: always, unless there is an end.
    """
    end = next((failure for failure in failures if isinstance(failure, _ENDS)), None)
    others = [failure for failure in failures if failure is not end]
    try:
        if others:
            raise BaseExceptionGroup("failures in a TaskGroup", others) from None
    finally:
        if end is not None:
            raise end


TaskGroup.__module__ = "ungil.threading"
