"""The primitives of `ungil.multiprocessing`: the standard library's, on words that outlive whoever held them.

Each class has the standard class among its bases, and so its reprs and its name; what it does is done by the class of
`ungil._core` that comes before it. A primitive is passed to another process while that is started, by its place and
the descriptor of the shared memory it lies in; a forked child has it already.
"""

from __future__ import annotations

import sys
import threading
import time
from multiprocessing import context, reduction, synchronize
from weakref import WeakValueDictionary

from ungil._core import _Barrier, _Event, _Segment, _SemLock, _Waiters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any, Self

__all__ = ("Barrier", "BoundedSemaphore", "Condition", "Event", "Lock", "RLock", "Semaphore")

# The kinds of `_SemLock`.
_RECURSIVE, _SEMAPHORE, _LOCK = 0, 1, 2


class _Acquired(_SemLock):
    """What locks and semaphores have in common."""

    def __init__(self, kind: int, value: int, maxvalue: int) -> None:
        self._open(kind, value, maxvalue, _made_at())

    @property
    def _semlock(self) -> Self:
        """Where the standard classes keep what has these methods."""
        return self

    def __getstate__(self) -> tuple[Any, ...]:
        context.assert_spawning(self)
        segment, *rest = self._parts()
        return (_one(segment), *rest)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._attach(*state)


class Lock(_Acquired, synchronize.Lock):
    """A lock that one process, and within that one thread, holds at a time, and that anybody may release.

    Example:
        >>> from ungil.multiprocessing import Lock
        >>> lock = Lock()
        >>> with lock:
        ...     lock.acquire(block=False)
        False
    """

    def __init__(self, *, ctx: Any) -> None:  # noqa: ARG002 -- as the standard class
        super().__init__(_LOCK, 1, 1)


class RLock(_Acquired, synchronize.RLock):
    """A lock that its holder may acquire again, and releases as often.

    Example:
        >>> from ungil.multiprocessing import RLock
        >>> lock = RLock()
        >>> with lock, lock:
        ...     lock
        <RLock(MainProcess, 2)>
    """

    def __init__(self, *, ctx: Any) -> None:  # noqa: ARG002 -- as the standard class
        super().__init__(_RECURSIVE, 1, 1)


class Semaphore(_Acquired, synchronize.Semaphore):
    """So many permits, which processes acquire and release.

    As long as each process releases what it has acquired itself, the permits of one that dies come back.

    Example:
        >>> from ungil.multiprocessing import Semaphore
        >>> semaphore = Semaphore(2)
        >>> with semaphore:
        ...     semaphore.get_value()
        1
    """

    def __init__(self, value: int = 1, *, ctx: Any) -> None:  # noqa: ARG002 -- as the standard class
        super().__init__(_SEMAPHORE, value, self.SEM_VALUE_MAX)


class BoundedSemaphore(_Acquired, synchronize.BoundedSemaphore):
    """A semaphore that is not released more often than it was acquired.

    Example:
        >>> from ungil.multiprocessing import BoundedSemaphore
        >>> BoundedSemaphore(2).release()
        Traceback (most recent call last):
        ValueError: semaphore or lock released too many times
    """

    def __init__(self, value: int = 1, *, ctx: Any) -> None:  # noqa: ARG002 -- as the standard class
        super().__init__(_SEMAPHORE, value, value)


