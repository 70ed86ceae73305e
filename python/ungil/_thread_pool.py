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
from ungil._call import Call, Options, Retry, Settings
from ungil._executor import Executor
from ungil._future import Future
from ungil._thread_start import start_thread
from ungil._trace import Statistics, Traced

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    T = TypeVar("T")

    class _Bases(Traced, Executor, concurrent.futures.ThreadPoolExecutor):
        """The standard class, as which type checkers see ours, with what ours has of its own."""

        _initializer: Any

        def _open(self, start: object, max_workers: int, max_pending: int, future: type, prepared: object) -> None: ...
        def _set_max_workers(self, max_workers: int) -> None: ...
        def _close(self, cancel_futures: bool) -> None: ...
        def _join(self) -> None: ...
        def _is_own_thread(self) -> bool: ...
        def _census(self) -> tuple[int, int, int]: ...
        def _summary(self) -> tuple[int, int, int, float | None, float | None]: ...
        def _submit_call(self, future: object, call: Callable[[], object], priority: int, block: bool) -> None: ...

else:

    class _Bases(_core._ThreadPool, Traced, Executor, concurrent.futures.ThreadPoolExecutor):
        """The standard class is there for `isinstance`; its `__init__` is never run."""


__all__ = ("ThreadPoolExecutor",)


