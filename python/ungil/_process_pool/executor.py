"""`ProcessPoolExecutor`."""

from __future__ import annotations

import concurrent.futures
import math
import os
import sys
import weakref
from itertools import chain, islice
from multiprocessing import current_process
from pathlib import Path

from ungil import _core
from ungil._call import Options, Retry, Settings
from ungil._executor import Executor
from ungil._future import Future
from ungil._process_pool.call import Call
from ungil._process_pool.chunks import StarChunk
from ungil._process_pool.explained import explained
from ungil._process_pool.keeper import Keeper
from ungil._process_pool.pickles import carried, head_of, pickled_call
from ungil._process_pool.worker_process import WorkerProcess
from ungil._trace import Statistics, Traced

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, Literal, TypeVar

    T = TypeVar("T")

    class _Bases(Traced, Executor, concurrent.futures.ProcessPoolExecutor):
        """The standard class, as which type checkers see ours."""

        _max_workers: Any

else:

    class _Bases(Traced, Executor, concurrent.futures.ProcessPoolExecutor):
        """The standard class is there for `isinstance`; its `__init__` is never run."""


__all__ = ("ProcessPoolExecutor",)


class ProcessPoolExecutor(_Bases):
    """Makes calls in processes of its own: a `concurrent.futures.ProcessPoolExecutor` that loses nothing, and faster.

    Each process has an interpreter, and so a GIL, of its own. Arguments and results are copied by pickling them; large
    buffers, as those of NumPy's arrays, go by shared memory beside the pickle, and what is defined in `__main__`, in a
    notebook or in another function goes by cloudpickle. A worker is started when a call comes that no idle one could
    make, until there are `max_workers`, by a server process that has no threads and has imported what takes long.

    A worker that dies fails the one call that it was making, with `WorkerDied`; another takes its place. What cannot be
    pickled fails its own call. When this process ends, however it ends, the workers do.

    Any number of threads may call all methods. In a forked child the executor is broken: the workers are the parent's.

    Args:
        max_workers: the most processes; None for as many as there are processors.
        mp_context: a context of `multiprocessing`. If its start method is `fork`, workers are forks of this process as
            it is when the executor is made; otherwise, and by default, of the server process.
        initializer: called in each process before its first call. If it raises, that call fails with
            `BrokenProcessPool`, and it is tried again before the next.
        initargs: its arguments.
        max_tasks_per_child: after so many calls a process is replaced; None for never.
        max_pending: the most calls that wait for a process; None for any number. With more, `submit` waits, or raises
            `queue.Full` if the option `block` is false.
        max_memory: the most bytes of memory of its own that each process may have; a call that needs more gets a
            `MemoryError`. None for as much as there is.
        preload: modules that the server imports before it starts workers; None for those of NumPy, SciPy, pandas and
            scikit-learn that this process has imported.
        on_worker_death: `"replace"`, or `"break"`: then a worker that dies, or an initializer that raises, ends the
            executor, as it ends the standard one.

    Raises:
        ValueError: a number is less than 1, or `on_worker_death` none of these.
        TypeError: `initializer` cannot be called, or `max_tasks_per_child` is no whole number.
        pickle.PicklingError: `initializer` or `initargs` cannot be pickled.

    Example:
        >>> from ungil.futures import ProcessPoolExecutor
        >>> with ProcessPoolExecutor(max_workers=2) as executor:
        ...     list(executor.map(lambda x: x * x, range(5)))
        [0, 1, 4, 9, 16]
    """

    def __init__(
        self,
        max_workers: int | None = None,
        mp_context: Any = None,
        initializer: Callable[..., object] | None = None,
        initargs: tuple[Any, ...] = (),
        *,
        max_tasks_per_child: int | None = None,
        max_pending: int | None = None,
        max_memory: int | None = None,
        preload: Iterable[str] | None = None,
        on_worker_death: Literal["replace", "break"] = "replace",
    ) -> None:
        if max_workers is None:
            max_workers = _n_processors()
        if max_workers <= 0:
            raise ValueError("max_workers must be greater than 0")
        if initializer is not None and not callable(initializer):
            raise TypeError("initializer must be a callable")
        if max_tasks_per_child is not None:
            if not isinstance(max_tasks_per_child, int):
                raise TypeError("max_tasks_per_child must be an integer")
            if max_tasks_per_child <= 0:
                raise ValueError("max_tasks_per_child must be >= 1")
        for name, value in (("max_pending", max_pending), ("max_memory", max_memory)):
            if value is not None and not isinstance(value, int):
                raise TypeError(f"{name} must be a whole number or None, got {value!r}")
            if value is not None and value < 1:
                raise ValueError(f"{name} must be 1 or more, or None, got {value!r}")
        if on_worker_death not in ("replace", "break"):
            raise ValueError(f"on_worker_death must be 'replace' or 'break', got {on_worker_death!r}")
        is_fork = mp_context is not None and mp_context.get_start_method(allow_none=False) == "fork"
        self._max_workers = max_workers
        settings = settings_of(is_fork, max_memory)
        prologue = None if initializer is None else (initializer, tuple(initargs))
        self._keeper = Keeper(settings, prologue, preload, is_fork, on_worker_death == "break")
        self._pool = _core._ProcessPool(
            self._keeper, math.ceil(max_workers), max_pending or 0, max_tasks_per_child or 0
        )
        self._keeper.pool = self._pool
        # What was submitted is done though the executor is dropped.
        weakref.finalize(self, self._keeper.release).atexit = False

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Have `fn(*args, **kwargs)` called by a process of the pool.

        Args:
            fn: what is called.
            *args: its positional arguments.
            **kwargs: its keyword arguments.

        Returns:
            The future of what comes of it. If something cannot be pickled, it has failed already, and says which part.

        Raises:
            RuntimeError: the executor was shut down.
            BrokenProcessPool: it is broken.
            OSError: there is no memory for the arguments.
        """
        future: Future[T] = Future()
        called = None if self._trace is None else fn
        head = None if kwargs else head_of(fn)
        if head is None or not self._pool.submit_plain(future, head, args, called):
            self._submit_pickled(future, fn, args, kwargs, called)
        return future

    def _submit_pickled(
        self,
        future: Future[Any],
        fn: Callable[..., object],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        called: object,
    ) -> None:
        try:
            data, buffers, kept = pickled_call(fn, args, kwargs)
        except BaseException as failure:
            _fail(future, failure, fn, args, kwargs)
            return
        self._pool.submit(future, data, buffers, kept, called)

    def _submit_with(
        self, settings: Settings, fn: Callable[..., T], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Future[T]:
        """Submit a call with options."""
        future: Future[T] = Future()
        if settings.log_unfetched:
            future._log_unfetched()
        try:
            data, buffers, kept = pickled_call(fn, args, kwargs)
        except BaseException as failure:
            _fail(future, failure, fn, args, kwargs)
            return future
        call = Call(settings.name or str(getattr(fn, "__qualname__", fn)), settings, future, self._keeper)
        is_alone = settings.timeout is not None
        name = None if self._trace is None else settings.name or fn
        self._pool.submit(future, data, buffers, kept, name, call, settings.priority, is_alone, settings.block)
        return future

    def options(
        self,
        *,
        timeout: float | None = None,
        retry: int | Retry | None = None,
        priority: int = 0,
        name: str | None = None,
        block: bool = True,
        log_unfetched: bool = False,
    ) -> Options:
        """Return a light view of the executor, whose `submit` and `map` make calls with these options.

        Args:
            timeout: the most seconds from the beginning of the call to its end, all of its attempts included. After
                that its future ends with `TimeoutError`, and the process is ended and replaced.
            retry: how many further attempts a call has that raises, or whose process dies; or a `Retry`.
            priority: calls of higher priority are made first.
            name: what the call is called in messages.
            block: whether to wait if as many calls wait as may; or else to raise `queue.Full`.
            log_unfetched: whether to log what the call raised, if its future is dropped and nobody has asked for it.

        Returns:
            The view.

        Raises:
            TypeError: a value is of a wrong type.
            ValueError: a value is out of range.

        Example:
            >>> import time
            >>> from ungil.futures import ProcessPoolExecutor
            >>> with ProcessPoolExecutor(max_workers=1) as executor:
            ...     future = executor.options(timeout=0.1).submit(time.sleep, 60)
            ...     future.exception()
            TimeoutError('sleep was not over within its timeout of 0.1 s')
        """
        return Options(self, Settings()).options(
            timeout=timeout, retry=retry, priority=priority, name=name, block=block, log_unfetched=log_unfetched
        )

    def map(
        self,
        fn: Callable[..., T],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,
        buffersize: int | None = None,
        progress: bool = False,
    ) -> Iterator[T]:
        """Call `fn` with the elements of the iterables, as `Executor.map`; `chunksize` calls at a time go to a process.

        A function that goes by value is pickled once, for all calls.

        Args:
            fn: what is called.
            *iterables: where its arguments come from; the shortest ends it.
            timeout: the most seconds from now until the last result; None waits without end.
            chunksize: how many calls are sent, and answered, together.
            buffersize: the most submissions whose results are not taken; None for any number.
            progress: whether to show a bar of tqdm, which counts the results that were taken.

        Returns:
            An iterator over the results.

        Raises:
            TimeoutError: a result was not there in time; by the iterator.
            ValueError: `chunksize` or `buffersize` is less than 1.
        """
        if chunksize < 1:
            raise ValueError("chunksize must be >= 1.")
        try:
            called: Any = carried(fn if chunksize == 1 else StarChunk(fn))
        except Exception as failure:
            raise explained(failure, {"the function": fn}) from None
        if chunksize == 1:
            return super().map(called, *iterables, timeout=timeout, buffersize=buffersize, progress=progress)
        chunks = _chunks(zip(*iterables, strict=False), chunksize)
        answers = super().map(called, chunks, timeout=timeout, buffersize=buffersize, progress=progress)
        return _flat(answers)

    def _submitting(self, fn: Callable[..., T]) -> Callable[..., concurrent.futures.Future[T]]:
        """Return what submits calls of `fn`: `submit`, but that looks only once how the workers come by it."""
        head = head_of(fn)
        if head is None or self._trace is not None or type(self).submit is not ProcessPoolExecutor.submit:
            return super()._submitting(fn)
        submit_plain, submit_pickled = self._pool.submit_plain, self._submit_pickled

        def submit_one(*args: Any) -> concurrent.futures.Future[T]:
            future: Future[T] = Future()
            if not submit_plain(future, head, args):
                submit_pickled(future, fn, args, {}, None)
            return future

        return submit_one

    def statistics(self) -> Statistics:
        """Return how many processes and calls there are, and how long calls have waited and run.

        Returns:
            What holds at this moment.

        Example:
            >>> from ungil.futures import ProcessPoolExecutor
            >>> with ProcessPoolExecutor(max_workers=1) as executor:
            ...     future = executor.submit(int, "one")
            >>> statistics = executor.statistics()
            >>> statistics.done, statistics.failed
            (1, 1)
        """
        workers, idle, pending = self._pool.census()
        returned, raised, cancelled, mean_wait, mean_run = self._pool.summary()
        return Statistics(workers, idle, pending, returned + raised, raised, cancelled, mean_wait, mean_run)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more calls; those that were taken are made.

        May be called again, and from any thread.

        Args:
            wait: whether to return only when the calls are made and the processes have ended.
            cancel_futures: whether to cancel the calls that wait for a process.
        """
        self._pool.close(cancel_futures)
        if wait:
            self._keeper.join()
        self._close_trace()

    def terminate_workers(self) -> None:
        """End all processes at once, and the executor: the calls that they make fail, and the others are cancelled."""
        self._pool.close(True, False)
        self._keeper.terminate()
        self._keeper.join()

    kill_workers = terminate_workers

    def _begin_trace(self) -> int:
        return self._pool.begin_trace()

    def _end_trace(self) -> list[tuple[object, int, str, int, int, int]]:
        return self._pool.end_trace()

    def _worker_names(self) -> dict[int, str]:
        return {number: f"worker process {pid}" for number, pid in self._keeper.all_pids.items()}

    @property
    def _broken(self) -> Any:  # type: ignore[override]
        """Why the executor is of no use any more, or False."""
        return self._pool.broken or False

    @property
    def _processes(self) -> Any:  # type: ignore[override]
        """The worker processes, by their numbers."""
        return {pid: WorkerProcess(pid, number, self._keeper) for number, pid in self._keeper.pids().items()}