class Condition(synchronize.Condition):
    """Processes wait, with a lock that is released meanwhile, until another notifies them.

    Example:
        >>> from ungil.multiprocessing import Condition
        >>> condition = Condition()
        >>> with condition:
        ...     condition.wait(timeout=0.001)
        False
    """

    def __init__(self, lock: Any = None, *, ctx: Any) -> None:
        self._lock = lock or ctx.RLock()
        self._waiters = _Waiters()
        self._make_methods()

    def __getstate__(self) -> tuple[Any, ...]:
        context.assert_spawning(self)
        segment, offset = self._waiters._parts()
        return (self._lock, _one(segment), offset)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._lock, segment, offset = state
        self._waiters = _Waiters(segment, offset)
        self._make_methods()

    def _make_methods(self) -> None:
        self.acquire = self._lock.acquire  # type: ignore[method-assign]
        self.release = self._lock.release  # type: ignore[method-assign]

    def __repr__(self) -> str:
        return f"<{type(self).__name__}({self._lock}, {len(self._waiters)})>"

    def wait(self, timeout: float | None = None) -> bool:
        """Release the lock, wait to be notified, and acquire it again; whether the notification was in time."""
        lock = self._lock
        assert lock._semlock._is_mine(), "must acquire() condition before using wait()"
        count = lock._semlock._count()
        try:
            return self._waiters.wait(lock.release, count, timeout)
        finally:
            for _ in range(count):
                lock.acquire()

    def notify(self, n: int = 1) -> None:
        """Wake up to `n` of those that wait; the longest waiting first."""
        assert self._lock._semlock._is_mine(), "lock is not owned"
        self._waiters.notify(max(n, 0))

    def notify_all(self) -> None:
        """Wake all that wait."""
        self.notify(sys.maxsize)

    def wait_for(self, predicate: Callable[[], Any], timeout: float | None = None) -> Any:
        """Wait until `predicate()` is true; what it returned last."""
        end = None if timeout is None else time.monotonic() + timeout
        while not (result := predicate()):
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                break
            self.wait(left)
        return result

    def __enter__(self) -> Any:
        """Acquire the lock."""
        return self._lock.__enter__()

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        """Release it."""
        self._lock.__exit__(exc_type, exc, tb)


class Event(_Event, synchronize.Event):
    """A flag that starts false, and that processes wait for.

    Example:
        >>> from ungil.multiprocessing import Event
        >>> event = Event()
        >>> event.wait(timeout=0.001)
        False
        >>> event.set()
        >>> event.wait()
        True
    """

    def __init__(self, *, ctx: Any) -> None:  # noqa: ARG002 -- as the standard class
        self._open()

    def __getstate__(self) -> tuple[Any, ...]:
        context.assert_spawning(self)
        segment, offset = self._parts()
        return (_one(segment), offset)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._attach(*state)

    def __repr__(self) -> str:
        return f"<{type(self).__qualname__} at {id(self):#x} {'set' if self.is_set() else 'unset'}>"


class Barrier(_Barrier, synchronize.Barrier):
    """So many processes or threads wait until all of them have arrived, again and again.

    Example:
        >>> from ungil.multiprocessing import Barrier
        >>> barrier = Barrier(1)
        >>> barrier.wait()
        0
    """

    def __init__(
        self,
        parties: int,
        action: Callable[[], object] | None = None,
        timeout: float | None = None,
        *,
        ctx: Any,  # noqa: ARG002 -- as the standard class
    ) -> None:
        if parties < 1:
            raise ValueError("parties must be >= 1")
        self._open(parties)
        self._parties, self._action, self._timeout = parties, action, timeout

    def __getstate__(self) -> tuple[Any, ...]:
        context.assert_spawning(self)
        segment, offset = self._parts()
        return (_one(segment), offset, self._parties, self._action, self._timeout)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        segment, offset, self._parties, self._action, self._timeout = state
        self._attach(segment, offset, self._parties)

    def wait(self, timeout: float | None = None) -> int:
        """Wait until all have arrived; how many came before, from 0 on.

        The last to arrive runs the action. A barrier breaks when a party's time is over, or its action raises, or
        the process of one that waits dies.

        Raises:
            BrokenBarrierError: the barrier is broken, or has been reset meanwhile.
        """
        index = self._pass(self._timeout if timeout is None else timeout, self._action)
        if index is None:
            raise threading.BrokenBarrierError
        return index


# The one `_Segment` that stands for each segment in what is pickled: so its descriptor is passed once.
_SEGMENTS: WeakValueDictionary[int, _Segment] = WeakValueDictionary()


def _one(segment: _Segment) -> _Segment:
    return _SEGMENTS.setdefault(segment.key, segment)


def _reduced(segment: _Segment) -> tuple[Callable[[Any], _Segment], tuple[Any]]:
    return _received, (reduction.DupFd(segment.fileno()),)


def _received(copy: Any) -> _Segment:
    return _Segment(copy.detach())


reduction.register(_Segment, _reduced)


def _made_at() -> str | None:
    """Return where in the program a primitive is being made, which the code of libraries is not."""
    frame = sys._getframe(1)
    while frame.f_globals.get("__name__", "").partition(".")[0] in ("ungil", "multiprocessing"):
        if frame.f_back is None:
            return None
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}"