class ThreadPoolExecutor(_Bases):
    """Makes calls in threads of its own: a `concurrent.futures.ThreadPoolExecutor`, several times faster.

    A thread is started when a call comes that no idle one could make, until there are `max_workers`. Threads are used
    again, and end when the executor is shut down or dropped and the calls that it took are made; the end of the
    interpreter waits for them.

    A call that waits for another call of the same executor takes up a thread meanwhile. If all threads are taken up so,
    a further one is started, with a `RuntimeWarning`: nothing would ever end otherwise. When the waits are over, one
    thread too many goes on with the call that it makes, and leaves after that.

    Any number of threads may call all methods. A forked child may use the executor: it has no threads there until a
    call is submitted, and calls that were waiting are the parent's to make; their futures are cancelled in the child.

    Args:
        max_workers: the most threads; None for four more than there are processors, but not more than 32.
        thread_name_prefix: what the names of the threads begin with.
        initializer: called in each thread before its first call. If it raises, the executor is broken: calls that
            wait and further ones fail with `BrokenThreadPool`.
        initargs: its arguments.
        max_pending: the most calls that wait for a thread; None for any number. With more, `submit` waits, or raises
            `queue.Full` if the option `block` is false. Not for calls that a call of the executor submits.
        compile: whether functions written in Python are compiled, where the compiled code certainly gives what the
            interpreter gives, to the bit; so that they run on all cores. `explain` says what became of one.

    Raises:
        ValueError: `max_workers` or `max_pending` is less than 1.
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
        *,
        max_pending: int | None = None,
        compile: bool = False,  # noqa: A002 -- what is asked for, in one word
    ) -> None:
        if max_workers is None:
            max_workers = min(32, (_n_processors() or 1) + 4)
        if max_workers <= 0:
            raise ValueError("max_workers must be greater than 0")
        if initializer is not None and not callable(initializer):
            raise TypeError("initializer must be a callable")
        if max_pending is not None and max_pending < 1:
            raise ValueError(f"max_pending must be 1 or more, or None, got {max_pending!r}")
        self._most_workers = max_workers
        self._initializer = initializer
        self._initargs = initargs
        self._thread_name_prefix = thread_name_prefix or f"ThreadPoolExecutor-{self._counter()}"
        self._starter = _Starter(self._thread_name_prefix, initializer, initargs)
        self._prepared: Callable[..., Any] | None = None
        if compile:
            # It brings the compiler.
            from ungil._compiling import prepared

            self._prepared = prepared
        self._open(self._starter, math.ceil(max_workers), max_pending or 0, Future, self._prepared)
        _EXECUTORS[id(self)] = self

    @property
    def _max_workers(self) -> int:
        """How many threads there may be; others read it, and set it for the calls to come."""
        return self._most_workers

    @_max_workers.setter
    def _max_workers(self, max_workers: int) -> None:
        self._set_max_workers(math.ceil(max_workers))
        self._most_workers = max_workers

    def options(
        self,
        *,
        timeout: float | None = None,
        retry: int | Retry | None = None,
        priority: int = 0,
        name: str | None = None,
        stop_token: bool = False,
        context: bool = False,
        block: bool = True,
        log_unfetched: bool = False,
    ) -> Options:
        """Return a light view of the executor, whose `submit` and `map` make calls with these options.

        The `cancel` of a future that such a view made, while its call runs, asks for a stop: by the call's stop token,
        and compiled code stops by itself. A call that ends with `StopRequested` after that is cancelled.

        Args:
            timeout: the most seconds from the beginning of the call to its end, all of its attempts included. After
                that its future ends with `TimeoutError`, and the call is asked to stop.
            retry: how many further attempts a call has that raises; or a `Retry`.
            priority: calls of higher priority are made first.
            name: what the call is called in a trace and in messages.
            stop_token: whether the function is given the call's `StopToken`: as `ungil.threading.Thread` gives it, to a
                parameter annotated with it; or else as `stop_token`.
            context: whether the call sees the context variables of who submitted it.
            block: whether to wait if as many calls wait as may; or else to raise `queue.Full`.
            log_unfetched: whether to log what the call raised, if its future is dropped and nobody has asked for it.

        Returns:
            The view.

        Raises:
            TypeError: a value is of a wrong type.
            ValueError: a value is out of range.

        Example:
            >>> from ungil.futures import ThreadPoolExecutor
            >>> from ungil.threading import StopToken
            >>> def pump(token: StopToken) -> None:
            ...     while True:
            ...         token.raise_if_stopped()
            ...         token.wait(0.01)
            >>> with ThreadPoolExecutor(max_workers=1) as executor:
            ...     future = executor.options(stop_token=True, timeout=0.05).submit(pump)
            ...     future.exception()
            TimeoutError('pump was not over within its timeout of 0.05 s')
        """
        return Options(self, Settings()).options(
            timeout=timeout,
            retry=retry,
            priority=priority,
            name=name,
            stop_token=stop_token,
            context=context,
            block=block,
            log_unfetched=log_unfetched,
        )

    def _submit_with(
        self, settings: Settings, fn: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Future[T]:
        """Submit a call with options."""
        future: Future[T] = Future()
        call = Call(fn, args, kwargs, settings, future)
        if self._prepared is not None:
            call.prepare(self._prepared)
        future._set_stop(call.stop_token._event)
        if settings.log_unfetched:
            future._log_unfetched()
        self._submit_call(future, call, settings.priority, settings.block)
        return future

    def explain(self, fn: Callable[..., object]) -> str:
        """Tell whether a function is compiled that was submitted, or why the interpreter runs it.

        Args:
            fn: the function.

        Returns:
            A line or more: for which types of arguments it was compiled, and how many calls the compiled code has
            answered.

        Example:
            >>> from ungil.futures import ThreadPoolExecutor
            >>> with ThreadPoolExecutor(max_workers=1) as executor:
            ...     print(executor.explain(len))
            len: left to the interpreter: the executor was made without compile=True
        """
        if self._prepared is None:
            name = getattr(fn, "__qualname__", repr(fn))
            return f"{name}: left to the interpreter: the executor was made without compile=True"
        from ungil._compiling import explained

        return explained(fn)

    def statistics(self) -> Statistics:
        """Return how many threads and calls there are, and how long calls have waited and run.

        Returns:
            What holds at this moment.

        Example:
            >>> from ungil.futures import ThreadPoolExecutor
            >>> with ThreadPoolExecutor(max_workers=1) as executor:
            ...     future = executor.submit(int, "one")
            >>> statistics = executor.statistics()
            >>> statistics.done, statistics.failed
            (1, 1)
        """
        workers, idle, pending = self._census()
        returned, raised, cancelled, mean_wait, mean_run = self._summary()
        return Statistics(workers, idle, pending, returned + raised, raised, cancelled, mean_wait, mean_run)

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
            if self._is_own_thread():
                raise RuntimeError("cannot join current thread")
            self._join()
            for thread in self._starter.started():
                thread.join()
        self._close_trace()

    def _worker_names(self) -> dict[int, str]:
        return {thread.native_id: thread.name for thread in list(self._threads) if thread.native_id is not None}

    @property
    def _threads(self) -> set[threading.Thread]:  # type: ignore[override]
        return self._starter.threads

    @property
    def _work_queue(self) -> _WorkQueue:  # type: ignore[override]
        return _WorkQueue(self)


class _Starter:
    """Starts the threads of an executor, whom it does not know: they may outlive it, and start further ones."""

    def __init__(self, prefix: str, initializer: Callable[..., object] | None, initargs: tuple[Any, ...]) -> None:
        self._prefix = prefix
        self._initializer = initializer
        self._initargs = initargs
        self._has_warned = False
        self.forget()

    def __call__(self, worker: _core._Worker, number: int, is_further: bool) -> None:
        """Start a thread that runs `worker`; `is_further` beyond the number of threads that was asked for."""
        with self._lock:
            thread = threading.Thread(
                name=f"{self._prefix}_{number}", target=worker, args=(self._initializer, self._initargs)
            )
            try:
                start_thread(thread)
            finally:
                # It is not alive if it could not be started, and may not be yet if Ctrl-C interrupted the start.
                if thread.is_alive() or thread in threading.enumerate():
                    self.threads.add(thread)
        if is_further and not self._has_warned:
            self._has_warned = True
            warnings.warn(
                f"all {number} threads {self._prefix}_* wait for calls that were submitted to their own executor: a"
                " further thread is started, since nothing would ever end otherwise; give the executor more"
                " max_workers, or have calls not wait for calls of their own executor",
                RuntimeWarning,
                stacklevel=2,
            )

    def started(self) -> list[threading.Thread]:
        """Return the threads that were started, one that is about to be included."""
        with self._lock:
            return list(self.threads)

    def forget(self) -> None:
        """Begin anew, as in a forked child: the threads are the parent's."""
        self.threads: set[threading.Thread] = set()
        # Held while a thread is started, so that a shutdown sees all of them. Re-entrant, since a signal's handler may
        # submit.
        self._lock = _core.RLock()


class _WorkQueue:
    """What other people's code asks of an executor's queue: how many calls wait."""

    def __init__(self, executor: ThreadPoolExecutor) -> None:
        self._executor = executor

    def qsize(self) -> int:
        _, _, n_pending = self._executor._census()
        return n_pending

    def empty(self) -> bool:
        return self.qsize() == 0


# For forked children. By number: a subclass may not be hashable.
_EXECUTORS: weakref.WeakValueDictionary[int, ThreadPoolExecutor] = weakref.WeakValueDictionary()


def _forget_threads() -> None:
    """Let the executors of a forked child begin anew: their threads are the parent's."""
    for executor in list(_EXECUTORS.values()):
        executor._starter.forget()
    _core._forget_thread_pools()


def _n_processors() -> int | None:
    """Return how many processors this process may use."""
    count: Callable[[], int | None] = getattr(os, "process_cpu_count", os.cpu_count)
    return count()


os.register_at_fork(after_in_child=_forget_threads)
# Before the interpreter joins threads. The standard executors are ended in the same way.
threading._register_atexit(_core._close_thread_pools)  # type: ignore[attr-defined]

ThreadPoolExecutor.__module__ = "ungil.futures"