def settings_of(is_fork: bool, max_memory: int | None = None) -> dict[str, Any]:
    """Return what workers are to be like that start now: as this process is, but for what is said.

    Args:
        is_fork: whether they are forks of it.
        max_memory: the most bytes of memory that each may have; None for any number.
    """
    return {
        "path": list(sys.path),
        "argv": list(sys.argv),
        "cwd": str(Path.cwd()),
        "environ": dict(os.environ),
        "max_memory": max_memory,
        "is_fork": is_fork,
        "is_pool": False,
        "main": None,
        "authkey": bytes(current_process().authkey) if "multiprocessing.managers" in sys.modules else None,
    }


def _n_processors() -> int:
    """Return how many processors this process may use."""
    count: Callable[[], int | None] = getattr(os, "process_cpu_count", os.cpu_count)
    return count() or 1


def _fail(
    future: Future[Any], failure: BaseException, fn: object, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> None:
    """End a call that cannot be pickled."""
    if not isinstance(failure, Exception):
        raise failure
    name = getattr(fn, "__qualname__", repr(fn))
    named = {f"the function {name}": fn}
    named |= {f"argument {n} of {name}": arg for n, arg in enumerate(args)}
    named |= {f"argument {key} of {name}": arg for key, arg in kwargs.items()}
    future.set_running_or_notify_cancel()
    future.set_exception(explained(failure, named))


def _chunks(items: Iterator[T], size: int) -> Iterator[list[T]]:
    while chunk := list(islice(items, size)):
        yield chunk


def _flat(answers: Iterator[list[Any]]) -> Iterator[Any]:
    return chain.from_iterable(answers)


ProcessPoolExecutor.__module__ = "ungil.futures"
