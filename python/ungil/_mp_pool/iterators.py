"""`IMapIterator` and `IMapUnorderedIterator`: the results of an `imap`, while its calls are made."""

from __future__ import annotations

import queue
import threading
import time
import types
import weakref
from collections import deque
from multiprocessing import TimeoutError as StandardTimeout
from multiprocessing import pool as standard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from concurrent.futures import Future
    from typing import Any, Self, TypeVar

    from ungil._mp_pool.feeding import Feeding

    T = TypeVar("T")

    class _Base(standard.IMapIterator[T]):
        """The standard class, as which type checkers see ours."""

        _pool: Any

    class _UnorderedBase:
        """The standard class, which type checkers need not know."""

else:
    T = None

    class _Base(standard.IMapIterator):
        """The standard class is there for `isinstance`; its `__init__` is never run."""

        __class_getitem__ = classmethod(types.GenericAlias)

    _UnorderedBase = standard.IMapUnorderedIterator


__all__ = ("IMapIterator", "IMapUnorderedIterator", "InOrder", "Unordered")


class InOrder:
    """The calls of an `imap`, as they were submitted. What feeds them has it, and not the iterator."""

    def __init__(self) -> None:
        # None says that there are no more.
        self.futures: queue.SimpleQueue[Future[Any] | None] = queue.SimpleQueue()

    def take(self, future: Future[Any]) -> None:
        """A call has been submitted."""
        self.futures.put(future)

    def end(self) -> None:
        """All calls have been submitted."""
        self.futures.put(None)


class Unordered(InOrder):
    """The calls of an `imap_unordered`, as they have ended."""

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.RLock()
        # Those that have not ended, and the feeding.
        self._n_left = 1

    def take(self, future: Future[Any]) -> None:
        """A call has been submitted."""
        with self._lock:
            self._n_left += 1
        future.add_done_callback(self._note_end)

    def end(self) -> None:
        """All calls have been submitted."""
        self._count_down()

    def _note_end(self, future: Future[Any]) -> None:
        self.futures.put(future)
        self._count_down()

    def _count_down(self) -> None:
        with self._lock:
            self._n_left -= 1
            is_last = self._n_left == 0
        if is_last:
            self.futures.put(None)


class IMapIterator(_Base[T]):
    """The results of an `imap`, in the order of its elements. Any number of threads may take them.

    What a call raises is raised in its place, and further ones follow.
    """

    def __init__(self, pool: object, calls: InOrder, chunksize: int, feeding: Feeding) -> None:
        self._pool = pool
        self._calls = calls.futures
        self._chunksize = chunksize
        self._feeding = feeding
        # Those that somebody has taken, and waited for in vain; and results of a chunk that nobody has taken.
        self._returned: deque[Future[Any]] = deque()
        self._results: deque[T] = deque()
        if feeding.is_bounded:
            # Nobody will take the results.
            weakref.finalize(self, feeding.stop).atexit = False

    def __iter__(self) -> Self:
        return self

    def next(self, timeout: float | None = None) -> T:
        """Return the next result, or raise what its call raised.

        Args:
            timeout: the most seconds to wait; None waits without end.

        Raises:
            StopIteration: there are no more.
            multiprocessing.TimeoutError: it was not there in time. It may be asked for again.
        """
        end = None if timeout is None else time.monotonic() + timeout
        while True:
            try:
                return self._results.popleft()
            except IndexError:
                pass
            future = self._next_call(end)
            try:
                answer: Any = future.result(None if end is None else max(0.0, end - time.monotonic()))
            except BaseException as failure:
                if not _has_raised(future, failure):
                    # It is the wait that ended, by its time or by a signal's handler.
                    self._returned.appendleft(future)
                    if isinstance(failure, TimeoutError):
                        raise StandardTimeout from None
                elif self._feeding.is_bounded:
                    self._feeding.note_taken()
                raise
            finally:
                # What is raised has this frame, and must not keep the future, which has what is raised.
                del future
            if self._feeding.is_bounded:
                self._feeding.note_taken()
            if self._chunksize == 1:
                return answer  # type: ignore[no-any-return]
            self._results.extend(answer)

    __next__ = next  # noqa: A003 -- the method's own name

    def _next_call(self, end: float | None) -> Future[Any]:
        try:
            return self._returned.popleft()
        except IndexError:
            pass
        try:
            future = self._calls.get(timeout=None if end is None else max(0.0, end - time.monotonic()))
        except queue.Empty:
            raise StandardTimeout from None
        if future is None:
            # Others may wait.
            self._calls.put(None)
            self._pool = None
            raise StopIteration
        return future


class IMapUnorderedIterator(IMapIterator[T], _UnorderedBase):
    """The results of an `imap_unordered`, each when its call has ended."""


def _has_raised(future: Future[Any], failure: BaseException) -> bool:
    """Return whether an exception is what came of a call, and not of the wait for it."""
    return future.done() and (future.cancelled() or future.exception() is failure)


IMapIterator.__module__ = IMapUnorderedIterator.__module__ = "ungil.multiprocessing.pool"
