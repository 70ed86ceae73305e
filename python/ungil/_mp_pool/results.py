"""`ApplyResult` and `MapResult`: what comes of calls that somebody does not wait for at once.

A result with callbacks is ready when they have been called, as in the standard library.
"""

from __future__ import annotations

import time
from concurrent.futures import CancelledError
from multiprocessing import TimeoutError as StandardTimeout
from multiprocessing import pool as standard

from ungil._future import Future

TYPE_CHECKING = False
if TYPE_CHECKING:
    import concurrent.futures
    from collections.abc import Iterator
    from typing import Any, TypeVar

    from ungil._mp_pool.crew import Crew

    T = TypeVar("T")

    class _Base(standard.ApplyResult[T]):
        """The standard class, as which type checkers see ours."""

        _pool: Any
        _callback: Any
        _error_callback: Any

    class _MapBase:
        """The standard class, which type checkers need not know."""

else:
    T = None

    class _Base(standard.ApplyResult):
        """The standard class is there for `isinstance`; its `__init__` is never run."""

    _MapBase = standard.MapResult


__all__ = ("ApplyResult", "MapResult")


class ApplyResult(_Base[T]):
    """What comes of a call; `multiprocessing.pool.AsyncResult`. It keeps its pool alive until it is ready.

    Example:
        >>> from ungil.multiprocessing import Pool
        >>> with Pool(1) as pool:
        ...     result = pool.apply_async(pow, (2, 10))
        ...     result.get(timeout=60), result.ready(), result.successful()
        (1024, True, True)
    """

    def __init__(
        self,
        pool: object,
        future: concurrent.futures.Future[Any],
        callback: Any,
        error_callback: Any,
        crew: Crew,
    ) -> None:
        self._prepare(pool, callback, error_callback, crew)
        self._future = future
        if self._told is not None:
            future.add_done_callback(lambda _: crew.callbacks.put(self))

    def _prepare(self, pool: object, callback: Any, error_callback: Any, crew: Crew) -> None:
        self._pool = pool
        self._callback = callback
        self._error_callback = error_callback
        # Done when the callbacks have been called; None if there are none.
        self._told: Future[None] | None = None if callback is None and error_callback is None else Future()
        # What has come of it, once somebody has asked: whether it succeeded, and what it returned or raised.
        self._outcome: tuple[bool, Any] | None = None
        if self._told is not None:
            crew.callbacks.expect(self)

    def get(self, timeout: float | None = None) -> T:
        """Return what came of it, or raise what a call raised.

        Args:
            timeout: the most seconds to wait; None waits without end.

        Raises:
            multiprocessing.TimeoutError: it was not ready in time.
            WorkerDied: the process that made a call has died, or the pool was terminated.
        """
        if not self._wait(timeout):
            raise StandardTimeout
        has_succeeded, value = self._settled()
        if has_succeeded:
            result: T = value
            return result
        try:
            raise value
        finally:
            # What is raised has this frame, and must not keep itself.
            del value

    def wait(self, timeout: float | None = None) -> None:
        """Wait until it is ready, or for so many seconds."""
        self._wait(timeout)

    def ready(self) -> bool:
        """Return whether all calls have ended, and the callbacks have been called."""
        is_ready = self._has_ended() and (self._told is None or self._told.done())
        if is_ready:
            self._pool = None
        return is_ready

    def successful(self) -> bool:
        """Return whether no call has raised.

        Raises:
            ValueError: it is not ready.
        """
        if not self.ready():
            raise ValueError(f"{self!r} not ready")
        return self._settled()[0]

    # What the thread that calls back calls.

    def tell(self) -> None:
        """Call back."""
        has_succeeded, value = self._settled()
        callback = self._callback if has_succeeded else self._error_callback
        if callback is not None:
            callback(value)

    def be_told(self) -> None:
        """Be ready."""
        assert self._told is not None
        if not self._told.done():
            self._told.set_result(None)

    def _futures_of(self) -> Iterator[concurrent.futures.Future[Any]]:
        """Give what has to be done for it to have ended, in the order in which it is waited for."""
        yield self._future

    def _has_ended(self) -> bool:
        return self._future.done()

    def _settle(self) -> tuple[bool, Any]:
        """Return the outcome, when it has ended."""
        return _outcome_of(self._future)

    def _wait(self, timeout: float | None) -> bool:
        end = None if timeout is None else time.monotonic() + timeout
        for future in self._futures_of():
            if not _is_done(future, end):
                return False
        if self._told is not None and not _is_done(self._told, end):
            return False
        self._pool = None
        return True

    def _settled(self) -> tuple[bool, Any]:
        if self._outcome is None:
            self._outcome = self._settle()
        return self._outcome


