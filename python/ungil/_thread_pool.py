"""`ThreadPoolExecutor`.

The pool itself, with its calls and its count of workers, is in `ungil._core`, and so is `submit`. Here is what is done
seldom: the making of threads, and the end.
"""

from __future__ import annotations

import concurrent.futures
import itertools
import math
import os
import threading
import warnings
import weakref

from ungil import _core
from ungil._executor import Executor
from ungil._future import Future

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    class _Bases(Executor, concurrent.futures.ThreadPoolExecutor):
        """The standard class, as which type checkers see ours, with what ours has of its own."""

        _initializer: Any
        _shutdown_lock: Any

        def _open(self, max_workers: int, max_pending: int, future: type) -> None: ...
        def _worker(self, initializer: object, initargs: tuple[Any, ...]) -> _core._Worker: ...
        def _lose_worker(self) -> bool: ...
        def _close(self, cancel_futures: bool) -> None: ...
        def _join(self) -> None: ...
        def _census(self) -> tuple[int, int, int]: ...

else:

    class _Bases(_core._ThreadPool, Executor, concurrent.futures.ThreadPoolExecutor):
        """The standard class is there for `isinstance`; its `__init__` is never run."""


__all__ = ("ThreadPoolExecutor",)


class ThreadPoolExecutor(_Bases):
    """Makes calls in threads of its own: a `concurrent.futures.ThreadPoolExecutor`, several times faster.

    A thread is started when a call comes that no idle one could make, until there are `max_workers`. Threads are used
    again, and end when the executor is shut down or dropped and the calls that it took are made; the end of the
    interpreter waits for them.

    A call that waits for another call of the same executor takes up a thread meanwhile. If all threads are taken up so,
    a further one is started, with a `RuntimeWarning`: nothing would ever end otherwise.

    Any number of threads may call all methods. A forked child may use the executor: it has no threads there until a
    call is submitted, and calls that were waiting are the parent's to make; their futures are cancelled in the child.

    Args:
        max_workers: the most threads; None for four more than there are processors, but not more than 32.
        thread_name_prefix: what the names of the threads begin with.
        initializer: called in each thread before its first call. If it raises, the executor is broken: calls that
            wait and further ones fail with `BrokenThreadPool`.
        initargs: its arguments.

    Raises:
        ValueError: `max_workers` is less than 1.
        TypeError: `initializer` cannot be called.

    Example:
        >>> from ungil.futures import ThreadPoolExecutor
        >>> with ThreadPoolExecutor(max_workers=4) as executor:
        ...     future = executor.submit(pow, 2, 10)
        >>> future.result()
        1024
    """

    _counter = itertools.count().__next__

    def __init__(
        self,
        max_workers: int | None = None,
        thread_name_prefix: str = "",
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
    ) -> None:
        if max_workers is None:
            max_workers = min(32, (_n_processors() or 1) + 4)
        if max_workers <= 0:
            raise ValueError("max_workers must be greater than 0")
        if initializer is not None and not callable(initializer):
            raise TypeError("initializer must be a callable")
        self._max_workers = max_workers
        self._initializer = initializer
        self._initargs = initargs
        self._thread_name_prefix = thread_name_prefix or f"ThreadPoolExecutor-{self._counter()}"
        self._threads: set[threading.Thread] = set()
        # Held while a thread is started, so that a shutdown sees all of them. Re-entrant, since a signal's handler may
        # submit.
        self._shutdown_lock = _core.RLock()
        self._has_warned = False
        self._open(math.ceil(max_workers), 0, Future)
        _EXECUTORS.add(self)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls; those that were taken are made.

        May be called again, and from any thread.

        Args:
            wait: whether to return only when the calls are made and the threads have ended.
            cancel_futures: whether to cancel the calls that no thread has begun.

        Raises:
            RuntimeError: a thread of the executor waits for the executor's end.

        Example:
            >>> from ungil.futures import ThreadPoolExecutor
            >>> executor = ThreadPoolExecutor(max_workers=1)
            >>> executor.shutdown(cancel_futures=True)
            >>> executor.submit(print)
            Traceback (most recent call last):
            ...
            RuntimeError: cannot schedule new futures after shutdown
        """
        self._close(cancel_futures)
        if wait:
            if threading.current_thread() in self._threads:
                raise RuntimeError("cannot join current thread")
            self._join()
            with self._shutdown_lock:
                threads = list(self._threads)
            for thread in threads:
                thread.join()

    @property
    def _work_queue(self) -> _WorkQueue:  # type: ignore[override]
        return _WorkQueue(self)

    def _start_worker(self, number: int) -> None:
        """Start the thread of that number, which the pool has counted already."""
        with self._shutdown_lock:
            thread = threading.Thread(
                name=f"{self._thread_name_prefix}_{number}", target=self._worker(self._initializer, self._initargs)
            )
            try:
                thread.start()
            except (RuntimeError, MemoryError):
                # The system has no thread. If the pool has others, they make the call.
                if not self._lose_worker():
                    raise
            except BaseException:
                # Ctrl-C while the thread came up.
                self._threads.add(thread)
                raise
            else:
                self._threads.add(thread)

    def _start_further_worker(self, number: int) -> None:
        """Start a thread beyond `max_workers`, since all others wait for calls that this executor has yet to make."""
        self._start_worker(number)
        if not self._has_warned:
            self._has_warned = True
            warnings.warn(
                f"all {number} threads of {self!r} wait for calls that were submitted to it: a further thread is"
                " started, since nothing would ever end otherwise; give the executor more max_workers, or have calls"
                " not wait for calls of their own executor",
                RuntimeWarning,
                stacklevel=2,
            )


class _WorkQueue:
    """What other people's code asks of an executor's queue: how many calls wait."""

    def __init__(self, executor: ThreadPoolExecutor) -> None:
        self._executor = executor

    def qsize(self) -> int:
        _, _, n_pending = self._executor._census()
        return n_pending

    def empty(self) -> bool:
        return self.qsize() == 0


# For forked children.
_EXECUTORS: weakref.WeakSet[ThreadPoolExecutor] = weakref.WeakSet()


def _forget_threads() -> None:
    """Let the executors of a forked child begin anew: their threads are the parent's."""
    for executor in list(_EXECUTORS):
        executor._shutdown_lock = _core.RLock()
        executor._threads = set()
    _core._forget_thread_pools()


def _n_processors() -> int | None:
    """Return how many processors this process may use."""
    count: Callable[[], int | None] = getattr(os, "process_cpu_count", os.cpu_count)
    return count()


os.register_at_fork(after_in_child=_forget_threads)
# Before the interpreter joins threads. The standard executors are ended in the same way.
threading._register_atexit(_core._close_thread_pools)  # type: ignore[attr-defined]

ThreadPoolExecutor.__module__ = "ungil.futures"
