"""`Executor`: what all of ours have, which is `map`."""

from __future__ import annotations

import concurrent.futures
import time
import weakref
from collections import deque
from functools import partial
from itertools import islice, starmap

from ungil._progress import bar_class, shown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, TypeVar

    T = TypeVar("T")

__all__ = ("Executor",)


class Executor(concurrent.futures.Executor):
    """What makes calls elsewhere: a `concurrent.futures.Executor`, whose `map` is that of CPython 3.14 on every Python.

    A subclass has a `submit` of its own.

    Example:
        >>> from ungil.futures import Executor, Future
        >>> class Here(Executor):
        ...     def submit(self, fn, /, *args, **kwargs):
        ...         future = Future()
        ...         future.set_result(fn(*args, **kwargs))
        ...         return future
        >>> list(Here().map(pow, [2, 3], [3, 2]))
        [8, 9]
    """

    def map(
        self,
        fn: Callable[..., T],
        *iterables: Iterable[Any],
        timeout: float | None = None,
        chunksize: int = 1,  # noqa: ARG002 -- for executors with processes
        buffersize: int | None = None,
        progress: bool = False,
    ) -> Iterator[T]:
        """Call `fn` with the elements of the iterables, as the built-in `map`, several calls at once.

        The calls are submitted before this returns; with `buffersize`, only so many that nobody has taken the result
        of, and the iterables are drawn from as results are taken. The results come in the order of the elements. What
        a call raises is raised in its place, and the calls after it are cancelled, as they are when the iterator is
        dropped.

        Args:
            fn: what is called.
            *iterables: where its arguments come from; the shortest ends it.
            timeout: the most seconds from now until the last result; None waits without end.
            chunksize: has a meaning for processes alone.
            buffersize: the most calls that are submitted and whose results are not taken; None for any number.
            progress: whether to show a bar of tqdm, which counts the results that were taken.

        Returns:
            An iterator over the results.

        Raises:
            TimeoutError: a result was not there in time; by the iterator.
            TypeError: `buffersize` is no whole number.
            ValueError: `buffersize` is less than 1.
            ImportError: tqdm is not installed, and `progress` is true.

        Example:
            >>> from ungil.futures import ThreadPoolExecutor
            >>> with ThreadPoolExecutor(max_workers=2) as executor:
            ...     list(executor.map(len, ["one", "two", "three"]))
            [3, 3, 5]
        """
        if buffersize is not None:
            if not isinstance(buffersize, int):
                raise TypeError("buffersize must be an integer or None")
            if buffersize < 1:
                raise ValueError("buffersize must be None or > 0")
        if progress:
            # Told before anything is submitted.
            bar_class()
        end = None if timeout is None else time.monotonic() + timeout
        arguments = zip(*iterables, strict=False)
        futures: deque[concurrent.futures.Future[T]]
        if buffersize is not None:
            futures = deque(starmap(self._submitting(fn), islice(arguments, buffersize)))
        elif iterables:
            futures = deque(map(self._submitting(fn), *iterables))
        else:
            futures = deque()
        results = _results(futures, end, self._weakly(), fn, arguments if buffersize is not None else None)
        return shown(results, len(futures) if buffersize is None else None) if progress else results

    def _submitting(self, fn: Callable[..., T]) -> Callable[..., concurrent.futures.Future[T]]:
        """Return what submits calls of `fn`, many of them."""
        return partial(self.submit, fn)

    def _weakly(self) -> Callable[[], concurrent.futures.Executor | None]:
        """Return what gives this executor for as long as it lives: an iterator of results may outlive it."""
        return weakref.ref(self)


def _results(
    futures: deque[concurrent.futures.Future[T]],
    end: float | None,
    find_executor: Callable[[], concurrent.futures.Executor | None],
    fn: Callable[..., T],
    arguments: Iterator[tuple[Any, ...]] | None,
) -> Iterator[T]:
    """Give the results of futures in their order, and submit a further call for each while there are `arguments`."""
    try:
        while futures:
            if (
                arguments is not None
                and (executor := find_executor()) is not None
                and (each := next(arguments, None)) is not None
            ):
                futures.append(executor.submit(fn, *each))
            executor = None
            yield _result_or_cancel(futures.popleft(), None if end is None else end - time.monotonic())
    finally:
        for future in futures:
            future.cancel()


def _result_or_cancel(future: concurrent.futures.Future[T], timeout: float | None) -> T:
    try:
        return future.result(timeout)
    except BaseException:
        future.cancel()
        raise
    finally:
        # What is raised has this frame, and must not keep the future, which has what is raised.
        del future


Executor.__module__ = "ungil.futures"
