"""`Pool` and `ThreadPool`."""

from __future__ import annotations

import os
import threading
import warnings
import weakref
from multiprocessing import pool as standard
from multiprocessing.pool import RUN

from ungil._mp_pool.chunks import arguments
from ungil._mp_pool.crew import Crew
from ungil._mp_pool.iterators import IMapIterator, IMapUnorderedIterator, InOrder, Unordered
from ungil._mp_pool.processes import Processes
from ungil._mp_pool.results import ApplyResult, MapResult
from ungil._mp_pool.threads import Threads
from ungil._process_pool.chunks import Chunk, StarChunk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import TracebackType
    from typing import Any, NoReturn, Self, TypeVar

    from ungil._mp_pool.crew import Workers

    S = TypeVar("S")
    T = TypeVar("T")

__all__ = ("Pool", "ThreadPool")

# So many calls of an `imap` are on their way for each worker, and no fewer in all: so many that workers have enough to
# do until the thread that feeds them has its turn.
_MOST_PER_WORKER = 32
_LEAST = 128


class Pool(standard.Pool):
    """Makes calls in processes of its own: a `multiprocessing.pool.Pool` that hangs on nothing, and faster.

    The processes are there from the beginning, call the initializer, and are replaced when they end. Arguments and
    results are copied by pickling them; large buffers, as those of NumPy's arrays, go by shared memory beside the
    pickle. With the start method `fork` they are forks of this process as it is when the pool is made. With the others
    they are forks of a process that has no threads and has imported what takes long, and import the main module as
    `__mp_main__` if its work stands under `if __name__ == "__main__":`; what it defines goes by value if it does not.

    A process that dies fails the call that it was making, with `ungil.futures.WorkerDied`, and another takes its place.
    `terminate`, which the end of a `with` block calls, fails all calls that have not ended in the same way.

    Any number of threads may call all methods. In a forked child a pool makes no calls: the processes are the parent's.
    The end of the interpreter terminates pools.

    Args:
        processes: how many; None for as many as there are processors.
        initializer: called in each process when it starts. If it raises, it is called again before the first call,
            which fails with `BrokenProcessPool` if it raises again.
        initargs: its arguments.
        maxtasksperchild: after so many calls, or chunks of them, a process is replaced; None for never.
        context: a context of `multiprocessing`, whose start method is used; None for the default of
            `ungil.multiprocessing`.

    Raises:
        ValueError: `processes` is less than 1, or `maxtasksperchild` is neither None nor a whole number from 1 on.
        TypeError: `initializer` cannot be called.
        RuntimeError: the main module is being imported by a process that this program has started: it lacks the guard.

    Example:
        >>> from ungil.multiprocessing import Pool
        >>> with Pool(2) as pool:
        ...     pool.map(abs, range(-3, 3)), pool.apply(pow, (2, 10))
        ([3, 2, 1, 0, 1, 2], 1024)
    """

    def __init__(
        self,
        processes: int | None = None,
        initializer: Callable[..., object] | None = None,
        initargs: Iterable[Any] = (),
        maxtasksperchild: int | None = None,
        context: Any = None,
    ) -> None:
        if context is None:
            from ungil._mp_context import DEFAULT

            context = DEFAULT.get_context()
        if maxtasksperchild is not None and (not isinstance(maxtasksperchild, int) or maxtasksperchild <= 0):
            raise ValueError("maxtasksperchild must be a positive int or None")
        count = _checked(processes, initializer)
        self._ctx = context
        method = context.get_start_method()
        self._open(count, Processes(count, initializer, tuple(initargs), maxtasksperchild or 0, method))

    def _open(self, count: int, workers: Workers) -> None:
        self._processes = count
        self._owner = os.getpid()
        self._crew = Crew(workers)
        self._unless_closed = weakref.finalize(self, _drop, self._crew, self._owner)
        self._unless_closed.atexit = False
        _CREWS.add(self._crew)

    def apply(
        self,
        func: Callable[..., T],
        args: Iterable[Any] = (),
        kwds: Mapping[str, Any] = {},
    ) -> T:
        """Return `func(*args, **kwds)`, called by a worker; or raise what it raised.

        Args:
            func: what is called.
            args: its positional arguments.
            kwds: its keyword arguments.

        Raises:
            ValueError: the pool is not running.
            WorkerDied: the process that made the call has died, or the pool was terminated.
        """
        return self.apply_async(func, args, kwds).get()

    def apply_async(
        self,
        func: Callable[..., T],
        args: Iterable[Any] = (),
        kwds: Mapping[str, Any] = {},
        callback: Callable[[T], object] | None = None,
        error_callback: Callable[[BaseException], object] | None = None,
    ) -> ApplyResult[T]:
        """Have a worker call `func(*args, **kwds)`.

        Args:
            func: what is called.
            args: its positional arguments.
            kwds: its keyword arguments.
            callback: called with what it returned, by a thread of the pool.
            error_callback: called with what it raised.

        Returns:
            What will come of it.

        Raises:
            ValueError: the pool is not running.
        """
        crew = self._crew
        crew.check_running()
        try:
            future, _ = crew.submit(func, tuple(args), dict(kwds))
        except RuntimeError:
            # It was closed meanwhile.
            crew.check_running()
            raise
        return ApplyResult(self, future, callback, error_callback, crew)

    def map(self, func: Callable[[S], T], iterable: Iterable[S], chunksize: int | None = None) -> list[T]:
        """Return the list of what `func` returns for each element; calls are made, and sent, in chunks.

        Args:
            func: what is called.
            iterable: its arguments.
            chunksize: how many go into a chunk; None for such that each worker gets about four chunks.

        Raises:
            ValueError: the pool is not running.
            Exception: what the first call raised that has raised, or `iterable`; after all calls have ended.
        """
        return self._start_map(func, iterable, chunksize, None, None, is_star=False).get()

    def map_async(  # type: ignore[override]
        self,
        func: Callable[[S], T],
        iterable: Iterable[S],
        chunksize: int | None = None,
        callback: Callable[[list[T]], object] | None = None,
        error_callback: Callable[[BaseException], object] | None = None,
    ) -> MapResult[T]:
        """Begin what `map` does.

        Args:
            func: what is called.
            iterable: its arguments.
            chunksize: how many go into a chunk; None for such that each worker gets about four chunks.
            callback: called with the list, by a thread of the pool.
            error_callback: called with what is raised.

        Returns:
            What will come of it.

        Raises:
            ValueError: the pool is not running.
        """
        return self._start_map(func, iterable, chunksize, callback, error_callback, is_star=False)

    def starmap(
        self, func: Callable[..., T], iterable: Iterable[Iterable[Any]], chunksize: int | None = None
    ) -> list[T]:
        """Do what `map` does with a function of several arguments: the elements are iterables of them.

        Args:
            func: what is called.
            iterable: the arguments of each call.
            chunksize: how many go into a chunk; None for such that each worker gets about four chunks.
        """
        return self._start_map(func, iterable, chunksize, None, None, is_star=True).get()

    def starmap_async(
        self,
        func: Callable[..., T],
        iterable: Iterable[Iterable[Any]],
        chunksize: int | None = None,
        callback: Callable[[list[T]], object] | None = None,
        error_callback: Callable[[BaseException], object] | None = None,
    ) -> MapResult[T]:
        """Begin what `starmap` does.

        Args:
            func: what is called.
            iterable: the arguments of each call.
            chunksize: how many go into a chunk; None for such that each worker gets about four chunks.
            callback: called with the list, by a thread of the pool.
            error_callback: called with what is raised.

        Returns:
            What will come of it.
        """
        return self._start_map(func, iterable, chunksize, callback, error_callback, is_star=True)

    def _start_map(
        self,
        func: Callable[..., T],
        iterable: Iterable[S],
        chunksize: int | None,
        callback: Callable[[list[T]], object] | None,
        error_callback: Callable[[BaseException], object] | None,
        *,
        is_star: bool,
    ) -> MapResult[T]:
        crew = self._crew
        crew.check_running()
        items: Any = iterable if hasattr(iterable, "__len__") else list(iterable)
        if chunksize is None:
            chunksize = max(1, -(-len(items) // (self._processes * 4)))
        elif chunksize < 1:
            raise ValueError(f"Chunksize must be 1+, not {chunksize}")
        n_chunks = -(-len(items) // chunksize)
        result: MapResult[T] = MapResult(self, n_chunks, chunksize, callback, error_callback, crew)
        fn = _for_chunks(crew, func, chunksize, is_star)
        crew.feed(fn, arguments(items, chunksize, is_star), result.take, result.end).run_while_room()
        return result

    def imap(  # type: ignore[override]
        self,
        func: Callable[[S], T],
        iterable: Iterable[S],
        chunksize: int = 1,
        buffersize: int | None = None,
    ) -> IMapIterator[T]:
        """Return an iterator over what `func` returns for each element, in their order.

        A thread draws from the iterable, as far ahead as workers have calls to make; it does not wait for results to be
        taken, unless there is a `buffersize`.

        Args:
            func: what is called.
            iterable: its arguments.
            chunksize: how many calls are sent, and answered, together.
            buffersize: the most chunks that are submitted and whose results are not taken; None for any number.

        Returns:
            The iterator; its `next(timeout)` waits for so many seconds at most.

        Raises:
            ValueError: the pool is not running, or a number is less than 1.
        """
        calls = InOrder()
        return IMapIterator(self, calls, chunksize, self._start_imap(func, iterable, chunksize, buffersize, calls))

    def imap_unordered(  # type: ignore[override]
        self,
        func: Callable[[S], T],
        iterable: Iterable[S],
        chunksize: int = 1,
        buffersize: int | None = None,
    ) -> IMapUnorderedIterator[T]:
        """Return an iterator as `imap`, which gives each result when it is there.

        Args:
            func: what is called.
            iterable: its arguments.
            chunksize: how many calls are sent, and answered, together.
            buffersize: the most chunks that are submitted and whose results are not taken; None for any number.
        """
        calls = Unordered()
        feeding = self._start_imap(func, iterable, chunksize, buffersize, calls)
        return IMapUnorderedIterator(self, calls, chunksize, feeding)

    def _start_imap(
        self,
        func: Callable[[S], T],
        iterable: Iterable[S],
        chunksize: int,
        buffersize: int | None,
        calls: InOrder,
    ) -> Any:
        crew = self._crew
        crew.check_running()
        for name, number in (("Chunksize", chunksize), ("buffersize", 1 if buffersize is None else buffersize)):
            if number < 1:
                raise ValueError(f"{name} must be 1+, not {number}")
        most = max(_LEAST, self._processes * _MOST_PER_WORKER)
        fn = _for_chunks(crew, func, chunksize, is_star=False)
        feeding = crew.feed(fn, arguments(iterable, chunksize, False), calls.take, calls.end, most, buffersize)
        feeding.start()
        return feeding

    def close(self) -> None:
        """Take no more calls; the workers end when those that were taken are made."""
        self._unless_closed.detach()
        self._crew.close()

    def terminate(self) -> None:
        """End all processes at once, and fail the calls that have not ended with `WorkerDied`; no callback is called.

        Threads of a `ThreadPool` go on with the call that they make; calls that have not begun are cancelled.
        """
        self._unless_closed.detach()
        self._crew.terminate()
        if self._crew.workers.is_ended_at_once and not self._crew.callbacks.is_current():
            self._crew.join()

    def join(self) -> None:
        """Wait until all calls are made, all callbacks called, and no worker is left.

        Raises:
            ValueError: the pool is still running: `close` or `terminate` comes first.
            RuntimeError: this is within a callback.
        """
        if self._state == RUN:
            raise ValueError("Pool is still running")
        self._crew.join()

    def __enter__(self) -> Self:
        self._crew.check_running()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.terminate()

    def __reduce__(self) -> NoReturn:
        raise NotImplementedError("pool objects cannot be passed between processes or pickled")

    def __repr__(self) -> str:
        kind = type(self)
        return f"<{kind.__module__}.{kind.__qualname__} state={self._state} pool_size={self._crew.workers.count()}>"

    def __del__(self, _warn: Any = warnings.warn, _getpid: Any = os.getpid) -> None:
        if "_crew" in vars(self) and self._state == RUN and self._owner == _getpid():
            _warn(f"unclosed running multiprocessing pool {self!r}", ResourceWarning, source=self)

    # What other people's code looks at.

    @property
    def _state(self) -> str:
        return self._crew.state

    @_state.setter
    def _state(self, state: str) -> None:
        self._crew.state = state

    @property
    def _pool(self) -> list[Any]:
        """The workers."""
        return self._crew.workers.listed()

    def _repopulate_pool(self) -> None:
        self._crew.workers.fill()


class ThreadPool(Pool):
    """Makes calls in threads of its own: a `multiprocessing.pool.ThreadPool`, on the threads of `ungil.futures`.

    Nothing is pickled, and nothing ends a call that has begun: `terminate` cancels those that wait, and the end of the
    interpreter waits for those that run. Otherwise it is as `Pool`.

    Args:
        processes: how many threads; None for as many as there are processors.
        initializer: called in each thread when it starts. If it raises, the calls fail with `BrokenThreadPool`.
        initargs: its arguments.

    Example:
        >>> from ungil.multiprocessing.pool import ThreadPool
        >>> with ThreadPool(2) as pool:
        ...     list(pool.imap(lambda n: n * n, range(4)))
        [0, 1, 4, 9]
    """

    def __init__(
        self,
        processes: int | None = None,
        initializer: Callable[..., object] | None = None,
        initargs: Iterable[Any] = (),
    ) -> None:
        count = _checked(processes, initializer)
        self._open(count, Threads(count, initializer, tuple(initargs)))


def _checked(processes: int | None, initializer: object) -> int:
    """Return how many workers there are to be."""
    if processes is None:
        processes = os.cpu_count() or 1
    if processes < 1:
        raise ValueError("Number of processes must be at least 1")
    if initializer is not None and not callable(initializer):
        raise TypeError("initializer must be a callable")
    return processes


def _for_chunks(crew: Crew, func: Callable[..., Any], chunksize: int, is_star: bool) -> Any:
    """Return what is called with the arguments of a chunk."""
    if chunksize == 1:
        return crew.workers.for_many(func)
    return crew.workers.for_many(StarChunk(func) if is_star else Chunk(func))


def _drop(crew: Crew, owner: int) -> None:
    """End what a pool leaves that was dropped while it ran."""
    if owner == os.getpid():
        crew.terminate()


_CREWS: weakref.WeakSet[Crew] = weakref.WeakSet()


def _terminate_all() -> None:
    """At the end of the interpreter: make no more calls."""
    for crew in list(_CREWS):
        crew.terminate()


# Before the executors' ends, which wait for the calls that they have taken.
threading._register_atexit(_terminate_all)  # type: ignore[attr-defined]

Pool.__module__ = ThreadPool.__module__ = "ungil.multiprocessing.pool"