class MapResult(ApplyResult[list[T]], _MapBase):
    """What comes of the calls of a `map`: a list, or what the first of those that raised has raised.

    It is ready when all calls have ended, also if one has raised.
    """

    def __init__(
        self, pool: object, n_chunks: int, chunksize: int, callback: Any, error_callback: Any, crew: Crew
    ) -> None:
        self._prepare(pool, callback, error_callback, crew)
        self._chunksize = chunksize
        self._n_chunks = n_chunks
        self._futures: list[concurrent.futures.Future[Any]] = []
        # Done when all calls have been submitted.
        self._fed: Future[None] = Future()
        # How many of the first calls have ended, as far as is known.
        self._n_first_done = 0
        self._n_to_end = 0
        self._crew = crew

    @property
    def _number_left(self) -> int:
        """How many chunks are left to do; what shows the progress of a `map` asks for it."""
        return max(0, self._n_chunks - sum(future.done() for future in self._futures))

    def take(self, future: concurrent.futures.Future[Any]) -> None:
        """A call has been submitted."""
        self._futures.append(future)

    def end(self) -> None:
        """All calls have been submitted."""
        self._n_chunks = len(self._futures)
        if self._told is not None:
            count = iter(range(len(self._futures), 0, -1))
            crew = self._crew

            def note_end(_: concurrent.futures.Future[Any]) -> None:
                if next(count) == 1:
                    crew.callbacks.put(self)

            for future in self._futures:
                future.add_done_callback(note_end)
            if not self._futures:
                crew.callbacks.put(self)
        self._fed.set_result(None)

    def _futures_of(self) -> Iterator[concurrent.futures.Future[Any]]:
        yield self._fed
        yield from self._futures

    def _has_ended(self) -> bool:
        if not self._fed.done():
            return False
        futures, n = self._futures, self._n_first_done
        while n < len(futures) and futures[n].done():
            n += 1
        self._n_first_done = n
        return n == len(futures)

    def _settle(self) -> tuple[bool, Any]:
        results: list[Any] = []
        for future in self._futures:
            has_succeeded, value = _outcome_of(future)
            if not has_succeeded:
                return False, value
            if self._chunksize == 1:
                results.append(value)
            else:
                results.extend(value)
        return True, results


def _is_done(future: concurrent.futures.Future[Any], end: float | None) -> bool:
    """Wait for the end of a future until a time; whether it has come."""
    try:
        future.exception(None if end is None else max(0.0, end - time.monotonic()))
    except CancelledError:
        return True
    except TimeoutError:
        # Or somebody has ended it with one.
        return future.done()
    return True


def _outcome_of(future: concurrent.futures.Future[Any]) -> tuple[bool, Any]:
    """Return whether a call that has ended succeeded, and what it returned or raised."""
    try:
        failure = future.exception()
    except CancelledError as cancelled:
        return False, cancelled.with_traceback(None)
    return (True, future.result()) if failure is None else (False, failure)


ApplyResult.__module__ = MapResult.__module__ = "ungil.multiprocessing.pool"
